"""Panels of Grafana as plain values: a query, a unit and thresholds, laid out in rows of a grid."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

WIDTH = 24
"""Columns of Grafana's grid."""
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
GREEN, YELLOW, RED, BLUE = "green", "yellow", "red", "blue"


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL and how its series are called."""

    expr: str
    legend: str = ""
    instant: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """`steps` are colours from a value on, the first without one; `size` is columns and rows."""

    title: str
    kind: str
    queries: tuple[Query, ...]
    unit: str = "short"
    size: tuple[int, int] = (8, 7)
    steps: tuple[tuple[str, float | None], ...] = ((GREEN, None),)
    about: str = ""
    lines: bool = False
    """Whether the steps are drawn as lines."""
    least: float | None = None
    most: float | None = None
    no_data: str = "no data"


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    panels: tuple[Panel, ...]


def laid_out(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Panels with unique ids, from left to right and from top to bottom."""
    shown: list[dict[str, Any]] = []
    top, number = 0, 1
    for row in rows:
        shown.append(_heading(row.title, number, top))
        number, top = number + 1, top + 1
        left = height = 0
        for panel in row.panels:
            wide, high = panel.size
            if left + wide > WIDTH:
                left, top, height = 0, top + height, 0
            shown.append(_panel(panel, number, {"x": left, "y": top, "w": wide, "h": high}))
            left, height, number = left + wide, max(height, high), number + 1
        top += height
    return shown


def _heading(title: str, number: int, top: int) -> dict[str, Any]:
    place = {"x": 0, "y": top, "w": WIDTH, "h": 1}
    return {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}


def _panel(panel: Panel, number: int, place: Mapping[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": DATASOURCE,
        "gridPos": dict(place),
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
        "targets": [_target(query, chr(65 + at), panel.kind) for at, query in enumerate(panel.queries)],
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    found: dict[str, Any] = {
        "unit": panel.unit,
        "noValue": panel.no_data,
        "color": {"mode": "palette-classic" if panel.kind == "timeseries" else "thresholds"},
        "thresholds": {
            "mode": "absolute",
            "steps": [{"color": color, "value": value} for color, value in panel.steps],
        },
        "mappings": [],
    }
    if panel.kind == "timeseries":
        drawn = "dashed" if panel.lines else "off"
        found["custom"] = {
            "lineWidth": 1,
            "fillOpacity": 8,
            "spanNulls": False,
            "thresholdsStyle": {"mode": drawn},
        }
    bounds = {"min": panel.least, "max": panel.most}
    return found | {key: value for key, value in bounds.items() if value is not None}


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "timeseries":
        legend = {"displayMode": "list", "placement": "bottom", "showLegend": True}
        return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
    if panel.kind == "table":
        return {"showHeader": True}
    reduced = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    return {"reduceOptions": reduced, "colorMode": "background", "textMode": "auto", "orientation": "auto"}


def _target(query: Query, letter: str, kind: str) -> dict[str, Any]:
    target = {
        "refId": letter,
        "datasource": DATASOURCE,
        "expr": query.expr,
        "legendFormat": query.legend or "__auto",
        "instant": query.instant,
        "range": not query.instant,
    }
    return {**target, "format": "table"} if kind == "table" else target
