"""The first report after the plane was away speaks of all that time: counted in full, and no alarm of its own making."""

from pathlib import Path

import pytest

from focusplane.instrument.signal import Latencies, Outcome, Signal, Slice, Source
from focusplane.kernel.tick import DAY, MINUTE, SECOND
from focusplane.observe.health import State
from focusplane.observe.reading import Measured
from focusplane.plane.arrival import Counted, Started
from focusplane.testing.rig import Load, Rig

POLICY = (Path(__file__).parent / "checkout.yaml").read_text()
PER_SECOND = 40
BOUNDS_MS = (100.0, 300.0)


def caught_up(away_s: int, failing: int, after_ms: int = 400) -> Rig:
    """So many seconds without a plane; then one report of them, in the second of the start or later, and what follows."""
    it = Rig({"checkout.yaml": POLICY})
    it.loads.append(Load("checkout", per_second=PER_SECOND, tenants=20, source=Source.APP))
    it.seconds(150)
    last = it.at
    it.turn(Started("p-rig", 1, "production"), after_ms=away_s * SECOND)
    report = tuple(
        Signal("checkout", "production", Source.APP, "edge-1", last, it.at + after_ms, Slice("t1", "v1"),
               Outcome(status), count, Latencies(BOUNDS_MS, (count, 0, 0)))
        for status, count in ((200, away_s * PER_SECOND - failing), (503, failing)) if count
    )  # fmt: skip
    it.turn(Counted("caught up", report), after_ms=after_ms)
    it.turn(after_ms=-it.at % SECOND)
    it.seconds(90)
    return it


def reading(it: Rig, window_ms: int) -> Measured:
    found = it.world.counters.over("checkout", "availability", window_ms, it.at)
    assert isinstance(found, Measured)
    return found


@pytest.mark.parametrize("away_s", [10, 3_600, 36_000])
@pytest.mark.parametrize("after_ms", [400, 1_600])
def test_a_long_report_of_a_healthy_service_is_counted_in_full_and_alarms_nobody(
    away_s: int, after_ms: int
) -> None:
    it = caught_up(away_s, failing=away_s * PER_SECOND // 1_000, after_ms=after_ms)
    assert it.sent == []
    assert it.world.health["checkout/availability"].state is State.OK
    whole = reading(it, 30 * DAY)
    assert whole.bad == away_s * PER_SECOND // 1_000
    assert whole.total >= (150 + away_s) * PER_SECOND
    assert not it.world.unused


def test_of_an_absence_the_last_five_minutes_are_covered_and_the_rest_is_said_to_be_missing() -> None:
    assert reading(caught_up(240, failing=0, after_ms=SECOND), 6 * MINUTE).covered == 1
    assert reading(caught_up(3_600, failing=0, after_ms=SECOND), 6 * MINUTE).covered == 1
    assert reading(caught_up(3_600, failing=0, after_ms=SECOND), 8 * MINUTE).covered < 1


def test_an_absence_in_which_the_budget_burnt_pages_though_nobody_knows_when_in_it() -> None:
    it = caught_up(3_600, failing=3_600 * PER_SECOND // 10)
    assert [one.title for one in it.sent if "availability" in one.title or "flag" in one.title]
    assert reading(it, 30 * DAY).bad == 3_600 * PER_SECOND // 10


def reports(it: Rig, start: int, version: str, count: int) -> None:
    """What the instance of a version says of the time up to now: half of it failed."""
    part = Slice("t1", version)
    told = [
        Signal(
            "checkout", "production", Source.APP, f"app-{version}", start, it.at, part, Outcome(status), count
        )
        for status in (200, 503)
    ]
    it.turn(Counted(f"{version} {it.at}", tuple(told)))


@pytest.mark.parametrize("away_s", [60, 900])
def test_what_versions_did_in_an_absence_is_not_compared_in_the_seconds_in_which_they_say_so(
    away_s: int,
) -> None:
    """Both failed alike while nobody watched; one instance says so a second before the other."""
    it = Rig({"checkout.yaml": POLICY})
    for _ in range(10):
        it.turn(after_ms=SECOND)
        for version in ("v1", "v2"):
            reports(it, it.at - SECOND, version, 10)
    last, before = it.at, reading(it, MINUTE).bad
    it.turn(Started("p-rig", 1, "production"), after_ms=away_s * SECOND)
    back = it.at
    for version in ("v2", "v1"):
        it.turn(after_ms=SECOND)
        reports(it, last, version, 300)
    for _ in range(3):
        it.turn(after_ms=SECOND)
        for version in ("v1", "v2"):
            reports(it, it.at - SECOND, version, 10)
    compared = it.world.counters.arms("checkout", "v2", "v1", back, it.at)
    assert {(pair.canary_total, pair.baseline_total) for one in compared for pair in one.pairs} == {(20, 20)}
    assert reading(it, 30 * DAY).bad == before + 2 * 300 + 3 * 2 * 10
