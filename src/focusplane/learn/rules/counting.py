"""What an objective counts, in PromQL: failures and requests of one step, exactly where they are counters.

The difference of two samples is taken for each series, not `increase`: it extrapolates nothing, steps add up without a gap,
a fall is a restart, and a series that appears at a target which was there before counts from its first sample.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from focusplane.define.focus import Focus
from focusplane.define.promql import (
    Estimate,
    Matcher,
    Query,
    Selector,
    read_counter,
    read_histogram,
    read_ratio,
)
from focusplane.define.sli import Match, Of, PromQl, Sli, SliKind
from focusplane.define.slo import Objective

GUESS_MS = 120_000
"""What can only be estimated is asked over two minutes, and its share of a step is taken: a step may hold too few samples."""
UNITS_A_MINUTE = 10_000
_STATUS, _ROUTE, _METHOD = "http_response_status_code", "http_route", "http_request_method"
_NOT_PLAIN = re.compile(r"([^A-Za-z0-9_ /-])")


class Metrics(StrEnum):
    """Whose metrics hold the counts: `auto` takes OpenTelemetry's where a boundary names a service, else our SDK's."""

    AUTO = "auto"
    OTEL = "otel"
    FOCUS = "focus"


@dataclass(frozen=True, slots=True)
class Counts:
    """Expressions of one step. `notes` say where they differ from what the plane counts."""

    bad: str
    total: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """`total` reads what was recorded of the same step a moment before: all requests of this objective."""

    length_ms: int
    total: str


@dataclass(frozen=True, slots=True)
class Inexpressible:
    why: str


def counts_of(focus: Focus, objective: Objective, step: Step, metrics: Metrics) -> Counts | Inexpressible:
    """How failures and requests of a step are counted, or why PromQL cannot."""
    sli = objective.sli
    if sli.unit_ms or sli.kind not in (SliKind.EVENTS, SliKind.LATENCY):
        return Inexpressible("it is judged by units of time, which rules do not keep")
    if sli.promql is not None:
        return _asked(sli.promql, sli.under_ms, step)
    return _native(focus, sli, step, metrics)


def span(ms: int) -> str:
    return f"{ms // 1000}s" if ms % 1000 == 0 else f"{ms}ms"


def _asked(promql: PromQl, under_ms: int, step: Step) -> Counts | Inexpressible:
    if promql.ratio:
        ratio = f"clamp_max(avg({read_ratio(promql.ratio).over(GUESS_MS)}) >= 0, 1)"
        units = UNITS_A_MINUTE * step.length_ms // 60_000
        return Counts(
            f"{ratio} * {units}", f"{ratio} * 0 + {units}", ("a ratio: every minute weighs the same",)
        )
    if promql.histogram:
        return _timed((read_histogram(promql.histogram),), under_ms, step)
    side, total = read_counter(promql.bad or promql.good), read_counter(promql.total)
    if isinstance(side, Selector) and isinstance(total, Selector):
        return _counted((side,), (total,), bool(promql.good), step)
    some, every = _guessed(side, step), _guessed(total, step)
    note = "an estimate: the engine adds up and extrapolates"
    bad = f"clamp_min({every} - ({some} or {every} * 0), 0)" if promql.good else f"({some}) or ({every}) * 0"
    return Counts(bad, every, (note,))


def _guessed(query: Query, step: Step) -> str:
    text = query.over(GUESS_MS) if isinstance(query, Estimate) else f"increase({query}[{span(GUESS_MS)}])"
    per_second = isinstance(query, Estimate) and query.per_second
    share = step.length_ms / 1000 if per_second else step.length_ms / GUESS_MS
    return f"sum({text}) * {share!r}"


def _counted(some: Sequence[Selector], every: Sequence[Selector], good: bool, step: Step) -> Counts:
    """Errors without a series are none while there are requests; without requests there is nothing, and nothing is 0/0."""
    there = " or ".join(map(str, every))
    total = f"sum({_grown(every, every, step)}) or sum({there}) * 0"
    part = f"(sum({_grown(some, every, step)}) or {step.total} * 0)"
    return Counts(f"clamp_min({step.total} - {part}, 0)" if good else part, total)


def _timed(buckets: Sequence[Selector], under_ms: int, step: Step) -> Counts:
    """A threshold that is no bucket gives nothing at all, and the alert for what is absent says so."""
    every = tuple(_and(one, Matcher("le", "=", "+Inf")) for one in buckets)
    scale = 1 if any("milliseconds" in one.metric for one in buckets) else 1_000
    bound = Matcher("le", "=~", "|".join(_written(under_ms, scale)))
    fast = tuple(_and(one, bound) for one in buckets)
    total = f"sum({_grown(every, every, step)}) or sum({' or '.join(map(str, every))}) * 0"
    within = f"(sum({_grown(fast, every, step)}) or sum({' or '.join(map(str, fast))}) * 0)"
    return Counts(f"clamp_min({step.total} - {within}, 0)", total)


def _written(under_ms: int, scale: int) -> tuple[str, ...]:
    """How clients write the bound: Prometheus 3 made `1.0` out of `1`."""
    plain = f"{under_ms / scale:.10g}"
    return (plain, f"{plain}\\.0") if "." not in plain else (plain.replace(".", "\\."),)


def _grown(some: Sequence[Selector], every: Sequence[Selector], step: Step) -> str:
    before = f"offset {span(step.length_ms)}"
    parts = []
    for one in some:
        there = " or ".join(f"{each} {before}" for each in dict.fromkeys((*every, one)))
        parts += [f"({one} - {one} {before} >= 0)", f"({one} and on (job, instance) ({there}))"]
    return " or ".join(parts)


def _and(selector: Selector, *more: Matcher) -> Selector:
    return Selector(selector.metric, (*selector.matchers, *more))


def _native(focus: Focus, sli: Sli, step: Step, metrics: Metrics) -> Counts | Inexpressible:
    otel = metrics is Metrics.OTEL or (metrics is Metrics.AUTO and bool(focus.boundary))
    if otel and not focus.boundary:
        return Inexpressible("without a boundary OpenTelemetry's metrics name no focus: --metrics focus")
    left_out = _without(sli.exclude)
    if left_out is None:
        return Inexpressible("`exclude` has several conditions at once, which one selector cannot take back")
    bases = _boundary(focus) if otel else (Selector("", (Matcher("focus_id", "=", focus.name),)),)
    every = tuple(_and(one, *left_out, *_fits(sli.total)) for one in bases)
    notes = ("an error that never got a status is not among its failures",) if sli.bad.status else ()
    if sli.kind is SliKind.EVENTS:
        name = "http_server_request_duration_seconds_count" if otel else "focus_requests_total"
        part = sli.good if sli.good is not None else sli.bad
        whole = [Selector(name, one.matchers) for one in every]
        some = [_and(one, *_fits(part)) for one in whole]
        found = _counted(some, whole, sli.good is not None, step)
        return Counts(found.bad, found.total, notes)
    name = "http_server_request_duration_seconds_bucket" if otel else "focus_duration_seconds_bucket"
    failed = _none_of(sli.bad) if sli.of is Of.GOOD else ()
    if failed is None or sli.of is Of.ALL or sli.good is not None:
        return Inexpressible("which answers are timed is no plain condition on labels")
    found = _timed([Selector(name, (*one.matchers, *failed)) for one in every], sli.under_ms, step)
    return Counts(found.bad, found.total, notes)


def _boundary(focus: Focus) -> tuple[Selector, ...]:
    found = []
    for part in focus.boundary:
        job = Matcher("job", "=~", f"(.+/)?{_escaped(part.service)}")
        routes = [_route(route) for route in part.routes] or [()]
        found += [Selector("", (job, *matchers)) for matchers in routes]
    return tuple(found)


def _route(route: str) -> tuple[Matcher, ...]:
    method, _, path = route.rpartition(" ")
    end = ".*" if path.endswith("*") else ""
    where = Matcher(_ROUTE, "=~", _escaped(path.removesuffix("*")) + end)
    return (Matcher(_METHOD, "=", method), where) if method else (where,)


def _fits(match: Match | None) -> tuple[Matcher, ...]:
    """A conjunction of conditions as matchers."""
    return (
        () if match is None else tuple(Matcher(label, "=~", values) for label, values in _conditions(match))
    )


def _none_of(match: Match) -> tuple[Matcher, ...] | None:
    """Everything but what fits; None if that is no conjunction of matchers."""
    conditions = list(_conditions(match))
    return (
        None if len(conditions) > 1 else tuple(Matcher(label, "!~", values) for label, values in conditions)
    )


def _without(match: Match) -> tuple[Matcher, ...] | None:
    """The same, with what the plane leaves out unasked."""
    rest = _none_of(match)
    if rest is None:
        return None
    unasked = () if match.synthetic is False else (Matcher("focus_synthetic", "!~", "true|1|yes"),)
    again = (Matcher("http_request_resend_count", "!~", "[1-9].*"),) if match.resend else ()
    return (*rest, *unasked, *again)


def _conditions(match: Match) -> Iterable[tuple[str, str]]:
    told: list[tuple[str, Sequence[str]]] = [
        (_STATUS, [status.replace("xx", "..") for status in match.status]),
        ("error_type", [_escaped(one) for one in match.errors]),
        ("tenant_id", [_escaped(one) for one in match.tenants]),
        ("client_id", [_escaped(one) for one in match.clients]),
        (_ROUTE, [_pattern(one) for one in match.routes]),
    ]
    told += [(_label(key), [_escaped(one) for one in values]) for key, values in match.attributes]
    return [(label, "|".join(values)) for label, values in told if values]


def _pattern(route: str) -> str:
    path = route.rpartition(" ")[2]
    return _escaped(path.removesuffix("*")) + (".*" if path.endswith("*") else "")


def _label(key: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", key)


def _escaped(text: str) -> str:
    return _NOT_PLAIN.sub(r"\\\1", text)
