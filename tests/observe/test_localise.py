"""The smallest slice that explains a failure is named, and what it was compared with."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from focusplane.define.focus import Focus
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.define.slo import Objective, Rolling
from focusplane.instrument.signal import Latencies, Outcome, Signal, Slice, Source
from focusplane.kernel.tick import DAY, MINUTE, SECOND
from focusplane.observe.counters import Counters
from focusplane.observe.latency import Percentile, Timed, percentile, timed
from focusplane.observe.localise import Excess, Explained, Hurt, Spread, excess, explain, hurt, localise
from focusplane.observe.reading import Measured, NoData

T0 = 1_700_000_000_000
SLI = Sli(SliKind.EVENTS, Match(status=("5xx",)), Match())
AVAILABILITY = Objective("availability", Fraction(999, 1000), Rolling(30 * DAY), SLI, ())
CHECKOUT = Focus("checkout", "payments", "digest", objectives=(AVAILABILITY,))
SPAN = (T0 - MINUTE, T0)


def counted(*rows: tuple[Slice, int, int]) -> Counters:
    """Rows of slice, good, bad, all in the second before T0."""
    counters = Counters()
    counters.declare(CHECKOUT)
    for part, good, bad in rows:
        for status, count in ((200, good), (500, bad)):
            outcome = Outcome(status)
            counters.add(
                Signal("checkout", "production", Source.EDGE, "e", T0 - SECOND, T0, part, outcome, count), T0
            )
    counters.settle(T0)
    return counters


def test_a_bad_version_is_named_although_it_serves_every_tenant() -> None:
    counters = counted(
        (Slice("acme", "v1"), 900, 1),
        (Slice("bolt", "v1"), 900, 1),
        (Slice("acme", "v2"), 90, 10),
        (Slice("bolt", "v2"), 90, 10),
    )
    found = localise(counters, "checkout", "availability", *SPAN)
    assert isinstance(found, Explained)
    assert found.slice == "version=v2"
    assert found.share_of_bad == Fraction(20, 22)
    assert {each.slice for each in found.compared} == {
        "version=v2",
        "version=v1",
        "tenant=acme",
        "tenant=bolt",
    }


def test_one_noisy_tenant_is_named_rather_than_the_route_it_uses() -> None:
    counters = counted(
        (Slice("acme", "v1", "/pay"), 10, 90),
        (Slice("bolt", "v1", "/pay"), 500, 0),
        (Slice("core", "v1", "/see"), 2_000, 0),
    )
    found = localise(counters, "checkout", "availability", *SPAN)
    assert isinstance(found, Explained)
    assert found.slice == "tenant=acme"


def test_a_failure_everywhere_is_spread() -> None:
    counters = counted(*((Slice(f"t{number}", "v1"), 90, 10) for number in range(10)))
    found = localise(counters, "checkout", "availability", *SPAN)
    assert isinstance(found, Spread)
    assert found.why.startswith("the failures are spread: the best of 10 slices")


def test_too_few_failures_and_no_requests_explain_nothing() -> None:
    few = localise(counted((Slice("acme"), 10, 2)), "checkout", "availability", *SPAN)
    assert few == Spread("only 2 failures, 5 are needed to compare slices")
    none = localise(counted(), "checkout", "availability", *SPAN)
    assert none == Spread("no telemetry yet")


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1)
)
def test_what_explains_has_more_of_the_failures_than_of_the_traffic(
    parts: dict[str, tuple[int, int]],
) -> None:
    slices = {
        f"tenant={name}": Measured(good, good + bad) for name, (good, bad) in parts.items() if good + bad
    }
    whole = Measured(sum(each.good for each in slices.values()), sum(each.total for each in slices.values()))
    found = explain(whole, slices)
    if isinstance(found, Explained):
        assert found.share_of_bad > found.share_of_traffic
        assert found.excess <= whole.bad


def test_the_hurt_tenants_are_counted_and_the_worst_named() -> None:
    counters = counted((Slice("acme"), 5, 3), (Slice("bolt"), 5, 7), (Slice("core"), 5, 0))
    assert hurt(counters, "checkout", "availability", *SPAN) == Hurt(
        2, 3, (("bolt", 7), ("acme", 3)), failed=10
    )


def test_the_excess_of_a_version_is_what_the_baselines_rate_does_not_explain() -> None:
    counters = counted((Slice(version="v1"), 990, 10), (Slice(version="v2"), 90, 10))
    found = excess(counters.slices_over("checkout", "availability", "version", *SPAN), ("v2", "v1"))
    assert isinstance(found, Excess)
    assert found.failures == 9
    served = counters.slices_over("checkout", "availability", "version", *SPAN)
    assert excess(served, ("v3", "v1")) == NoData("no requests of v3")


def test_a_percentile_is_the_bucket_that_holds_it() -> None:
    latencies = Latencies((10.0, 20.0, 40.0), (50, 40, 9, 1))
    assert percentile(latencies, Fraction(1, 2)) == Percentile(0.0, 10.0)
    assert percentile(latencies, Fraction(9, 10)) == Percentile(10.0, 20.0)
    assert percentile(latencies, Fraction(1)) == Percentile(40.0, None)
    assert percentile(Latencies((10.0,), (0, 0)), Fraction(1, 2)) == NoData("nothing was timed")


@given(st.lists(st.integers(1, 200), min_size=1, max_size=60), st.fractions(Fraction(1, 100), 1))
def test_a_percentile_holds_the_true_quantile(durations: list[int], share: Fraction) -> None:
    bounds = (1.0, 3.0, 10.0, 30.0, 100.0)
    edges = (0.0, *bounds, 1e9)
    counts = tuple(sum(edges[place] < each <= edges[place + 1] for each in durations) for place in range(6))
    found = percentile(Latencies(bounds, counts), share)
    assert isinstance(found, Percentile)
    true = sorted(durations)[-(-len(durations) * share.numerator // share.denominator) - 1]
    assert found.low_ms < true <= (found.high_ms or 1e9)


def test_percentiles_are_kept_for_each_version() -> None:
    counters = counted()
    for version, counts in (("v1", (9, 1, 0)), ("v2", (0, 1, 9))):
        latencies = Latencies((10.0, 20.0), counts)
        part = Slice(version=version)
        signal = Signal(
            "checkout", "production", Source.EDGE, "e", T0 - SECOND, T0, part, Outcome(200), 10, latencies
        )
        counters.add(signal, T0)
    counters.settle(T0)
    one = timed(counters, "checkout", *SPAN, version="v1")
    both = timed(counters, "checkout", *SPAN)
    assert isinstance(one, Timed)
    assert isinstance(both, Timed)
    assert (one.count, one.p50, one.p99) == (10, Percentile(0.0, 10.0), Percentile(10.0, 20.0))
    assert (both.count, both.p50) == (20, Percentile(10.0, 20.0))
