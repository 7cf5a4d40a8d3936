"""Who had which variant of a flag in the last hour, and how that ended."""

from focusplane.define.focus import Focus
from focusplane.kernel.quantity import format_percent
from focusplane.kernel.tick import HOUR
from focusplane.observe.reading import Measured, NoData
from focusplane.plane.arrows import bounded
from focusplane.plane.draft import Draft
from focusplane.plane.queries.focuses import find
from focusplane.plane.queries.shown import Shown, number
from focusplane.plane.world import World


def variants(world: World, name: str) -> list[Shown]:
    """Every flag that a focus declares, and those that its requests evaluate besides, by name. Raises `NotFoundError`."""
    focus = find(world, name)
    foreign = [key for key in world.counters.evaluated(name) if key not in focus.controls.flags]
    rows = [{"flag": key, "declared": True, **exposure(world, name, key)} for key in focus.controls.flags]
    rows += [{"flag": key, "declared": False, **exposure(world, name, key)} for key in foreign]
    return sorted(rows, key=lambda row: (not row["declared"], row["flag"]))


def exposure(world: World, name: str, key: str) -> Shown:
    """Requests and failures of each variant in the last hour, when each was first and last served, and how far the budget
    lets the flag be raised (`bound`).
    """
    mark = world.counters.flag_mark(name, key)
    now = world.tick.at if isinstance(mark, NoData) else mark
    hour, served = world.counters.exposed(name, key, now - HOUR, now), world.counters.served(name, key)
    rows = [_row(variant, hour.get(variant), served.get(variant)) for variant in sorted({*hour, *served})]
    focus = world.policies.set.focuses.get(name)
    return {
        "variants": rows,
        "text": _text(rows),
        "last": max((last for _, last in served.values()), default=None),
        "no_data": mark.why if isinstance(mark, NoData) else None,
        "bound": "" if focus is None else _bound(world, focus, key),
    }


def _row(variant: str, seen: Measured | None, span: tuple[int, int] | None) -> Shown:
    total, bad = (0, 0) if seen is None else (seen.total, seen.bad)
    share = seen.bad_ratio if seen is not None and seen.total else None
    return {
        "variant": variant,
        "requests": total,
        "failed": bad,
        "failed_share": number(share),
        "failed_text": "–" if share is None else format_percent(share, 2),
        "first": None if span is None else span[0],
        "last": None if span is None else span[1],
    }


def _text(rows: list[Shown]) -> str:
    """`on: 1,203 requests, 0.42% failed; off: 40 requests, 0% failed`."""
    told = [
        f"{row['variant']}: {row['requests']:,} request{'' if row['requests'] == 1 else 's'}, {row['failed_text']} failed"
        for row in rows
        if row["requests"]
    ]
    return "; ".join(told) or "no request of the last hour has evaluated it"


def _bound(world: World, focus: Focus, key: str) -> str:
    """How far it may be raised now; empty without a bound in force."""
    flag = focus.controls.flags.get(key)
    if flag is None or not flag.exposure:
        return ""
    bound, words = bounded.bound(Draft(world, world.tick), focus, flag)
    if bound is None:
        return ""
    return f"{words}: may be raised to {format_percent(bound.at_most)} at most"
