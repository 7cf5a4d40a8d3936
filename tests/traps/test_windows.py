"""Traps 07, 16, 22, 30: windows begin where the calendar says, are read at the instant that is asked for, and keep history."""

from calendar import monthrange
from datetime import date, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from focusplane.define.focus import Focus
from focusplane.define.load import load
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.define.slo import Calendar, CalendarUnit, Objective, Rolling, Window
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import DAY, HOUR, MINUTE, SECOND
from focusplane.observe.budget import span
from focusplane.observe.counters import Counters
from focusplane.observe.health import Budget, State
from focusplane.observe.judge_health import judge, windowed
from focusplane.observe.reading import Measured
from focusplane.observe.rings import WHOLE, Rings
from focusplane.observe.snapshot import pack

MONTH, QUARTER, YEAR, WEEK = CalendarUnit.MONTH, CalendarUnit.QUARTER, CalendarUnit.YEAR, CalendarUnit.WEEK
SLI = Sli(SliKind.EVENTS, Match(status=("5xx",)), Match())


def at(text: str, zone: str = "UTC") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 1000


def bounds(window: Window, now: int, zone: str) -> tuple[str, str]:
    found = span(window, now)
    shown = [
        f"{datetime.fromtimestamp(each / 1000, ZoneInfo(zone)):%Y-%m-%d %H:%M%z}"
        for each in (found.since, found.since + found.length_ms)
    ]
    return shown[0], shown[1]


@pytest.mark.parametrize("year", [2026, 2027, 2028])
@pytest.mark.parametrize("month", range(1, 13))
def test_trap_30_a_month_from_the_31st_begins_on_the_last_day_of_a_month_that_has_none(
    year: int, month: int
) -> None:
    """OpenSLO leaves months that have no such day to its implementers; nobody says what they do."""
    last = monthrange(year, month)[1]
    begins = min(31, last)
    window = Calendar(MONTH, "Europe/Berlin", 31)
    first, _ = bounds(window, at(f"{year}-{month:02}-{begins:02}T12:00", "Europe/Berlin"), "Europe/Berlin")
    assert first.startswith(f"{year}-{month:02}-{begins:02} 00:00")
    before, ends = bounds(
        window, at(f"{year}-{month:02}-{begins - 1:02}T12:00", "Europe/Berlin"), "Europe/Berlin"
    )
    assert before < ends
    assert ends == first


def test_trap_30_a_month_is_as_long_as_its_days_and_its_change_of_the_clocks() -> None:
    """A month taken as 30 days of 24 hours begins on another day each time, and an hour wrong after a change of the clocks."""
    for zone, hours in (("Europe/Berlin", 31 * 24 - 1), ("UTC", 31 * 24)):
        assert span(Calendar(MONTH, zone), at("2026-03-15T12:00")).length_ms == hours * HOUR
    assert span(Calendar(MONTH, "Europe/Berlin"), at("2026-10-15T12:00")).length_ms == (31 * 24 + 1) * HOUR
    assert span(Calendar(MONTH, "UTC"), at("2028-02-10T12:00")).length_ms == 29 * DAY
    assert (
        span(Calendar(MONTH, "Australia/Lord_Howe"), at("2026-10-15T12:00")).length_ms
        == 31 * DAY - 30 * MINUTE
    )
    assert span(Calendar(MONTH, "Pacific/Apia"), at("2011-12-15T12:00")).length_ms == 30 * DAY
    assert span(Calendar(YEAR, "UTC"), at("2028-02-10T12:00")).length_ms == 366 * DAY
    assert bounds(Calendar(QUARTER, "Europe/Berlin", 31), at("2026-05-10T12:00"), "Europe/Berlin") == (
        "2026-04-30 00:00+0200",
        "2026-07-31 00:00+0200",
    )
    assert bounds(Calendar(YEAR, "UTC", 31), at("2027-01-30T12:00"), "UTC")[1] == "2027-01-31 00:00+0000"
    assert bounds(Calendar(WEEK, "Europe/Berlin", 7), at("2026-11-26T12:00"), "Europe/Berlin")[0].startswith(
        "2026-11-22"
    )


def test_trap_30_a_day_that_has_no_midnight_begins_when_the_clocks_jump() -> None:
    """Midnight is no instant in Santiago on the day on which summer time begins: libraries that build it fail or go back."""
    assert bounds(Calendar(WEEK, "America/Santiago", 7), at("2026-09-08T12:00"), "America/Santiago")[0] == (
        "2026-09-06 01:00-0300"
    )
    skipped = Calendar(MONTH, "Pacific/Apia", 30)
    assert bounds(skipped, at("2012-01-05T00:00"), "Pacific/Apia")[0] == "2011-12-31 00:00+1400"


@given(
    st.sampled_from([MONTH, QUARTER, YEAR, WEEK]),
    st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "America/Santiago"]),
    st.integers(1, 31),
    st.integers(at("2010-01-01T00:00") // 1000, at("2031-01-01T00:00") // 1000),
)
def test_law_calendar_windows_hold_their_instant_and_follow_each_other_without_a_gap(
    unit: CalendarUnit, zone: str, day: int, second: int
) -> None:
    window = Calendar(unit, zone, day if unit is not WEEK else (day - 1) % 7 + 1)
    now = second * 1000
    found = span(window, now)
    assert found.since <= now < found.since + found.length_ms
    following = span(window, found.since + found.length_ms)
    assert following.since == found.since + found.length_ms
    local = datetime.fromtimestamp(found.since / 1000, ZoneInfo(zone)).date()
    assert local.day in {
        min(day, monthrange(local.year, local.month)[1]),
        local.day if unit is WEEK else 0,
    } or (zone == "Pacific/Apia" and local == date(2011, 12, 31))


POLICY = """
apiVersion: focusplane/v1
kind: Focus
metadata: {{name: checkout}}
spec:
  owner: payments
  boundary: [{{service: payment}}]
  objectives:
    - name: availability
      target: 99.9%
      window: {0}
      sli: {{bad: {{status: 5xx}}}}
---
apiVersion: focusplane/v1
kind: Team
metadata: {{name: payments}}
spec: {{members: [ana@example.org]}}
"""


@pytest.mark.parametrize(
    ("window", "code"),
    [
        ("401d", "D266"),
        ("[30d, 30d]", "D267"),
        ("[7d, 1w]", "D267"),
        ("[{calendar: month}, {calendar: month, timezone: Europe/Berlin}]", "D267"),
        ("[{calendar: month, startDay: 3}, {calendar: month}]", "D267"),
        ("{calendar: month, startDay: monday}", "D268"),
        ("{calendar: week, startDay: 3}", "D268"),
        ("{calendar: month, startDay: 32}", "D012"),
        ("{calendar: month, startDay: 0}", "D012"),
        ("[1d, 2d, 3d, 4d, 5d, 6d, 7d]", "D269"),
        ("[]", "D013"),
        ("[30d, 1m]", "D114"),
        ("1m", "D114"),
    ],
)
def test_windows_that_cannot_be_are_refused_with_a_hint(window: str, code: str) -> None:
    loaded = load({"focus.yaml": POLICY.format(window)})
    errors = [problem for problem in loaded.problems if problem.severity == "error"]
    assert [problem.code for problem in errors] == [code]
    assert errors[0].hint or code in ("D012", "D013")


def test_several_windows_are_read_and_the_first_one_leads() -> None:
    text = POLICY.format(
        "[30d, 7d, {calendar: month, timezone: Europe/Berlin, startDay: 31}, {calendar: week, startDay: sun}]"
    )
    loaded = load({"focus.yaml": text})
    assert not loaded.refused
    objective = loaded.policies.focuses["checkout"].objectives[0]
    assert objective.window == Rolling(30 * DAY)
    assert objective.windows == (
        Rolling(30 * DAY),
        Rolling(7 * DAY),
        Calendar(MONTH, "Europe/Berlin", 31),
        Calendar(WEEK, "UTC", 7),
    )


def objective(*windows: Window, target: str = "999/1000") -> Objective:
    return Objective("availability", Fraction(target), windows[0], SLI, (), more_windows=windows[1:])


def counting(one: Objective) -> Counters:
    counters = Counters()
    counters.declare(Focus("checkout", "payments", "", objectives=(one,)))
    return counters


def say(counters: Counters, end: int, good: int, bad: int, every: int = SECOND) -> None:
    for status, count in ((200, good), (503, bad)):
        said = Signal(
            "checkout", "production", Source.EDGE, "e", end - every, end, Slice(), Outcome(status), count
        )
        counters.add(said, end)
    counters.settle(end)


def left(counters: Counters, one: Objective) -> list[Fraction]:
    return [
        each.budget.left for each in windowed(counters, "checkout", one) if isinstance(each.budget, Budget)
    ]


def test_each_window_has_its_own_coverage_watermark_and_budget() -> None:
    one = objective(Rolling(2 * HOUR), Rolling(30 * MINUTE))
    counters, now = counting(one), at("2026-05-01T00:00")
    for minute in range(1, 121):
        say(counters, now + minute * MINUTE, 1_000, 3 if minute <= 60 else 0, MINUTE)
    whole, recent = windowed(counters, "checkout", one)
    assert isinstance(whole.budget, Budget)
    assert isinstance(recent.budget, Budget)
    assert (whole.budget.spent, recent.budget.spent) == (180, 0)
    assert isinstance(whole.reading, Measured)
    assert whole.reading.covered == 1
    assert whole.until == recent.until == now + 2 * HOUR
    assert recent.budget.left == 1
    health = judge(one, counters, "checkout", now + 2 * HOUR)
    assert health.windows == (whole, recent)
    assert health.budget == whole.budget


def test_a_calendar_month_is_exact_to_the_second_long_after_the_rings_have_coarsened() -> None:
    month = objective(Calendar(MONTH, "Europe/Berlin"))
    counters, begin = counting(month), at("2026-05-01T00:00", "Europe/Berlin")
    say(counters, begin - SECOND, 0, 77)
    say(counters, begin, 0, 5)
    say(counters, begin + SECOND, 1_000, 3)
    for hour in range(1, 24 * 12):
        say(counters, begin + hour * HOUR, 1_000, 0)
    (found,) = windowed(counters, "checkout", month)
    assert isinstance(found.budget, Budget)
    assert found.budget.spent == 3, "not the 82 of the month before"


def test_trap_07_a_month_that_has_just_begun_is_neither_blind_nor_spent() -> None:
    """With five minutes of data every window has the same ratio; a fresh month is read like one that was healthy until now."""
    one = objective(Calendar(MONTH, "UTC"))
    counters, begin = counting(one), at("2026-05-01T00:00")
    for second in range(-600, 1):
        say(counters, begin + second * SECOND, 10, 0)
    assert judge(one, counters, "checkout", begin).state is State.OK
    say(counters, begin + SECOND, 9, 1)
    (found,) = windowed(counters, "checkout", one)
    assert isinstance(found.budget, Budget)
    assert found.budget.left > Fraction(999, 1000), "one failure in the traffic of a whole month"


def test_trap_16_the_health_of_a_past_instant_is_that_of_then() -> None:
    """slo-generator takes a timestamp and asks Prometheus for now: every report of a back-fill shows the present."""
    one = objective(Rolling(HOUR))
    counters, now = counting(one), at("2026-05-01T00:00")
    for minute in range(1, 181):
        say(counters, now + minute * MINUTE, 100, 50 if minute > 120 else 0, MINUTE)
    then = counters.over("checkout", "availability", HOUR, now + 2 * HOUR)
    later = counters.over("checkout", "availability", HOUR, now + 3 * HOUR)
    assert isinstance(then, Measured)
    assert isinstance(later, Measured)
    assert (then.bad, later.bad) == (0, 3_000)
    past = windowed(counters, "checkout", one, at=now + 2 * HOUR)
    assert past[0].until == now + 2 * HOUR
    assert isinstance(past[0].budget, Budget)
    assert past[0].budget.spent == 0


def test_a_window_of_four_hundred_days_is_remembered_by_the_day() -> None:
    one = objective(Rolling(400 * DAY))
    counters, now = counting(one), at("2025-01-01T12:00")
    say(counters, now, 0, 13)
    say(counters, now + 2 * DAY, 1_000, 7)
    for day in range(3, 401):
        say(counters, now + day * DAY, 100, 0)
    (found,) = windowed(counters, "checkout", one)
    assert isinstance(found.budget, Budget)
    assert found.budget.spent == 20
    say(counters, now + 402 * DAY, 100, 0)
    (found,) = windowed(counters, "checkout", one)
    assert isinstance(found.budget, Budget)
    assert found.budget.spent == 7


def test_a_counter_snapshot_from_before_there_were_days_is_taken_over() -> None:
    one = objective(Rolling(30 * DAY), Rolling(200 * DAY))
    counters, now = counting(one), at("2025-01-01T12:00")
    for day in range(60):
        say(counters, now + day * DAY, 1_000, 2)
    lanes = {
        name: {k: v for k, v in lane.state().items() if k != "corrections"}
        for name, lane in counters.lanes.items()
    }
    wholes, slices = counters.wholes, counters.slices
    before = [wholes.totals[:, : wholes.used], *(ring[:, :, : wholes.used] for ring in wholes.rings[:-1])]
    sliced = [slices.totals[:, : slices.used], *(ring[:, :, : slices.used] for ring in slices.rings)]
    rings = [[wholes.head, []], [slices.head, []]]
    again = Counters()
    again.restore(
        pack({"rings": rings, "lanes": lanes}, [*before, *sliced]),
        {"checkout": counters.lanes["checkout"].focus},
    )
    assert left(again, one) == left(counters, one)
    for each in (counters, again):
        say(each, now + 61 * DAY, 1_000, 2)
    assert left(again, one) == left(counters, one)
    same = Counters()
    same.restore(again.state(), {"checkout": counters.lanes["checkout"].focus})
    assert left(same, one) == left(again, one)


def test_pinned_boundaries_are_kept_corrected_and_saved() -> None:
    rings = Rings(WHOLE)
    column, begin = rings.take(), at("2026-05-01T00:00")
    columns, one = np.array([column]), np.array([[1], [1]])
    rings.post(begin - SECOND, columns, one)
    rings.post(begin + 2 * SECOND, columns, one)
    rings.pin({begin, begin + DAY})
    assert rings.pins == (begin,)
    rings.post(begin, columns, one)
    assert rings.at(begin)[:, column].tolist() == [2, 2]
    rings.post(begin + 30 * DAY, columns, one)
    assert rings.boundary(begin) == begin
    assert rings.at(begin)[:, column].tolist() == [2, 2]


def test_trap_22_a_new_target_or_window_is_judged_on_the_same_counts() -> None:
    """Sloth and Pyrra give the series of an edited objective another identity: its past is lost or mixed."""
    one = objective(Rolling(HOUR))
    counters, now = counting(one), at("2026-05-01T00:00")
    for minute in range(1, 61):
        say(counters, now + minute * MINUTE, 999, 1, MINUTE)
    stricter = objective(Rolling(HOUR), Rolling(30 * MINUTE), target="9995/10000")
    counters.declare(Focus("checkout", "payments", "", objectives=(stricter,)))
    assert left(counters, stricter) == [-1, -1]
