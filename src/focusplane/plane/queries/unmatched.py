"""Matches that never fit anything: a typo in a policy looks like a service without a failure, or like one without traffic."""

from focusplane.define.focus import Focus
from focusplane.define.sli import Match, SliKind
from focusplane.define.slo import Objective
from focusplane.observe.lane import Lane
from focusplane.observe.rings import BAD, TOTAL
from focusplane.plane.world import World

FEW = 100
"""Below so many answers it is too early to wonder."""


def unmatched(world: World, focus: Focus, objective: Objective) -> str:
    """Which match of an objective on events has never fitted an answer, and what is known of why; empty if none."""
    lane, sli = world.counters.lanes.get(focus.name), objective.sli
    if lane is None or sli.kind is not SliKind.EVENTS:
        return ""
    column = lane.wholes.get((objective.name, ""))
    totals = world.counters.wholes.totals
    total, bad = (0, 0) if column is None else (int(totals[TOTAL, column]), int(totals[BAD, column]))
    left_out = lane.excluded.get(objective.name, 0)
    if sli.total is not None and not total and left_out >= FEW:
        return _said("total", sli.total, left_out, lane)
    if sli.good is not None and total >= FEW and bad == total:
        return _said("good", sli.good, total, lane)
    if sli.good is None and total >= FEW and not bad and _may_be_mistyped(sli.bad):
        return _said("bad", sli.bad, total, lane)
    return ""


def _may_be_mistyped(match: Match) -> bool:
    """That no status 5xx ever came is what one hopes for; names are what people get wrong."""
    return bool(match.attributes or match.routes or match.tenants or match.clients or match.errors)


def _said(name: str, match: Match, of: int, lane: Lane) -> str:
    keys = [_key(key, values, lane) for key, values in match.attributes]
    return "; ".join([f"none of {of:,} answers has ever fitted `{name}`", *filter(None, keys)])


def _key(key: str, values: tuple[str, ...], lane: Lane) -> str:
    if key not in lane.told:
        return f"no telemetry has the attribute {key}"
    return "" if lane.told[key] else f"{key} is told, and never was {' or '.join(values)}"
