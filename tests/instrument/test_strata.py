"""What applications say of route and tenant class becomes the strata in which a rollout is judged."""

from fractions import Fraction

from focusplane.define.focus import Focus
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.define.slo import Objective, Rolling
from focusplane.instrument.cumulative import Cumulative
from focusplane.instrument.gather import Judges, gather_points
from focusplane.instrument.point import Explicit, Point, Points, Said, Temporality
from focusplane.instrument.precedence import Precedence
from focusplane.instrument.recognise import Recogniser
from focusplane.instrument.tagging import Attributes, Index
from focusplane.kernel.tick import DAY, SECOND
from focusplane.observe.counters import Counters

AT = 1_700_000_000_000
FAILURES = Sli(SliKind.EVENTS, Match(status=("5xx",)), Match())
PAY = Focus(
    "pay", "t", "d", objectives=(Objective("up", Fraction(99, 100), Rolling(30 * DAY), FAILURES, ()),)
)


def point(version: str, kind: str, status: int, count: int) -> Point:
    resource: Attributes = {"service.name": "pay", "service.version": version, "service.instance.id": version}
    said: Attributes = {
        "focus.id": "pay",
        "http.route": "/pay",
        "http.response.status_code": status,
        "tenant.class": kind,
    }
    return Point(
        Said(resource),
        Said(said),
        "http.server.request.duration",
        "s",
        f"{version} {kind} {status}".encode(),
        (AT - SECOND) * 1_000_000,
        AT * 1_000_000,
        Temporality.DELTA,
        Explicit((0.1,), (count, 0)),
    )


def test_arms_are_compared_within_each_route_and_tenant_class() -> None:
    told = (
        point("v1", "gold", 200, 30),
        point("v2", "gold", 503, 4),
        point("v1", "free", 200, 90),
        point("v2", "", 200, 5),
    )
    recogniser = Recogniser(Index({"pay": PAY}, "production"))
    judges = Judges(recogniser, Cumulative(0).begin(), Precedence())
    counters = Counters()
    counters.declare(PAY)
    for signal in gather_points(Points(told), judges, AT).signals:
        counters.add(signal, AT)
    counters.settle(AT)
    (bucket,) = counters.arms("pay", "v2", "v1", AT - SECOND, AT)
    found = {pair.stratum: (pair.canary_total, pair.canary_bad, pair.baseline_total) for pair in bucket.pairs}
    assert found == {"/pay": (5, 0, 0), "/pay free": (0, 0, 90), "/pay gold": (4, 4, 30)}
