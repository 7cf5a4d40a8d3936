"""The keys of SLIs that are counted in units of their own: slices, freshness, throughput, probe, composite."""

from focusplane.define.quantities import DURATION, LINE, RATE, SHARE, STATUS, whole
from focusplane.define.shape import BROKEN, Broken, Field, Record, Values
from focusplane.define.shapes import ListOf, Scalar, one_of
from focusplane.define.units import (
    Composite,
    Freshness,
    Idle,
    Late,
    Member,
    Probe,
    Rule,
    Slices,
    Throughput,
)
from focusplane.define.web_address import MOST_URL, web_address
from focusplane.kernel.quantity import format_duration
from focusplane.kernel.tick import DAY, HOUR, MINUTE, SECOND

SHORTEST_SLICE_MS, LONGEST_SLICE_MS = 10 * SECOND, 6 * HOUR
FINE_MS = 10 * MINUTE
"""Slices up to this long begin at whole tens of seconds, longer ones at whole minutes: as exact as the past is kept."""
SHORTEST_PROBE_MS, LONGEST_PROBE_MS = 5 * SECOND, HOUR
LONGEST_TIMEOUT_MS = 30 * SECOND
LONGEST_WAIT_MS = HOUR


def off_grid(every_ms: int) -> str:
    """Why slices cannot be so long; empty if they can."""
    if not SHORTEST_SLICE_MS <= every_ms <= LONGEST_SLICE_MS:
        return f"a slice of {format_duration(every_ms)} is not between 10s and 6h long"
    step = SHORTEST_SLICE_MS if every_ms <= FINE_MS else MINUTE
    if every_ms % step or DAY % every_ms:
        return f"slices of {format_duration(every_ms)} do not fit into a day on whole {format_duration(step)}"
    return ""


def _every(values: Values, field: Field[int]) -> bool:
    why = off_grid(values[field])
    if why:
        values.error(field, "D221", why, "such as 10s, 30s, 1m, 5m, 15m or 1h")
    return not why


EVERY = Field("every", DURATION, "How long a slice is: 10s to 6h, such as 1m.", required=True)
FAILING = Field(
    "failing", SHARE, "A slice is good while at most this share of its requests fails.", required=True
)
IDLE = Field("idle", one_of(Idle), "A slice without requests: skip (default), good or bad.", Idle.SKIP)


def _slices(values: Values) -> Slices | Broken | None:
    fits = _every(values, EVERY)
    return Slices(values[EVERY], values[FAILING], values[IDLE]) if fits else BROKEN


SLICES = Field[Slices | None](
    "slices",
    Record[Slices | None]("time slices", (EVERY, FAILING, IDLE), _slices),
    "Counts slices of time instead of requests: a minute with one request weighs as much as one with a thousand.",
    None,
)

WITHIN = Field("within", DURATION, "The last good event may be so old.", required=True)
LOOKED_AT = Field("every", DURATION, "How long a slice is. Default: 1m.", MINUTE)


def _freshness(values: Values) -> Freshness | Broken | None:
    if values[WITHIN] < values[LOOKED_AT]:
        what = (
            f"a slice of {format_duration(values[LOOKED_AT])} is longer than what is asked of the last event"
        )
        values.error(WITHIN, "D229", what, "within: at least as long as every")
        return BROKEN
    return Freshness(values[WITHIN], values[LOOKED_AT]) if _every(values, LOOKED_AT) else BROKEN


FRESHNESS = Field[Freshness | None](
    "freshness",
    Record[Freshness | None]("a freshness SLI", (WITHIN, LOOKED_AT), _freshness),
    "For batch jobs and queues: a slice of time is good if the last good event is recent.",
    None,
)

AT_LEAST = Field("atLeast", RATE, "So many good events: 1000/h.", required=True)


def _throughput(values: Values) -> Throughput | Broken | None:
    if not _every(values, EVERY):
        return BROKEN
    made = Throughput(values[AT_LEAST], values[EVERY])
    if made.needed < 1:
        what = f"in {format_duration(made.every_ms)} not even one event is asked for"
        values.error(AT_LEAST, "D229", what, "longer slices, or `freshness` for what happens rarely")
        return BROKEN
    return made


THROUGHPUT = Field[Throughput | None](
    "throughput",
    Record[Throughput | None]("a throughput SLI", (AT_LEAST, EVERY), _throughput),
    "For batch jobs and queues: a slice of time is good if enough good events were in it.",
    None,
)


URL = Field(
    "url",
    Scalar(
        "an http or https URL",
        web_address,
        {"type": "string", "pattern": "^https?://"},
        "such as https://shop.example/healthz",
        MOST_URL,
    ),
    "What the plane asks with GET; a redirect is followed only on the same host.",
    required=True,
)
TRIED = Field("every", DURATION, "How often it is asked: 5s to 1h. Default: 30s.", 30 * SECOND)
TIMEOUT = Field("timeout", DURATION, "No answer after so long is a bad one. Default: 5s.", 5 * SECOND)
EXPECTED = Field(
    "status", ListOf(STATUS, single=True), "Good status codes and classes. Default: 2xx.", ("2xx",)
)
BODY = Field("body", LINE, "What the first 64 KiB of a good answer contain.", "")


def _probe(values: Values) -> Probe | Broken | None:
    every, timeout = values[TRIED], values[TIMEOUT]
    if not SHORTEST_PROBE_MS <= every <= LONGEST_PROBE_MS or every % SECOND:
        what = f"a probe each {format_duration(every)} is not between 5s and 1h on whole seconds"
        values.error(TRIED, "D224", what, "such as 10s, 30s or 1m")
        return BROKEN
    if timeout >= every or timeout > LONGEST_TIMEOUT_MS:
        most = format_duration(min(every, LONGEST_TIMEOUT_MS))
        what = f"a timeout of {format_duration(timeout)} is too long: the next try is due after {format_duration(every)}"
        values.error(TIMEOUT, "D224", what, f"less than {most}")
        return BROKEN
    return Probe(values[URL], every, timeout, values[EXPECTED], values[BODY])


PROBE = Field[Probe | None](
    "probe",
    Record[Probe | None]("a probe", (URL, TRIED, TIMEOUT, EXPECTED, BODY), _probe),
    "The plane itself asks a URL; only what it sees counts.",
    None,
)

MEMBER_OBJECTIVE = Field(
    "objective", LINE, "An objective of this focus, or focus/objective of another one.", required=True
)
WEIGHT = Field("weight", whole(1, 1_000), "How much it counts in a weighted composite. Default: 1.", 1)


def _member(values: Values) -> Member:
    own = values.path.partition(".")[0]
    named = values[MEMBER_OBJECTIVE]
    return Member(named if "/" in named else f"{own}/{named}", values[WEIGHT])


MEMBER = Record("a member of a composite", (MEMBER_OBJECTIVE, WEIGHT), _member)
RULE = Field("rule", one_of(Rule), "all, weighted or journey.", required=True)
OF = Field("of", ListOf(MEMBER, least=1), "The objectives that it is made of.", required=True)
LATE = Field("late", one_of(Late), "A member without data: ignore (default), good or bad.", Late.IGNORE)
AFTER = Field("after", DURATION, "So long it is waited for. Default: 2m.", 2 * MINUTE)


def _composite(values: Values) -> Composite | Broken | None:
    rule, of = values[RULE], values[OF]
    fits = _every(values, LOOKED_AT)
    if values[AFTER] > LONGEST_WAIT_MS:
        what = f"{format_duration(values[AFTER])} is too long to wait for a member"
        values.error(AFTER, "D221", what, "at most 1h")
        fits = False
    if rule is not Rule.WEIGHTED and any(member.weight != 1 for member in of):
        values.error(OF, "D230", f"weights mean nothing under `rule: {rule}`", "rule: weighted")
        fits = False
    return Composite(rule, of, values[LOOKED_AT], values[LATE], values[AFTER]) if fits else BROKEN


COMPOSITE = Field[Composite | None](
    "composite",
    Record[Composite | None]("a composite", (RULE, OF, LOOKED_AT, LATE, AFTER), _composite),
    "Made of other objectives, of this focus or of others in the same environment.",
    None,
)
