"""The keys of the levers: flags, traffic, throttle, quota, breakers, fallback."""

from collections.abc import Mapping
from math import ceil

from focusplane.define.controls import (
    Address,
    Breaker,
    Controls,
    Fallback,
    Flag,
    Quota,
    Sticky,
    Throttle,
    Traffic,
)
from focusplane.define.driver import Driver
from focusplane.define.form_drivers import DRIVER, WHERE, Where, misfits, placed
from focusplane.define.form_flags import FLAG, KEY, KEY_WORDS
from focusplane.define.quantities import ADDRESS, DURATION, LINE, RATE, ROUTE, SHARE, whole
from focusplane.define.shape import Field, Record, Values
from focusplane.define.shapes import AnyJson, MapOf, Name, Reference, one_of
from focusplane.kernel.ids import Json
from focusplane.kernel.quantity import Rate
from focusplane.kernel.tick import MINUTE, SECOND

_VERSION = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"

LISTEN = Field("listen", ADDRESS, "Where our gateway listens.", Address("", 0))
DRIVER_OF = Field[Driver | None](
    "driver", DRIVER, "What splits the traffic in the place of our gateway.", None
)
ROUTE_OF = Field("route", ROUTE, "The route it takes; the default is everything.", "/*")
TENANT_HEADER = Field("tenantHeader", LINE, "The request header that names the tenant.", "x-tenant")
STICKY = Field("sticky", one_of(Sticky), "Who stays on one version: a tenant or nobody.", Sticky.TENANT)
VERSIONS = Field[Mapping[str, Where]](
    "versions",
    MapOf(Name("version", _VERSION, "a version such as v2 or 2.1.0"), WHERE),
    "Where the instances of each version answer, or where it stands behind the driver.",
    required=True,
)
INITIAL = Field(
    "initial", LINE, "The stable version at the very first start; later the journal knows.", required=True
)


def _traffic(values: Values) -> Traffic:
    traffic = Traffic(
        values[LISTEN],
        values[ROUTE_OF],
        {},
        values[INITIAL],
        values[TENANT_HEADER].lower(),
        values[STICKY],
        values[DRIVER_OF],
    )
    traffic = placed(traffic, values[VERSIONS])
    misfits(values, traffic, LISTEN, (ROUTE_OF, TENANT_HEADER, STICKY))
    return traffic


TRAFFIC = Record("traffic", (LISTEN, DRIVER_OF, ROUTE_OF, TENANT_HEADER, STICKY, VERSIONS, INITIAL), _traffic)

THROTTLE_RATE = Field("rate", RATE, "At most so many requests.", required=True)
BURST = Field[int | None]("burst", whole(1, 1_000_000), "So many at once. Default: one second's worth.", None)


def _throttle(values: Values) -> Throttle:
    burst = values[BURST]
    rate = values[THROTTLE_RATE]
    return Throttle(rate, max(1, ceil(rate.per_second)) if burst is None else burst)


THROTTLE = Record("a throttle", (THROTTLE_RATE, BURST), _throttle)

PER = Field("per", LINE, "The attribute that is counted by.", "tenant.id")
QUOTA_RATE = Field("rate", RATE, "What each may ask for.", required=True)
OVERRIDES = Field[Mapping[str, Rate]]("overrides", MapOf(LINE, RATE), "Rates of tenants by name.", default={})


def _quota(values: Values) -> Quota:
    return Quota(values[PER], values[QUOTA_RATE], values[OVERRIDES])


QUOTA = Record("a quota", (PER, QUOTA_RATE, OVERRIDES), _quota)

FAILURES = Field("failures", SHARE, "Opens at this share of failed calls.", required=True)
OVER = Field("over", DURATION, "Counted over this long.", 10 * SECOND)
MIN_REQUESTS = Field("minRequests", whole(1, 1_000_000), "Fewer calls than this never open it.", 20)
OPEN_FOR = Field("openFor", DURATION, "Refuses calls this long, then probes.", 15 * SECOND)
PROBES = Field("probes", whole(1, 1_000), "So many good probes close it.", 3)


def _breaker(values: Values) -> Breaker:
    return Breaker(
        values.name,
        values[FAILURES],
        values[OVER],
        values[MIN_REQUESTS],
        values[OPEN_FOR],
        values[PROBES],
    )


BREAKER = Record("a breaker", (FAILURES, OVER, MIN_REQUESTS, OPEN_FOR, PROBES), _breaker)

ON_BREAKER = Field("breaker", Reference("breaker"), "While this breaker is open.", required=True)
FALLBACK_WHEN = Field(
    "when", Record("`when` of a fallback", (ON_BREAKER,), lambda v: v[ON_BREAKER]), "When it answers.", ""
)
STATUS_OF = Field("status", whole(100, 599), "HTTP status.", 200)
BODY = Field[Json]("body", AnyJson(), "The JSON body.", None)


def _answer(values: Values) -> tuple[int, Json]:
    return values[STATUS_OF], values[BODY]


RESPOND = Field("respond", Record("an answer", (STATUS_OF, BODY), _answer), "The answer.", required=True)
MAX_AGE = Field("maxAge", DURATION, "A stored answer is used no longer than this.", 5 * MINUTE)


def _fallback(values: Values) -> Fallback:
    status, body = values[RESPOND]
    return Fallback(values[FALLBACK_WHEN], status, body, values[MAX_AGE])


FALLBACK = Record("a fallback", (FALLBACK_WHEN, RESPOND, MAX_AGE), _fallback)

FLAGS = Field[Mapping[str, Flag]](
    "flags", MapOf(Name("flag", KEY, KEY_WORDS), FLAG), "Feature flags by key.", default={}
)
TRAFFIC_OF = Field[Traffic | None]("traffic", TRAFFIC, "The gateway and the versions behind it.", None)
THROTTLE_OF = Field[Throttle | None]("throttle", THROTTLE, "A limit on all requests.", None)
QUOTA_OF = Field[Quota | None]("quota", QUOTA, "A limit for each tenant.", None)
BREAKERS = Field[Mapping[str, Breaker]](
    "breakers",
    MapOf(Name("breaker", KEY, KEY_WORDS), BREAKER),
    "Circuit breakers by dependency.",
    default={},
)
FALLBACK_OF = Field[Fallback | None]("fallback", FALLBACK, "What is answered instead.", None)


def _controls(values: Values) -> Controls:
    return Controls(
        values[FLAGS],
        values[TRAFFIC_OF],
        values[THROTTLE_OF],
        values[QUOTA_OF],
        values[BREAKERS],
        values[FALLBACK_OF],
    )


CONTROLS = Record("controls", (FLAGS, TRAFFIC_OF, THROTTLE_OF, QUOTA_OF, BREAKERS, FALLBACK_OF), _controls)
