"""Flags as they live: who answers for them, what requests had of them, and which of them are to go."""

from collections.abc import Mapping
from datetime import UTC, datetime

from focusplane.define.controls import Flag
from focusplane.define.focus import Focus
from focusplane.kernel.quantity import format_duration
from focusplane.kernel.tick import DAY
from focusplane.observe.reading import Measured
from focusplane.plane.queries.focuses import find
from focusplane.plane.queries.shown import Shown
from focusplane.plane.world import World

Spans = Mapping[str, tuple[int, int]]
"""Variant -> when it was first and last served, Unix ms."""


def flags(world: World, focus: str = "", days: int = 30) -> list[Shown]:
    """Every flag with the evidence for its end; those that are to go first. Raises `NotFoundError` for an unknown focus."""
    chosen = [find(world, focus)] if focus else world.policies.set.focuses.values()
    found = [_flag(world, one, flag, days) for one in chosen for flag in one.controls.flags.values()]
    return sorted(found, key=lambda one: (not one["stale"], one["target"]))


def _flag(world: World, focus: Focus, flag: Flag, days: int) -> Shown:
    served = _served(world, focus.name, flag.key)
    last = max((end for _, end in served.values()), default=0)
    why = [*_expired(world, flag), *_unneeded(world, focus, flag, served, days)]
    return {
        "target": f"{focus.name}/{flag.key}",
        "focus": focus.name,
        "flag": flag.key,
        "owner": flag.owner or focus.owner,
        "expires": flag.expires,
        "permanent": flag.permanent,
        "served": [{"variant": name, "first": first, "last": end} for name, (first, end) in served.items()],
        "evaluated_at": last or None,
        "stale": bool(why),
        "why": why,
    }


def _served(world: World, focus: str, key: str) -> Spans:
    """Also what requests of other focuses had of it."""
    found: dict[str, tuple[int, int]] = {}
    for name in world.counters.lanes:
        for variant, (first, end) in world.counters.served(
            name, key if name == focus else f"{focus}/{key}"
        ).items():
            before = found.get(variant, (first, end))
            found[variant] = min(first, before[0]), max(end, before[1])
    return found


def _expired(world: World, flag: Flag) -> list[str]:
    today = datetime.fromtimestamp(world.tick.at // 1_000, UTC).date().isoformat()
    return [f"expired on {flag.expires}"] if flag.expires and flag.expires < today else []


def _unneeded(world: World, focus: Focus, flag: Flag, served: Spans, days: int) -> list[str]:
    """That nobody asks for it, or that everybody has got the same for so long."""
    now, since, span = world.tick.at, world.tick.at - days * DAY, format_duration(days * DAY)
    if not served:
        counted = _requests(world, focus, days)
        return [f"never evaluated, in {counted:,} requests of the last {span}"] if counted else []
    recent = {variant: spans for variant, spans in served.items() if spans[1] > since}
    if not recent:
        last = max(end for _, end in served.values())
        return [f"not evaluated for {format_duration((now - last) // DAY * DAY)}"]
    first = min(start for start, _ in recent.values())
    if len(recent) == 1 and first <= since and not flag.permanent:
        return [f"everybody got {next(iter(recent))!r} for {span}"]
    return []


def _requests(world: World, focus: Focus, days: int) -> int:
    """What could have evaluated it; nothing where no objective counts requests."""
    for objective in focus.objectives:
        seen = world.counters.requests(focus.name, objective.name, days * DAY, world.tick.at)
        if isinstance(seen, Measured) and seen.total:
            return seen.total
    return 0
