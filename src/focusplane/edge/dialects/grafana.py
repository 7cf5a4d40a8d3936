"""Dashboards of Grafana, from the policies: one for each focus, one for those on call, one for everybody who decides.

They read what the plane says of itself at `/metrics`, so that any Prometheus that scrapes it can draw them, and the budget
that the recording rules of `focus export prometheus` compute, where those are loaded.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any

from focusplane.define.burn import period_ms, say
from focusplane.define.focus import Focus
from focusplane.define.promql import quoted
from focusplane.define.slo import Level, Objective
from focusplane.edge.dialects.grafana_panels import (
    BLUE,
    DATASOURCE,
    GREEN,
    RED,
    YELLOW,
    Panel,
    Query,
    Row,
    laid_out,
)
from focusplane.kernel.quantity import format_duration, format_percent

SCHEMA_VERSION = 41
"""Of the dashboard model of Grafana 11.6 and 12; an older Grafana reads it, a newer one brings it up to date."""
UID_LENGTH = 40
FAILING = "burning|exhausted"
LOW_BUDGET = 0.25


def dashboards(kind: str, focuses: Iterable[Focus]) -> dict[str, str]:
    """File name -> JSON text, always the same for the same policies."""
    named = sorted(focuses, key=lambda focus: focus.name)
    return {f"{name}.json": _text(made) for name, made in KINDS[kind](named).items()}


def _each(focuses: list[Focus]) -> dict[str, dict[str, Any]]:
    return {f"focus-{one.name}": _focus(one) for one in focuses}


def _focus(focus: Focus) -> dict[str, Any]:
    where = f"{{focus={quoted(focus.name)}}}"
    rows = [
        Row("How it stands", _standing(where)),
        *(
            Row(f"{one.name}: {format_percent(one.target)}", _objective(focus, one))
            for one in focus.objectives
        ),
    ]
    about = focus.description or f"The focus {focus.name}."
    return _dashboard(f"focus-{focus.name}", f"{focus.name}: objectives and budgets", about, rows, where)


def _standing(where: str) -> tuple[Panel, ...]:
    state = f"max by (objective, focus_objective_state) (focus_objective_state{where}) == 1"
    return (
        Panel("State", "table", (Query(state, "", True),), size=(8, 6), about="Each objective and its state now."),
        Panel(
            "Incidents that are not over", "stat", (Query(f"sum(focus_incidents_live{where})"),),
            size=(4, 6), steps=((GREEN, None), (RED, 1)),
        ),
        Panel(
            "Tenants hurt", "stat", (Query(f"sum(focus_tenants_hurt{where})"),),
            size=(4, 6), steps=((GREEN, None), (RED, 1)), no_data="none", about="By incidents that are not over.",
        ),
        Panel(
            "Age of the data", "timeseries", (Query(f"max(focus_data_age_seconds{where})", "age"),), "s", (8, 6),
            about="How old the newest counted event is. Decisions are as old as their data.",
        ),
    )  # fmt: skip


def _objective(focus: Focus, objective: Objective) -> tuple[Panel, ...]:
    where = f"{{focus={quoted(focus.name)},objective={quoted(objective.name)}}}"
    window = f"the window of {format_duration(period_ms(objective.window))}"
    ruled = f"{{focus_id={quoted(focus.name)},objective={quoted(objective.name)}}}"
    rules = [rule for rule in objective.rules if rule.factor is not None and rule.level is not Level.NONE]
    steps = _steps(objective)
    return (
        Panel(
            "Good events", "timeseries",
            (Query(f"focus_objective_good_ratio{where}", "measured"), Query(f"focus_objective_target_ratio{where}", "promised")),
            "percentunit", about=f"The share that is good over {window}, beside the target. This is the SLI, not the budget.",
        ),
        Panel(
            "Budget left", "timeseries",
            (
                Query(f"focus_objective_budget_left_ratio{where}", "left"),
                Query(f"focus:budget:left_ratio{ruled}", "left, by the rules of focus export prometheus"),
            ),
            "percentunit", steps=((RED, None), (YELLOW, 0), (GREEN, LOW_BUDGET)), lines=True, most=1,
            about="1 minus what failed over what may fail; below zero it is overspent.",
        ),
        Panel(
            "Burn rates", "timeseries", (Query(f"focus_objective_burn_rate{where}", "{{level}} over {{window}}"),),
            steps=steps, lines=True, least=0,
            about="How many times too fast the budget goes: " + "; ".join(map(say, rules)),
        ),
        Panel(
            "Events in the window", "timeseries",
            (Query(f"sum by (outcome) (focus_objective_window_events{where})", "{{outcome}}"),), size=(12, 6),
        ),
        Panel(
            "Burn against its threshold", "timeseries",
            (Query(f"focus_objective_burn_rate{where} / focus_objective_burn_threshold{where}", "{{level}} over {{window}}"),),
            size=(12, 6), steps=((GREEN, None), (RED, 1)), lines=True, least=0,
            about="Above 1 the long window of a rule says yes; the short one must, too.",
        ),
    )  # fmt: skip


def _steps(objective: Objective) -> tuple[tuple[str, float | None], ...]:
    """A line for each factor of its table, red where somebody is woken."""
    factors: dict[float, str] = {}
    for rule in objective.rules:
        if rule.factor is not None and rule.level is not Level.NONE:
            colour = RED if rule.level >= Level.PAGE else YELLOW
            factors[float(rule.factor)] = RED if factors.get(float(rule.factor)) == RED else colour
    lines: list[tuple[str, float | None]] = [(colour, factor) for factor, colour in sorted(factors.items())]
    return ((GREEN, None), *lines)


def _executive(focuses: list[Focus]) -> dict[str, dict[str, Any]]:
    kept = "count(focus_objective_budget_left_ratio >= 0)"
    rows = [
        Row(
            "Promises",
            (
                Panel(
                    "Objectives that are kept", "stat",
                    (Query(f"({kept} or vector(0)) / count(focus_objective_budget_left_ratio)"),), "percentunit", (6, 6),
                    steps=((RED, None), (YELLOW, 0.9), (GREEN, 1)), about="Of those that are measured.",
                ),
                Panel(
                    "Objectives without data", "stat",
                    (Query('sum(focus_objective_state{focus_objective_state="blind"})'),),
                    size=(6, 6), steps=((GREEN, None), (YELLOW, 1)), no_data="none", about="Silence is no success.",
                ),
                Panel(
                    "Incidents that are not over", "stat", (Query("sum(focus_incidents_live)"),), size=(6, 6),
                    steps=((GREEN, None), (RED, 1)),
                ),
                Panel("Capabilities", "stat", (Query("count(count by (focus) (focus_objective_target_ratio))"),), size=(6, 6), steps=((BLUE, None),)),
                Panel(
                    "Budget left, the least first", "bargauge",
                    (Query("sort(focus_objective_budget_left_ratio)", "{{focus}} {{objective}}", True),), "percentunit", (24, 12),
                    steps=((RED, None), (YELLOW, 0), (GREEN, LOW_BUDGET)), least=-1, most=1,
                ),
                Panel(
                    "Budget left over time", "timeseries",
                    (Query("min by (focus) (focus_objective_budget_left_ratio)", "{{focus}}"),), "percentunit", (24, 9), most=1,
                ),
            ),
        )
    ]  # fmt: skip
    about = f"How {len(focuses)} capabilities keep what they promise."
    return {"executive": _dashboard("executive", "Promises and budgets", about, rows, "")}


def _oncall(focuses: list[Focus]) -> dict[str, dict[str, Any]]:
    failing = f'max by (focus, objective, focus_objective_state) (focus_objective_state{{focus_objective_state=~"{FAILING}|blind"}}) == 1'
    rows = [
        Row(
            "Now",
            (
                Panel("What burns, is spent or is blind", "table", (Query(failing, "", True),), size=(12, 9), no_data="nothing"),
                Panel(
                    "Burn against its threshold, the worst first", "bargauge",
                    (Query("topk(15, focus_objective_burn_rate / focus_objective_burn_threshold)", "{{focus}} {{objective}} {{level}}", True),),
                    size=(12, 9), steps=((GREEN, None), (YELLOW, 0.5), (RED, 1)), least=0, no_data="nothing burns",
                ),
                Panel("Tenants hurt", "timeseries", (Query("focus_tenants_hurt", "{{focus}}"),), no_data="none"),
                Panel("Share of the new version", "timeseries", (Query("focus_rollout_weight", "{{focus}} {{version}}"),), "percentunit", most=1, no_data="no rollout"),
                Panel("Age of the data", "timeseries", (Query("focus_data_age_seconds", "{{focus}} {{objective}}"),), "s"),
            ),
        ),
        Row(
            "Can the plane itself be trusted?",
            (
                Panel("It can write", "stat", (Query("min(focus_journal_writable)"),), size=(6, 6), steps=((RED, None), (GREEN, 1))),
                Panel("Turns a second", "timeseries", (Query("sum(rate(focus_turns_total[5m]))", "turns"),), size=(6, 6)),
                Panel("Gateways behind the board", "timeseries", (Query("focus_node_boards_behind", "{{node}}"),), size=(6, 6), no_data="no gateway"),
                Panel(
                    "Telemetry that was not counted", "timeseries",
                    (Query("sum by (focus, cause) (rate(focus_telemetry_unused_total[5m]))", "{{focus}} {{cause}}"),), size=(6, 6), no_data="none",
                ),
            ),
        ),
    ]  # fmt: skip
    about = f"What is wrong with {len(focuses)} capabilities, the worst first."
    return {"oncall": _dashboard("oncall", "On call", about, rows, "")}


KINDS: Mapping[str, Callable[[list[Focus]], dict[str, dict[str, Any]]]] = {
    "focus": _each,
    "executive": _executive,
    "oncall": _oncall,
}


def _dashboard(name: str, title: str, about: str, rows: Iterable[Row], where: str) -> dict[str, Any]:
    return {
        "uid": f"focusplane-{name}"
        if len(name) <= UID_LENGTH - 11
        else sha256(name.encode()).hexdigest()[:UID_LENGTH],
        "title": title,
        "description": about,
        "tags": ["focusplane", "slo"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-24h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_datasource()]},
        "annotations": {"list": _annotations(where)},
        "links": [],
        "panels": laid_out(rows),
    }


def _datasource() -> dict[str, Any]:
    return {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
        "refresh": 1,
        "hide": 0,
        "multi": False,
        "includeAll": False,
    }


def _annotations(where: str) -> list[dict[str, Any]]:
    """Changes and incidents at their own time, however late they are scraped."""
    told = (
        ("Changes", f"focus_change_timestamp_seconds{where} * 1000", "{{kind}} of {{focus}}", BLUE),
        ("Incidents", f"focus_incident_opened_timestamp_seconds{where} * 1000", "incident of {{focus}}", RED),
    )
    return [
        {
            "name": name,
            "datasource": DATASOURCE,
            "enable": True,
            "expr": expr,
            "titleFormat": title,
            "iconColor": colour,
            "step": "60s",
            "useValueForTime": "on",
        }
        for name, expr, title, colour in told
    ]


def _text(dashboard: dict[str, Any]) -> str:
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"
