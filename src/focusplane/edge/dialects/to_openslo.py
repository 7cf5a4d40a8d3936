"""Focuses -> OpenSLO v1: a Service, a DataSource, the targets of alerts, and an SLO for each objective.

A condition of OpenSLO has one window, so the short windows of an alert table are lost; it has no slot for levels that act.
Queries are named by an interval as Sloth writes it. (OpenSLO/OpenSLO README at aa5cb78.)
"""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from focusplane.define.burn import say
from focusplane.define.focus import Focus
from focusplane.define.slo import BurnRule, Calendar, CalendarUnit, Level, Objective, Window
from focusplane.edge.dialects.asked import Query, query_of
from focusplane.edge.dialects.leaving import Leaving
from focusplane.edge.dialects.openslo import VERSION
from focusplane.edge.dialects.quantities import decimal
from focusplane.kernel.tick import DAY, HOUR, MINUTE

TEMPLATE = "{{.window}}"
MOST_DESCRIPTION, LONGEST_NAME = 1_050, 60
SEVERITIES = {Level.PAGE: "page", Level.TICKET: "ticket"}
_SHORTHAND = (("d", DAY), ("h", HOUR), ("m", MINUTE))
_CALENDAR = {
    CalendarUnit.WEEK: "1w",
    CalendarUnit.MONTH: "1M",
    CalendarUnit.QUARTER: "1Q",
    CalendarUnit.YEAR: "1Y",
}
_FIRST_MONDAY = "2024-01-{day:02d} 00:00:00"
"""A January that begins on a Monday: where a week, a month, a quarter and a year begin at once."""


def to_openslo(focuses: Iterable[Focus], leaving: Leaving) -> dict[str, list[dict[str, Any]]]:
    """File name -> documents of one focus; a focus of which nothing can be said there has none."""
    found = {}
    for focus in focuses:
        leaving.focus(focus)
        slos = [slo for one in focus.objectives if (slo := _slo(focus, one, leaving)) is not None]
        if slos:
            found[f"{focus.name}.yaml"] = [*_around(focus, leaving), *slos]
    return found


def _document(
    kind: str, name: str, spec: dict[str, Any], labels: dict[str, str] | None = None
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name}
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def _around(focus: Focus, leaving: Leaving) -> list[dict[str, Any]]:
    """What the SLOs of a focus share."""
    about = {"description": focus.description[:MOST_DESCRIPTION]} if focus.description else {}
    documents = [_document("Service", focus.name, about)]
    if focus.engine is not None:
        source = {"type": "Prometheus", "connectionDetails": {"url": focus.engine.url}}
        documents.append(_document("DataSource", _source(focus), source))
        if focus.engine.headers:
            leaving.shared(
                focus, "source", "headers are references to the plane's environment; they are not copied"
            )
    channels = dict.fromkeys(name for level in SEVERITIES for name in _told(focus, level))
    targets = [_document("AlertNotificationTarget", name, {"target": name}) for name in channels]
    return [*documents, *targets]


def _told(focus: Focus, level: Level) -> tuple[str, ...]:
    """OpenSLO wants somebody to be told: without a channel it is the team."""
    return (focus.alerts.page if level is Level.PAGE else focus.alerts.ticket) or (focus.owner,)


def _source(focus: Focus) -> str:
    return f"{focus.name}-prometheus"


def _slo(focus: Focus, objective: Objective, leaving: Leaving) -> dict[str, Any] | None:
    query = query_of(focus, objective, leaving)
    if query is None:
        return None
    leaving.objective(focus, objective)
    window = _window(focus, objective, leaving)
    if window is None:
        return None
    name = f"{focus.name}-{objective.name}"
    if len(name) > LONGEST_NAME:
        leaving.refused(focus, objective, f"the name {name!r} has more than {LONGEST_NAME} characters")
        return None
    spec: dict[str, Any] = {
        "service": focus.name,
        "indicator": {
            "metadata": {"name": name},
            "spec": {"ratioMetric": _ratio(focus, objective, query, leaving)},
        },
        "timeWindow": [window],
        "budgetingMethod": "Occurrences" if objective.sli.slices is None else "Timeslices",
        "objectives": [_promise(focus, objective, leaving)],
    }
    policies = [
        policy
        for number, rule in enumerate(_rules(focus, objective, leaving), 1)
        if (policy := _policy(focus, objective, rule, f"{name}-{number}", leaving)) is not None
    ]
    if policies:
        spec["alertPolicies"] = policies
    return _document("SLO", name, spec, dict(focus.labels))


def _promise(focus: Focus, objective: Objective, leaving: Leaving) -> dict[str, Any]:
    """The target, and what makes a slice good where slices are counted."""
    promise: dict[str, Any] = {"displayName": objective.name, "target": _share(objective.target)}
    slices = objective.sli.slices
    if slices is None:
        return promise
    if slices.every_ms % MINUTE:
        what = "slices of OpenSLO are whole minutes long: this one becomes a minute"
        leaving.changed(focus, objective, "sli", what)
    what = f"OpenSLO does not say what a slice without events is; here it is {slices.idle}"
    leaving.changed(focus, objective, "sli", what)
    every = shorthand(max(slices.every_ms // MINUTE, 1) * MINUTE)
    return {**promise, "timeSliceTarget": _share(1 - slices.failing), "timeSliceWindow": every}


def _share(value: Fraction) -> float:
    return float(decimal(value))


def _ratio(focus: Focus, objective: Objective, query: Query, leaving: Leaving) -> dict[str, Any]:
    def metric(text: str) -> dict[str, Any]:
        return {
            "metricSource": {"metricSourceRef": _source(focus), "type": "Prometheus", "spec": {"query": text}}
        }

    plain = query.counters()
    if plain is not None:
        key, found, total = plain
        return {"counter": True, key: metric(found), "total": metric(total)}
    what = f"its query names the interval as {TEMPLATE}, as Sloth does; OpenSLO has no word for that"
    leaving.changed(focus, objective, "sli", what)
    if query.ratio:
        return {"rawType": "failure", "raw": metric(query.ratio.replace("{{window}}", TEMPLATE))}
    bad, total = query.over(TEMPLATE)
    return {"counter": False, "bad": metric(bad), "total": metric(total)}


def _window(focus: Focus, objective: Objective, leaving: Leaving) -> dict[str, Any] | None:
    window: Window = objective.window
    if isinstance(window, Calendar):
        start = {"startTime": _FIRST_MONDAY.format(day=window.start_day), "timeZone": window.timezone}
        return {"duration": _CALENDAR[window.unit], "calendar": start, "isRolling": False}
    length = shorthand(window.length_ms)
    if not length:
        leaving.refused(focus, objective, "OpenSLO counts windows in whole minutes")
        return None
    return {"duration": length, "isRolling": True}


def shorthand(span_ms: int) -> str:
    """`30d`, `90m`; empty for what is no whole number of minutes."""
    found = [(unit, span_ms // size) for unit, size in _SHORTHAND if span_ms % size == 0]
    return f"{found[0][1]}{found[0][0]}" if found else ""


def _rules(focus: Focus, objective: Objective, leaving: Leaving) -> Iterable[BurnRule]:
    rules = [rule for rule in objective.rules if rule.level is not Level.NONE]
    if rules:
        what = "a condition of OpenSLO has one window: without the short ones its alerts go on after all is well again"
        leaving.changed(focus, objective, "rules", what)
    return rules


def _policy(
    focus: Focus, objective: Objective, rule: BurnRule, name: str, leaving: Leaving
) -> dict[str, Any] | None:
    severity, lookback = SEVERITIES.get(rule.level), shorthand(rule.long_ms)
    if severity is None or rule.factor is None or not lookback:
        leaving.lost(focus, objective, "rules", f"OpenSLO has no word for {say(rule)}")
        return None
    condition = {
        "kind": "burnrate",
        "op": "gt",
        "threshold": float(decimal(rule.factor)),
        "lookbackWindow": lookback,
        "alertAfter": "0m",
    }
    inline = {"apiVersion": VERSION, "kind": "AlertCondition", "metadata": {"name": name}}
    spec: dict[str, Any] = {
        "alertWhenBreaching": True,
        "alertWhenResolved": True,
        "alertWhenNoData": True,
        "conditions": [{**inline, "spec": {"severity": severity, "condition": condition}}],
        "notificationTargets": [{"targetRef": name} for name in _told(focus, rule.level)],
    }
    return {"apiVersion": VERSION, "kind": "AlertPolicy", "metadata": {"name": name}, "spec": spec}
