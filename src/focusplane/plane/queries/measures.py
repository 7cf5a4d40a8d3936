"""The measures M1-M8 of one focus; what is not measured says why instead of showing a zero."""

from fractions import Fraction

from focusplane.act.action import Action, Phase
from focusplane.define.focus import Focus
from focusplane.define.sli import SliKind
from focusplane.kernel.tick import DAY, HOUR
from focusplane.observe.extras import MICRO
from focusplane.observe.health import Health
from focusplane.observe.reading import NoData
from focusplane.observe.roster import Tenants
from focusplane.observe.verdict import Of
from focusplane.plane.queries.shown import Shown, reading
from focusplane.plane.queries.sources import traced, untold
from focusplane.plane.world import World

_MONTH_MS = 30 * DAY
USUAL_MITIGATIONS = 1
"""In 30 days, of one focus."""
BY_MITIGATION = "mitigation "
_DONE = frozenset({Phase.APPLIED, Phase.VERIFIED, Phase.REVERTING, Phase.REVERTED})


def measures(world: World, focus: Focus) -> Shown:
    return {
        "M1": {"what": "availability", **_sli(world, focus, SliKind.EVENTS)},
        "M2": {"what": "latency", **_sli(world, focus, SliKind.LATENCY)},
        "M3": {"what": "burn rate", **_burn(world, focus)},
        "M4": _rate(world, focus),
        "M5": {"what": "trace coverage", **traced(world, focus)},
        "M6": {"what": "time to mitigate", **_mitigate(world, focus)},
        "M7": {"what": "tenant impact", **_tenants(world, focus)},
        "M8": {"what": "cost per transaction", **_cost(world, focus)},
    }


def _judged(world: World, focus: Focus, kind: SliKind) -> list[Health]:
    rows = [world.health.get(f"{focus.name}/{one.name}") for one in focus.objectives if one.sli.kind is kind]
    return [row for row in rows if row is not None]


def _sli(world: World, focus: Focus, kind: SliKind) -> Shown:
    judged = _judged(world, focus, kind)
    if not judged:
        return {"value": None, "no_data": f"no {kind} objective has been judged"}
    shown = reading(judged[0].reading)
    return {"value": shown["sli"], "text": shown.get("sli_text", "–"), "objective": judged[0].objective}


def _cost(world: World, focus: Focus) -> Shown:
    """The mean of the stable version, in the unit of the cap, where a rollout compares it: elsewhere nobody adds it up."""
    verdict = world.verdicts.get(focus.name)
    for one in verdict.metrics if verdict is not None else ():
        if one.of is Of.COST and one.baseline_total:
            mean = float(Fraction(one.baseline_bad, one.baseline_total) * one.cap / MICRO)
            return {
                "value": mean,
                "text": f"{mean:.4g} over {one.baseline_total:,} requests of the stable version",
            }
    return {"value": None, "no_data": "a cost is added up only in a rollout that compares it (judge.metrics)"}


def _burn(world: World, focus: Focus) -> Shown:
    rates = [
        burn.short_rate
        for objective in focus.objectives
        if (health := world.health.get(f"{focus.name}/{objective.name}")) is not None
        for burn in health.burns
        if burn.short_rate is not None and burn.rule.factor is not None
    ]
    if not rates:
        return {"value": None, "no_data": "no burn window holds data"}
    return {"value": float(max(rates)), "text": f"{float(max(rates)):.1f}x"}


def _actions(world: World, focus: Focus) -> list[Action]:
    """What moved a control, also if it did not help or was overtaken."""
    since = world.tick.at - _MONTH_MS
    return [
        one
        for one in world.actions.values()
        if one.focus == focus.name and one.planned_at >= since and (one.phase in _DONE or one.board_version)
    ]


def _rate(world: World, focus: Focus) -> Shown:
    """One mitigation a month is usual; more says that triggers are noisy. Steps of a rollout are no mitigation."""
    done = _actions(world, focus)
    alone = sum(one.by.startswith(BY_MITIGATION) for one in done)
    noisy = f"{alone} mitigations in 30 days: are its triggers noisy?" if alone > USUAL_MITIGATIONS else ""
    return {"what": "control actions in 30 days", "value": len(done), "mitigations": alone, "noisy": noisy}


def _mitigate(world: World, focus: Focus) -> Shown:
    spans = [
        one.mitigated_at - one.opened_at
        for one in world.incidents.values()
        if one.focus == focus.name and one.mitigated_at
    ]
    if not spans:
        return {"value": None, "no_data": "no incident has been mitigated yet"}
    return {"value": sorted(spans)[len(spans) // 2], "unit": "ms", "incidents": len(spans)}


_WINDOWS_MS = {"1h": HOUR, "24h": DAY}


def _tenants(world: World, focus: Focus) -> Shown:
    """Of the newest incident that counted them, and beside it of the last hour and day."""
    windows = {name: _hurt_over(world, focus, name) for name in _WINDOWS_MS}
    rule = (
        "hurt: at least one request failed; active: at least one request, also of who came or left meanwhile"
    )
    said: Shown = {"windows": windows, "rule": rule}
    rows = [
        one for one in world.incidents.values() if one.focus == focus.name and "tenants_hurt" in one.impact
    ]
    unknown = untold(world, focus).get("tenant")
    if rows:
        newest = max(rows, key=lambda one: one.opened_at)
        impact = newest.impact
        return {
            "value": impact["tenants_hurt"],
            "of": impact.get("tenants_active"),
            "incident": newest.id,
            **said,
        }
    hour = windows["1h"]
    if unknown or not hour["active"]:
        return {"value": None, "no_data": unknown or "no tenant had a request in 1h", **said}
    return {"value": hour["hurt"], "of": hour["active"], "text": hour["text"], **said}


def _hurt_over(world: World, focus: Focus, window: str) -> Shown:
    """At least so many, and at most so many more as had no place of their own."""
    lane, mark = world.counters.lanes.get(focus.name), world.counters.watermark(focus.name)
    found = (
        Tenants(0, 0)
        if lane is None or isinstance(mark, NoData)
        else lane.roster.over(mark - _WINDOWS_MS[window])
    )
    text = f"{found.hurt:,} of {found.active:,} tenants hurt in {window}"
    if found.beyond:
        text += f"; at most {found.beyond_failed:,} more hurt and {found.beyond:,} more active, beyond those told apart"
    if found.unnamed:
        text += f"; {found.unnamed:,} requests named no tenant"
    return {
        "hurt": found.hurt,
        "hurt_at_most": found.hurt + found.beyond_failed,
        "active": found.active,
        "active_at_most": found.active + found.beyond,
        "unnamed": found.unnamed,
        "text": text,
    }
