"""Corrections as people see them: the span, who stands for it and why, and the budget without and with it."""

from focusplane.act.correction import Correction, Effect
from focusplane.kernel.errors import NotFoundError
from focusplane.kernel.quantity import format_duration, format_percent
from focusplane.plane.queries.shown import Shown, number
from focusplane.plane.world import World


def corrections(world: World, focus: str = "") -> list[Shown]:
    """Those in force first, then by their beginning, the newest first."""
    rows = [each for each in world.corrections.values() if focus in ("", each.focus)]
    return [row(world, each) for each in sorted(rows, key=lambda each: (not each.live, -each.since, each.id))]


def correction(world: World, key: str) -> Shown:
    """Raises `NotFoundError`."""
    found = world.corrections.get(key)
    if found is None:
        raise NotFoundError(f"there is no correction {key!r}", "focus correction list")
    return row(world, found)


def row(world: World, one: Correction) -> Shown:
    return {
        "id": one.id,
        "focus": one.focus,
        "objective": one.objective or None,
        "from": one.since,
        "to": one.until,
        "lasts": format_duration(one.until - one.since),
        "as": str(one.mode),
        "reason": one.reason,
        "author": one.author,
        "by": one.by,
        "made_at": one.made_at,
        "expires": one.expires or None,
        "calendar": one.calendar or None,
        "state": _state(world, one),
        "complete": one.complete,
        "ended_at": one.ended_at or None,
        "ended_by": one.ended_by or None,
        "ended_why": one.ended_why or None,
        "effects": {name: _effect(each) for name, each in one.effects.items()},
    }


def _state(world: World, one: Correction) -> str:
    if not one.live:
        return "ended"
    if one.since > world.tick.at:
        return "ahead"
    return "complete" if one.complete else "under way"


def _effect(one: Effect) -> Shown:
    return {
        "events": one.events,
        "failures": one.failures,
        "before": number(one.before),
        "after": number(one.after),
        "before_text": "–" if one.before is None else format_percent(one.before, 2),
        "after_text": "–" if one.after is None else format_percent(one.after, 2),
    }
