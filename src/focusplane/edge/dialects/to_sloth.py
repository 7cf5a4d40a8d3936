"""Focuses -> files of Sloth (`prometheus/v1`), one for each focus, with a note for all that Sloth cannot say.

Sloth has one period for a run and alert tables only for the periods of its catalogue (28 and 30 days are built in); it has no
calendar, no slices, no composites, and nothing that acts. (slok/sloth v0.16.)
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from focusplane.define.burn import say
from focusplane.define.focus import Focus
from focusplane.define.slo import BurnRule, Level, Objective, Rolling
from focusplane.edge.dialects.asked import Query, query_of
from focusplane.edge.dialects.leaving import Leaving
from focusplane.edge.dialects.quantities import decimal, written
from focusplane.edge.dialects.sloth import CATALOGUE, VERSION
from focusplane.kernel.tick import DAY

BUILT_IN = (28 * DAY, 30 * DAY)
TEMPLATE = "{{.window}}"


def to_sloth(focuses: Iterable[Focus], leaving: Leaving) -> dict[str, list[dict[str, Any]]]:
    """File name -> one document; a focus of which nothing can be said there has none."""
    found = {}
    for focus in focuses:
        leaving.focus(focus)
        slos = [slo for one in focus.objectives if (slo := _slo(focus, one, leaving)) is not None]
        if slos:
            labels = {"labels": dict(focus.labels)} if focus.labels else {}
            found[f"{focus.name}.yaml"] = [
                {"version": VERSION, "service": focus.name, **labels, "slos": slos}
            ]
    return found


def _slo(focus: Focus, objective: Objective, leaving: Leaving) -> dict[str, Any] | None:
    query = query_of(focus, objective, leaving)
    if query is None:
        return None
    if objective.sli.slices is not None:
        leaving.refused(focus, objective, "Sloth counts events; it has no slices of time")
        return None
    leaving.objective(focus, objective)
    _period(focus, objective, leaving)
    alerting = {"name": f"{focus.name}-{objective.name}", **_alerts(focus, objective, leaving)}
    slo: dict[str, Any] = {"name": objective.name, "objective": _number(objective)}
    if focus.description:
        slo["description"] = focus.description
    return {**slo, "sli": _sli(query), "alerting": alerting}


def _number(objective: Objective) -> int | float:
    value = objective.target * 100
    return int(value) if value.denominator == 1 else float(decimal(value))


def _sli(query: Query) -> dict[str, Any]:
    if query.ratio:
        return {"raw": {"error_ratio_query": query.ratio.replace("{{window}}", TEMPLATE)}}
    bad, total = query.over(TEMPLATE)
    return {"events": {"error_query": bad, "total_query": total}}


def _period(focus: Focus, objective: Objective, leaving: Leaving) -> None:
    window, path = objective.window, "window"
    if not isinstance(window, Rolling):
        leaving.lost(
            focus, objective, path, "Sloth has no calendar windows: it judges by the period of its run"
        )
    elif window.length_ms in BUILT_IN:
        what = f"the period is an option of the run: sloth generate --default-slo-period={written(window.length_ms)}"
        leaving.changed(focus, objective, path, what)
    else:
        what = (
            f"Sloth has tables for 28d and 30d only; {written(window.length_ms)} needs a catalogue of its own"
        )
        hint = f"--slo-period-windows-path with an AlertWindows of sloPeriod {written(window.length_ms)}"
        leaving.changed(focus, objective, path, what, hint)


@dataclass(frozen=True, slots=True)
class _Spent:
    """A rule as the catalogue has it."""

    level: Level
    percent: str
    long_ms: int
    short_ms: int


def _alerts(focus: Focus, objective: Objective, leaving: Leaving) -> Mapping[str, Any]:
    """Sloth has its table: a level that has no rule here is disabled there, every other rule is told."""
    told = [_spent(rule, objective) for rule in objective.rules]
    known = {_Spent(Level[row.level.upper()], row.percent, row.long_ms, row.short_ms) for row in CATALOGUE}
    for rule, spent in zip(objective.rules, told, strict=True):
        if rule.level is Level.NONE:
            continue
        if spent not in known:
            leaving.lost(focus, objective, "rules", f"Sloth has its own table, in which {say(rule)} is not")
    levels = {rule.level for rule in objective.rules}
    missing = known - set(told)
    for level in (Level.PAGE, Level.TICKET):
        rows = [row for row in missing if row.level is level]
        if level in levels and rows:
            for row in sorted(rows, key=lambda one: one.long_ms):
                what = f"Sloth alerts at {row.percent} % of the budget in {written(row.long_ms)}, too, which is no rule here"
                leaving.changed(focus, objective, "rules", what)
    return {
        "page_alert": {"labels": {"severity": "page"}} if Level.PAGE in levels else {"disable": True},
        "ticket_alert": {"labels": {"severity": "ticket"}} if Level.TICKET in levels else {"disable": True},
    }


def _spent(rule: BurnRule, objective: Objective) -> _Spent:
    length = objective.window.length_ms if isinstance(objective.window, Rolling) else 30 * DAY
    share = rule.factor * rule.long_ms / length * 100 if rule.factor is not None else None
    shown = "" if share is None else decimal(share)
    return _Spent(rule.level, shown, rule.long_ms, rule.short_ms)
