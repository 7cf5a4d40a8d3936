"""The keys of an objective and of its SLI."""

from typing import Any

from focusplane.define.burn import rules_of
from focusplane.define.form_alerts import RULES
from focusplane.define.form_engine import PROMQL
from focusplane.define.form_match import FAILED, MATCH, UNASKED
from focusplane.define.form_units import COMPOSITE, FRESHNESS, PROBE, SLICES, THROUGHPUT
from focusplane.define.form_window import WINDOWS, sound
from focusplane.define.quantities import DURATION, PERCENT, whole
from focusplane.define.shape import BROKEN, Broken, Field, Record, Shape, Values
from focusplane.define.shapes import Either, Name, Scalar, one_of
from focusplane.define.sli import OF_REQUESTS, Match, Of, PromQl, Sli, SliKind
from focusplane.define.slo import Dimension, Grouping, Objective
from focusplane.kernel.quantity import format_percent

BAD = Field(
    "bad", MATCH, "Which answers fail the objective; all others are good. Default: status 5xx.", FAILED
)
EXCLUDE = Field("exclude", MATCH, "Which are not counted at all. Default: synthetic ones.", UNASKED)
GOOD = Field[Match | None](
    "good", MATCH, "Instead of `bad`: which answers are good; all others of the total are bad.", None
)
TOTAL = Field[Match | None](
    "total", MATCH, "Which answers are asked about at all. Default: every one that is not excluded.", None
)
UNDER = Field("under", DURATION, "An answer is in time at or under this.", required=True)
OF = Field("of", one_of(Of), "Of which answers: good (default) or all.", Of.GOOD)


def _latency(values: Values) -> tuple[int, Of]:
    return values[UNDER], values[OF]


LATENCY = Field[tuple[int, Of] | None](
    "latency",
    Record[tuple[int, Of] | None]("a latency SLI", (UNDER, OF), _latency),
    "Makes it a latency SLI: good is what was answered in time.",
    None,
)


UNITS: tuple[Field[Any], ...] = (FRESHNESS, THROUGHPUT, PROBE, COMPOSITE)
UNITS_OF = (SliKind.FRESHNESS, SliKind.THROUGHPUT, SliKind.PROBE, SliKind.COMPOSITE)


ASKED = Field[PromQl | None](
    "prometheus", PROMQL, "PromQL that the engine of `source` is asked; see how-to/prometheus.", None
)


def _sli(values: Values) -> Sli | Broken:
    every: tuple[Field[Any], ...] = (LATENCY, *UNITS)
    kinds = [field for field in every if values.has(field)]
    if len(kinds) > 1:
        words = " and ".join(field.key for field in kinds)
        values.error(kinds[1], "D220", f"an SLI has {words} at once", "one objective for each of them")
        return BROKEN
    asked = values[ASKED]
    if asked is not None:
        return _asked(values, asked)
    if values.has(GOOD) and values.has(BAD):
        what = "`good` and `bad` at once: what is neither, or both, would be undecided"
        values.error(GOOD, "D240", what, "keep one of them; the other is the rest of `total`")
        return BROKEN
    for field, kind in zip(UNITS, UNITS_OF, strict=True):
        if values.has(field):
            return _of_units(values, field, kind)
    return _of_requests(values)


def _of_requests(values: Values) -> Sli:
    latency = values[LATENCY]
    kind, under, of = (SliKind.EVENTS, 0, Of.GOOD) if latency is None else (SliKind.LATENCY, *latency)
    bad = Match() if values.has(GOOD) else values[BAD]
    matches = (values[GOOD], values[TOTAL])
    return Sli(kind, bad, values[EXCLUDE], under, of, *matches, slices=values[SLICES])


def _of_units(values: Values, field: Field[Any], kind: SliKind) -> Sli | Broken:
    asked = kind in OF_REQUESTS
    for other in (SLICES,) if asked else (SLICES, BAD, EXCLUDE, GOOD, TOTAL):
        if values.has(other):
            hint = "it has slices of its own" if other is SLICES else "it is judged without requests"
            values.error(other, "D220", f"{other.key!r} means nothing beside {field.key!r}", hint)
            return BROKEN
    parts: dict[str, Any] = {field.key: values[field]}
    if not asked:
        return Sli(kind, Match(), Match(), **parts)
    bad = Match() if values.has(GOOD) else values[BAD]
    return Sli(kind, bad, values[EXCLUDE], good=values[GOOD], total=values[TOTAL], **parts)


def _asked(values: Values, asked: PromQl) -> Sli | Broken:
    """Its expressions say what is bad: conditions on attributes do not apply to it."""
    latency = values[LATENCY]
    beside: tuple[Field[Any], ...] = (BAD, EXCLUDE, GOOD, TOTAL, *UNITS)
    for field in beside:
        if values.has(field):
            values.error(
                field, "D314", f"{field.key!r} beside `prometheus` has no effect", "say it in the PromQL"
            )
            return BROKEN
    if (latency is not None) is not bool(asked.histogram):
        what = "a histogram needs a threshold" if asked.histogram else "`latency` needs a histogram"
        values.error(ASKED, "D315", what, "sli: {prometheus: {histogram: x_bucket}, latency: {under: 300ms}}")
        return BROKEN
    if latency is None:
        return Sli(SliKind.EVENTS, Match(), Match(), slices=values[SLICES], promql=asked)
    return Sli(SliKind.LATENCY, Match(), Match(), latency[0], Of.ALL, slices=values[SLICES], promql=asked)


SLI = Record("an SLI", (BAD, EXCLUDE, LATENCY, GOOD, TOTAL, SLICES, *UNITS, ASKED), _sli)

NAME = Field("name", Name("objective"), "What the objective is called; unique in its focus.", required=True)
TARGET = Field("target", PERCENT, "The share of good answers, strictly between 0% and 100%.", required=True)
INDICATOR = Field("sli", SLI, "What counts as good, bad and excluded.", required=True)
MIN_BAD = Field(
    "minBad",
    whole(1, 1_000_000),
    "Fewer bad ones than this in the longer window of a rule never raise an alarm. Default: 5, and 1 where slices or tries are counted.",
    5,
)


_DIMENSIONS = " | ".join(Dimension)


def _grouped(text: str) -> Grouping:
    if text not in {str(each) for each in Dimension}:
        raise ValueError(f"{text!r} is not one of {_DIMENSIONS}")
    return Grouping(Dimension(text))


DIMENSION = Field(
    "dimension",
    one_of(Dimension),
    "What the groups differ in: tenant, region, version, route, client.",
    required=True,
)
MOST = Field("most", whole(1, 500), "So many groups are judged apart, the others together.", 50)
GROUPING: Shape[Grouping] = Either(
    Scalar(_DIMENSIONS, _grouped, {"enum": [str(each) for each in Dimension]}),
    Record("a grouping", (DIMENSION, MOST), lambda values: Grouping(values[DIMENSION], values[MOST])),
)
BY = Field[Grouping | None](
    "by", GROUPING, "Judged apart for each tenant, region, version, route or client.", None
)


def _objective(values: Values) -> Objective | Broken:
    target, windows = values[TARGET], values[WINDOWS]
    if not 0 < target < 1:
        words = "allows no failure at all" if target == 1 else "asks for nothing"
        hint = "choose a target strictly between, such as 99.9%"
        values.error(TARGET, "D101", f"a target of {format_percent(target)} {words}", hint)
        return BROKEN
    if not sound(values, windows):
        return BROKEN
    table = values[RULES]
    first, *more = windows
    rules, _ = rules_of(table, target, first)
    sli = values[INDICATOR]
    if sli.unit_ms and values[BY] is not None:
        what = "what is counted in slices or tries is not judged apart for groups"
        values.error(BY, "D233", what, "an objective on requests, without slices, can have `by`")
        return BROKEN
    min_bad = 1 if sli.unit_ms and not values.has(MIN_BAD) else values[MIN_BAD]
    return Objective(values[NAME], target, first, sli, rules, min_bad, table, values[BY], tuple(more))


OBJECTIVE = Record("an objective", (NAME, TARGET, WINDOWS, INDICATOR, MIN_BAD, RULES, BY), _objective)
