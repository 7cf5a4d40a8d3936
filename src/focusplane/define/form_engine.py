"""The keys of a PromQL engine, and of an SLI that is asked of it."""

from collections.abc import Callable, Mapping

from focusplane.define.engine import (
    EVERY_MS,
    LONGEST_EVERY_MS,
    SHORTEST_EVERY_MS,
    TIMEOUT_MS,
    Engine,
    bare_secrets,
    parse_header,
    parse_url,
)
from focusplane.define.promql import PromqlError, read_counter, read_histogram, read_ratio
from focusplane.define.quantities import DURATION
from focusplane.define.shape import BROKEN, Broken, Field, Record, Values
from focusplane.define.shapes import MapOf, Scalar
from focusplane.define.sli import PromQl
from focusplane.kernel.quantity import format_duration

_URL = Scalar(
    "the address of an engine such as http://prometheus:9090",
    parse_url,
    {"type": "string", "pattern": "^https?://[^/@?#]+[^?#]*$"},
    most=500,
)
_HEADER = Scalar("the name of a header", parse_header, {"type": "string"})
_VALUE = Scalar(
    'a value, or a reference such as "env:TOKEN" or "Bearer env:TOKEN"', str, {"type": "string"}, most=2_000
)
URL = Field[str]("url", _URL, "Its address; `/api/v1/query` is asked below it.", required=True)
EVERY = Field[int]("every", DURATION, "How often it is asked, 1s to 2m. Default 15s.", EVERY_MS)
TIMEOUT = Field[int]("timeout", DURATION, "How long an answer is waited for. Default 5s.", TIMEOUT_MS)
HEADERS = Field[Mapping[str, str]](
    "headers", MapOf(_HEADER, _VALUE), "Sent with each question; secrets by reference, env:NAME.", default={}
)


def _engine(values: Values) -> Engine | Broken:
    engine = Engine(values[URL], values[EVERY], values[TIMEOUT], values[HEADERS])
    if not SHORTEST_EVERY_MS <= engine.every_ms <= LONGEST_EVERY_MS or engine.every_ms % 1000:
        told = format_duration(engine.every_ms)
        values.error(EVERY, "D312", f"an engine cannot be asked each {told}", "whole seconds from 1s to 2m")
        return BROKEN
    if engine.timeout_ms > LONGEST_EVERY_MS:
        told = format_duration(engine.timeout_ms)
        values.error(TIMEOUT, "D312", f"{told} is too long to wait for an answer", "at most 2m")
        return BROKEN
    for name in bare_secrets(engine):
        what = f"the header {name!r} holds a secret in plain text"
        values.error(HEADERS, "D313", what, f'refer to it: {name}: "env:NAME", or "Bearer env:NAME"')
        return BROKEN
    return engine


ENGINE = Record("an engine", (URL, EVERY, TIMEOUT, HEADERS), _engine)
_TEXT = Scalar("an expression of PromQL", str, {"type": "string"}, most=10_000)
BAD = Field[str]("bad", _TEXT, "Counts what failed: a counter, or an expression over {{window}}.", "")
GOOD = Field[str]("good", _TEXT, "Counts what did not fail, in place of `bad`.", "")
TOTAL = Field[str]("total", _TEXT, "Counts everything, what failed included.", "")
RATIO = Field[str]("ratio", _TEXT, "The share that fails, 0 to 1, where there are no counts.", "")
HISTOGRAM = Field[str]("histogram", _TEXT, "The buckets of a classic histogram, for `latency`.", "")
_READ: tuple[tuple[Field[str], Callable[[str], object]], ...] = (
    (BAD, read_counter),
    (GOOD, read_counter),
    (TOTAL, read_counter),
    (RATIO, read_ratio),
    (HISTOGRAM, read_histogram),
)
_FORMS = ({"bad", "total"}, {"good", "total"}, {"ratio"}, {"histogram"})


def _promql(values: Values) -> PromQl | Broken:
    told = {field.key for field, _ in _READ if values.has(field)}
    if told not in _FORMS:
        what = f"it has {' and '.join(sorted(told)) or 'nothing'}, and needs bad and total, good and total, ratio, or histogram"
        values.log.error(values.place, "D311", what, "{bad: 'errors_total', total: 'requests_total'}")
        return BROKEN
    parsed = [_parses(values, field, read) for field, read in _READ if values.has(field)]
    if not all(parsed):
        return BROKEN
    return PromQl(values[BAD], values[GOOD], values[TOTAL], values[RATIO], values[HISTOGRAM])


def _parses(values: Values, field: Field[str], read: Callable[[str], object]) -> bool:
    try:
        read(values[field])
    except PromqlError as error:
        values.error(field, "D310", f"{field.key}: {error}", error.hint)
        return False
    return True


PROMQL = Record("a question to an engine", (BAD, GOOD, TOTAL, RATIO, HISTOGRAM), _promql)
