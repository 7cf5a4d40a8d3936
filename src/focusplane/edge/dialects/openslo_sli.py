"""Indicators of OpenSLO: good or bad of total, a stored ratio, or a value against a threshold; asked of a Prometheus."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from focusplane.define.engine import parse_url
from focusplane.define.form_units import off_grid
from focusplane.define.promql import WINDOW as SLOT
from focusplane.edge.dialects.draft import DraftFocus
from focusplane.edge.dialects.notes import CHANGED, UNUSABLE, Notes, RefusedError
from focusplane.edge.dialects.openslo_window import shorthand
from focusplane.edge.dialects.operands import bare
from focusplane.edge.dialects.quantities import number, percent, target_of_share, written
from focusplane.edge.dialects.queries import WINDOW, bad_ratio, counter, failure, of_bad, of_good, success
from focusplane.edge.dialects.source import Part

Find = Callable[[str, str, Part, str], Part]
_FIXED = re.compile(r"\[\s*[0-9]+[smhdwy]\s*\]")
_FAILS = {"lte": ">", "lt": ">=", "gte": "<", "gt": "<="}
"""An event is good while `value op threshold`; this says when it is bad."""
LEAST_FAILING = Fraction(1, 10**8)
"""Less than one request of a hundred million in a slice."""
_SUM = re.compile(r"sum\s*\((.*)\)", re.DOTALL)
QUERY_KEYS = ("query", "promql", "expr")


@dataclass(frozen=True, slots=True)
class Asked:
    """An indicator, the objective it serves, and where its data sources are found."""

    part: Part
    objective: Part
    find: Find
    focus: DraftFocus
    notes: Notes


def indicator(holder: Part, find: Find) -> Part:
    """The `spec` of the indicator, inline or by reference."""
    if holder.has("indicator") and holder.has("indicatorRef"):
        raise RefusedError(
            holder.place, UNUSABLE, "`indicator` and `indicatorRef` stand beside each other", "keep one"
        )
    if holder.has("indicator"):
        inline = holder.part("indicator")
        inline.silent("kind", "apiVersion")
        inline.part("metadata").silent("name", "displayName")
        return inline.part("spec")
    name = holder.need("indicatorRef")
    return find("SLI", name, holder, "indicatorRef").part("spec")


def sli_of(asked: Asked) -> dict[str, Any]:
    part = asked.part
    part.ignore("description", "an objective has none")
    if part.has("ratioMetric") == part.has("thresholdMetric"):
        raise RefusedError(
            part.place, UNUSABLE, "an indicator has one of `ratioMetric` and `thresholdMetric`"
        )
    if part.has("thresholdMetric"):
        return _threshold(asked)
    for key in ("op", "value"):
        asked.objective.ignore(key, "it is for a thresholdMetric")
    return _ratio(asked, part.part("ratioMetric"))


def slices_of(part: Part, method: str, notes: Notes) -> dict[str, Any]:
    """`slices` of the budgeting method Timeslices."""
    if method != "Timeslices":
        for key in ("timeSliceTarget", "timeSliceWindow"):
            part.ignore(key, f"it is for the budgeting method Timeslices, not {method}")
        return {}
    good = part.need("timeSliceTarget")
    share = number(good, part.at("timeSliceTarget"), "the target of a slice")
    if share == 1:
        share = 1 - LEAST_FAILING
        what = f"a slice in which nothing may fail becomes one in which {percent(LEAST_FAILING)} may"
        notes.say(part.at("timeSliceTarget"), CHANGED, what)
    else:
        share = target_of_share(good, part.at("timeSliceTarget"))
    length = shorthand(part.need("timeSliceWindow"), part.at("timeSliceWindow"), "the slice")
    if off_grid(length):
        hint = "such as 1m, 5m, 15m or 1h"
        raise RefusedError(part.at("timeSliceWindow"), UNUSABLE, off_grid(length), hint)
    what = "a slice without events is left out; the specification leaves that open"
    notes.say(part.at("timeSliceWindow"), CHANGED, what, "slices: {idle: good} counts it as good")
    return {"slices": {"every": written(length), "failing": percent(1 - share)}}


def _ratio(asked: Asked, ratio: Part) -> dict[str, Any]:
    counter = ratio.truth("counter", True)
    if ratio.has("raw"):
        kind, query = ratio.need("rawType"), _query(asked, ratio.part("raw"))
        if kind not in ("success", "failure"):
            raise RefusedError(ratio.at("rawType"), UNUSABLE, "`rawType` is success or failure")
        return success(query, ratio.place) if kind == "success" else failure(query, ratio.place)
    if ratio.has("good") == ratio.has("bad"):
        raise RefusedError(ratio.place, UNUSABLE, "a ratio has one of `good` and `bad`, and `total`")
    side = "good" if ratio.has("good") else "bad"
    total = _counted(asked, ratio.part("total"), counter)
    found = _counted(asked, ratio.part(side), counter)
    return (of_good if side == "good" else of_bad)(found, total, ratio.place)


def _counted(asked: Asked, part: Part, counter: bool) -> str:
    """A query as a count over the interval that we ask for."""
    text = _query(asked, part)
    if SLOT.search(text):
        return text
    if not counter:
        what = "a gauge holds counts: each of its samples is counted, as often as it is scraped"
        asked.notes.say(part.place, CHANGED, what)
        return f"sum(sum_over_time({_summed(text) or text}[{WINDOW}]))"
    if _FIXED.search(text):
        what = "the fixed ranges of the query become the interval that is asked about"
        asked.notes.say(part.place, CHANGED, what)
        return _FIXED.sub(f"[{WINDOW}]", text)
    return _summed(text) or text


def _summed(text: str) -> str:
    """Of `sum(counter)` the counter: summing first would take the restart of one for a fall of all."""
    inside = bare(text)
    found = _SUM.fullmatch(inside)
    for each in (inside, found[1] if found is not None else ""):
        selector = counter(each) if each else None
        if selector is not None and not SLOT.search(each):
            return str(selector)
    return ""


def _threshold(asked: Asked) -> dict[str, Any]:
    """Each look at the value is one event: good while it keeps the threshold."""
    op, text = asked.objective.need("op"), asked.objective.need("value")
    if op not in _FAILS:
        raise RefusedError(asked.objective.at("op"), UNUSABLE, f"{op[:20]!r} is none of lte, lt, gte and gt")
    value = text.strip().removeprefix("-")
    number(value, asked.objective.at("value"), "the value")
    query = _query(asked, asked.part.part("thresholdMetric"))
    what = "each look at the value counts as one event: it is good while the threshold is kept"
    asked.notes.say(asked.part.place, CHANGED, what)
    return bad_ratio(f"({query.strip()}) {_FAILS[op]} bool {text.strip()}", asked.part.place)


def _query(asked: Asked, part: Part) -> str:
    source = part.part("metricSource")
    kind = source.text("type")
    if source.has("metricSourceRef"):
        data = asked.find("DataSource", source.need("metricSourceRef"), source, "metricSourceRef")
        kind = _engine(data, asked) or kind
    if kind.lower() not in ("prometheus", "promql", ""):
        raise RefusedError(
            source.place, UNUSABLE, f"{kind[:40]!r} is no Prometheus: its queries cannot be asked here"
        )
    spec = source.part("spec")
    spec.silent("queryType")
    found = [key for key in QUERY_KEYS if spec.has(key)]
    if not found:
        raise RefusedError(source.place, UNUSABLE, f"the source has no query: one of {', '.join(QUERY_KEYS)}")
    return spec.need(found[0])


def _engine(data: Part, asked: Asked) -> str:
    """The type of a data source; its address becomes the focus's. What else it holds may be a secret and is not read."""
    spec = data.part("spec")
    spec.ignore("description", "a source has none")
    details = spec.part("connectionDetails")
    address = details.text("url")
    for word, _ in details.table.entries:
        if word.text != "url":
            details.ignore(
                word.text, "it may be a secret", 'source.prometheus.headers: {Authorization: "env:NAME"}'
            )
    if address and spec.need("type").lower() == "prometheus":
        try:
            asked.focus.url = asked.focus.url or parse_url(address)
        except ValueError as error:
            hint = "--url URL says which"
            raise RefusedError(
                details.at("url"), UNUSABLE, f"the address cannot be used: {error}", hint
            ) from None
    return spec.need("type")
