"""Traps 2, 21 and 23 on slices of time: idle poisons nothing, missing is neither good nor bad, late data correct."""

from collections.abc import Sequence
from fractions import Fraction

import pytest

from focusplane.act.fact import Kind
from focusplane.define.slo import Level
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import HOUR, MINUTE, SECOND
from focusplane.observe.health import Health, State
from focusplane.observe.reading import Measured, NoData, Reading
from focusplane.plane.arrival import Counted, PolicyRead
from focusplane.plane.snapshot import preserve, revive
from focusplane.testing.rig import Rig

POLICY = """
apiVersion: focusplane/v1
kind: Focus
metadata: {name: shop}
spec:
  owner: payments
  boundary: [{service: payment}]
  objectives:
    - {name: sliced, target: 90%, window: 1d, sli: SLI}
    - {name: requests, target: 90%, window: 1d, sli: {bad: {status: 5xx}}}
---
apiVersion: focusplane/v1
kind: Team
metadata: {name: payments}
spec: {members: [ana@example.org]}
"""
MINUTES = "{bad: {status: 5xx}, slices: {every: 1m, failing: 10%}}"


class Story:
    """One focus, one reporter, a minute at a time."""

    def __init__(self, sli: str = MINUTES) -> None:
        self.it = Rig({"shop.yaml": POLICY.replace("SLI", sli)})
        assert not self.it.world.policies.refused
        self._batches = 0

    @property
    def at(self) -> int:
        return self.it.at

    def tell(self, *signals: Signal, after_ms: int = 0) -> None:
        self._batches += 1
        self.it.turn(Counted(f"b{self._batches}", signals), after_ms=after_ms)

    def seconds(self, count: int, good: int = 10, bad: int = 0) -> None:
        for _ in range(count):
            end = self.at + SECOND
            self.tell(*said(end, good, bad), after_ms=SECOND)

    def quiet(self, count: int) -> None:
        for _ in range(count):
            self.it.turn(after_ms=SECOND)

    def reading(self, objective: str = "sliced", window_ms: int = HOUR) -> Reading:
        mark = self.it.world.counters.lanes["shop"].mark(objective)
        assert mark is not None
        return self.it.world.counters.over("shop", objective, window_ms, mark)

    def measured(self, objective: str = "sliced") -> tuple[int, int]:
        found = self.reading(objective)
        assert isinstance(found, Measured), found
        return found.total, found.bad

    @property
    def health(self) -> Health:
        return self.it.world.health["shop/sliced"]


def said(end: int, good: int, bad: int = 0, span: int = SECOND, reporter: str = "r1") -> Sequence[Signal]:
    return tuple(
        Signal("shop", "production", Source.APP, reporter, end - span, end, Slice(), Outcome(status), count)
        for status, count in ((200, good), (500, bad))
        if count or status == 200
    )


def test_a_slice_counts_once_however_many_requests_it_has() -> None:
    it = Story()
    it.seconds(60, good=1000)
    it.seconds(60, good=1, bad=1)
    it.seconds(62, good=89, bad=9)
    assert it.measured() == (3, 1)
    assert it.measured("requests")[0] > 60_000
    assert "9.1837% of" in it.health.reason


def test_trap_02_an_idle_slice_poisons_nothing_and_counts_as_its_policy_says() -> None:
    """Sloth 531: a slice of 0/0 is NaN, and NaN eats the whole window. slo-generator calls it bad."""
    for idle, expected in (("skip", (2, 1)), ("good", (4, 1)), ("bad", (4, 3))):
        it = Story(MINUTES.replace("10%", f"10%, idle: {idle}"))
        it.seconds(60, good=5)
        it.seconds(120, good=0)
        it.seconds(62, good=1, bad=1)
        assert it.measured() == expected
        found = it.reading(window_ms=4 * MINUTE)
        assert isinstance(found, Measured)
        assert found.covered == 1


def test_trap_21_a_slice_without_telemetry_is_neither_good_nor_bad_and_lowers_coverage() -> None:
    """Datadog counts a missing slice as uptime, others as bad: one hides an outage, the other invents one."""
    it = Story()
    it.seconds(120)
    it.quiet(180)
    it.seconds(62)
    assert it.measured()[1] == 0
    found = it.reading(window_ms=it.at - 1_767_225_600_000)
    assert isinstance(found, Measured)
    assert 2 <= found.total <= 4
    assert Fraction(1, 3) <= found.covered <= Fraction(2, 3)


def test_a_source_that_falls_silent_makes_its_slices_blind_and_not_good() -> None:
    it = Story()
    it.seconds(130)
    it.quiet(90)
    assert it.health.state is State.BLIND
    assert "silent" in it.health.reason
    it.seconds(200)
    assert it.health.state is State.OK


def test_trap_23_late_data_correct_the_slice_they_belong_to_and_nothing_else() -> None:
    """Windows that end at the present count late data nowhere, or twice (Kibana PR 169011)."""
    it = Story()
    begin = it.at
    it.seconds(190)
    assert it.measured() == (3, 0)
    it.tell(*said(begin + 90 * SECOND, 0, 400))
    assert it.measured() == (3, 1)
    it.tell(*said(begin + 91 * SECOND, 20_000, 0))
    assert it.measured() == (3, 0)
    it.seconds(400)
    before = it.measured()
    it.tell(*said(begin + 90 * SECOND, 0, 900_000))
    assert it.measured() == before
    assert it.it.world.counters.lanes["shop"].apart["late"] == 900_000


def test_slices_survive_a_snapshot_and_a_replay_in_the_middle_of_a_slice() -> None:
    it = Story()
    it.seconds(95, good=9, bad=2)
    copy = Story()
    copy.it.world = revive(preserve(it.it.world))
    copy._batches = it._batches
    columns = [one.it.world.counters.lanes["shop"].wholes for one in (it, copy)]
    assert columns[0] == columns[1]
    for one in (it, copy):
        one.seconds(90, good=9, bad=0)
    assert it.measured() == copy.measured() == (3, 2)
    assert it.health == copy.health


def test_a_renamed_objective_keeps_its_slices_also_the_open_one() -> None:
    it = Story()
    it.seconds(95, good=9, bad=2)
    text = POLICY.replace("SLI", MINUTES).replace("name: sliced", "name: minutes")
    it.it.turn(PolicyRead({"shop.yaml": text}, "2026-01-01"))
    assert it.measured("minutes") == (1, 1)
    it.seconds(30, good=9, bad=0)
    assert it.measured("minutes") == (2, 2)
    assert it.it.said(Kind.OBJECTIVE_CARRIED)


def test_reports_longer_than_a_slice_are_laid_on_all_the_slices_they_speak_of() -> None:
    it = Story(MINUTES.replace("1m", "10s"))
    for minute in range(3):
        end = it.at + MINUTE
        it.tell(*said(end, 540, 72 if minute == 1 else 0, span=MINUTE), after_ms=MINUTE)
    assert it.measured() == (18, 6)


def test_two_of_the_last_four_slices_bad_is_an_outage_and_one_request_is_enough() -> None:
    it = Story()
    it.seconds(60 * 30, good=1)
    it.seconds(122, good=0, bad=1)
    assert it.health.level is Level.OUTAGE


def test_half_of_the_reports_missing_makes_a_slice_unknown() -> None:
    it = Story()
    begin = it.at
    for second in range(130):
        end = begin + (second + 1) * SECOND
        there = ("a", "b", "c", "d") if second < 60 else ("a",)
        it.tell(*(part for name in there for part in said(end, 10, reporter=name)), after_ms=SECOND)
    it.seconds(2)
    found = it.reading(window_ms=MINUTE)
    assert isinstance(found, NoData), found
    assert "covers" in it.it.world.counters.lanes["shop"].track("sliced").why


def test_who_tells_of_requests_alone_covers_the_pauses_between_them() -> None:
    """An access log says nothing of the time without requests: that is no gap in it, unless it lasts."""
    it = Story()
    for second in range(182):
        end = it.at + SECOND
        it.tell(*(said(end, 5, span=50) if second % 3 == 0 else ()), after_ms=SECOND)
    assert it.measured() == (2, 0)  # the first minute had begun when it was first heard
    found = it.reading(window_ms=2 * MINUTE)
    assert isinstance(found, Measured)
    assert found.covered == 1


FRESH = "{freshness: {within: 5m, every: 1m}}"


def test_freshness_is_good_while_the_last_good_event_is_recent_and_bad_when_only_failures_are_heard() -> None:
    it = Story(FRESH)
    it.seconds(60)
    it.seconds(300, good=0, bad=1)
    assert it.measured() == (6, 0)
    it.seconds(180, good=0, bad=1)
    total, bad = it.measured()
    assert (total, bad) == (9, 3)
    assert "5m is allowed" in it.health.reason
    it.seconds(62, good=1)
    assert it.measured()[1] == 3


def test_trap_21_freshness_is_blind_and_not_bad_when_nobody_is_heard() -> None:
    """An absent series is no stale job: a dead exporter pages as blindness, not as a failure of the job."""
    it = Story(FRESH)
    it.seconds(120)
    it.quiet(290)
    assert it.health.state is not State.BLIND
    it.quiet(300)
    assert it.health.state is State.BLIND
    assert it.measured()[1] == 0


def batch(it: Story, hours: int, good: int, bad: int = 0) -> None:
    """A job that reports when it has run, once an hour; the plane looks each minute."""
    for _ in range(hours):
        for _ in range(59):
            it.it.turn(after_ms=MINUTE)
        end = it.at + MINUTE
        it.tell(*said(end, good, bad, span=30 * SECOND), after_ms=MINUTE)


def test_a_batch_job_that_reports_each_hour_is_fresh_between_its_reports_and_bad_when_it_fails() -> None:
    it = Story("{freshness: {within: 2h, every: 5m}}")
    batch(it, 6, good=1)
    assert it.health.state is State.OK
    for _ in range(50):
        it.it.turn(after_ms=MINUTE)
    assert it.health.state is State.OK
    batch(it, 4, good=0, bad=1)
    assert it.measured()[1] > 0
    assert it.health.level is Level.OUTAGE
    assert "2h is allowed" in it.health.reason


def test_a_batch_job_that_stops_reporting_is_blind_after_its_time() -> None:
    it = Story("{freshness: {within: 2h, every: 5m}}")
    batch(it, 6, good=1)
    for _ in range(119):
        it.it.turn(after_ms=MINUTE)
    assert it.health.state is State.OK
    for _ in range(30):
        it.it.turn(after_ms=MINUTE)
    assert it.health.state is State.BLIND
    assert it.measured()[1] == 0


def test_throughput_is_bad_when_too_little_was_done_and_unknown_when_nobody_was_heard() -> None:
    it = Story("{throughput: {atLeast: 600/m, every: 1m}}")
    it.seconds(60, good=10)
    it.seconds(60, good=9)
    it.seconds(60, good=11, bad=5)
    it.seconds(2)
    assert it.measured() == (3, 1)
    it.quiet(240)
    it.seconds(62)
    assert it.measured()[1] == 1


def test_throughput_that_is_reached_is_reached_also_if_some_were_not_heard() -> None:
    it = Story("{throughput: {atLeast: 10/m, every: 1m}}")
    it.seconds(70, good=10)
    it.quiet(20)
    it.seconds(40, good=10)
    assert it.measured() == (2, 0)


@pytest.mark.parametrize("every", ["10s", "30s", "5m", "15m"])
def test_every_slice_is_counted_once_whatever_its_length(every: str) -> None:
    it = Story(MINUTES.replace("1m", every))
    it.seconds(1802, good=1)
    seconds = {"10s": 10, "30s": 30, "5m": 300, "15m": 900}[every]
    assert it.measured() == (1800 // seconds, 0)
