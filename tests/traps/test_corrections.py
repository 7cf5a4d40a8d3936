"""Trap 20: what a correction does to the budget is chosen and said, exact, and can be taken back."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from focusplane.act.correction import Correction
from focusplane.act.fact import Kind
from focusplane.act.request import Answer, Correct, Done, EndCorrection, Refused
from focusplane.define.focus import Focus
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.define.slo import BurnRule, Level, Objective, Rolling
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import DAY, HOUR, MINUTE, SECOND
from focusplane.observe.corrected import As, Corrected
from focusplane.observe.counters import Counters
from focusplane.observe.health import Budget
from focusplane.observe.judge_health import judge, windowed
from focusplane.observe.reading import Measured, Reading
from focusplane.plane.arrival import Counted, PolicyRead
from focusplane.plane.recover import empty
from focusplane.plane.snapshot import preserve, revive
from focusplane.plane.step import step
from focusplane.testing.rig import START, Load, Rig

T0 = 1_767_225_600_000
PAGE = BurnRule(Level.PAGE, HOUR, 5 * MINUTE, Fraction(144, 10))
SLI = Sli(SliKind.EVENTS, Match(status=("5xx",)), Match())
ONE = Objective("availability", Fraction(999, 1000), Rolling(10 * HOUR), SLI, (PAGE,))


def counting(*objectives: Objective) -> Counters:
    counters = Counters()
    counters.declare(Focus("checkout", "payments", "", objectives=objectives or (ONE,)))
    return counters


def say(counters: Counters, end: int, good: int, bad: int, every: int = MINUTE) -> None:
    for status, count in ((200, good), (503, bad)):
        said = Signal(
            "checkout", "production", Source.EDGE, "e", end - every, end, Slice(), Outcome(status), count
        )
        counters.add(said, end)
    counters.settle(end)


def hours(counters: Counters, first: int, last: int, bad: int) -> None:
    for minute in range(first * 60 + 1, last * 60 + 1):
        say(counters, T0 + minute * MINUTE, 1_000 - bad, bad)


def correction(since_h: int, until_h: int, mode: As, key: str = "cor-1", objective: str = "") -> Corrected:
    return Corrected(key, objective, T0 + since_h * HOUR, T0 + until_h * HOUR, mode)


def judged(counters: Counters, length: int = 10 * HOUR, objective: str = "availability") -> Reading:
    mark = counters.watermark("checkout")
    assert isinstance(mark, int)
    return counters.judged("checkout", (objective, ""), length, mark)


def budget(counters: Counters, without: str = "") -> Budget:
    found = windowed(counters, "checkout", ONE, without)[0].budget
    assert isinstance(found, Budget)
    return found


def test_trap_20_excluding_makes_the_budget_smaller_and_counting_as_good_keeps_it() -> None:
    """Datadog leaves the time out for metrics and calls it uptime for slices; the budget then differs, and is not shown."""
    counters = counting()
    hours(counters, 0, 8, 1)
    hours(counters, 8, 10, 500)
    counted = budget(counters)
    assert (counted.spent, counted.allowed) == (8 * 60 + 2 * 60 * 500, 600)
    counters.correct("checkout", correction(8, 10, As.EXCLUDE))
    left_out = budget(counters)
    assert (left_out.spent, left_out.allowed) == (480, 480), "480,000 requests of eight hours"
    assert left_out.left == 0
    counters.revoke("checkout", "cor-1")
    assert budget(counters) == counted
    counters.correct("checkout", correction(8, 10, As.GOOD))
    good = budget(counters)
    assert (good.spent, good.allowed) == (480, 600)
    assert good.left == Fraction(1, 5)


def test_burn_windows_are_corrected_like_the_budget_and_as_counted_stays_to_be_read() -> None:
    counters = counting()
    hours(counters, 0, 9, 0)
    hours(counters, 9, 10, 500)
    assert judge(ONE, counters, "checkout", T0 + 10 * HOUR).level is Level.PAGE
    counters.correct("checkout", correction(9, 10, As.GOOD))
    assert judge(ONE, counters, "checkout", T0 + 10 * HOUR).level is Level.NONE
    counted = counters.over("checkout", "availability", HOUR, T0 + 10 * HOUR)
    assert isinstance(counted, Measured)
    assert counted.bad == 30_000


def test_a_span_ahead_is_corrected_as_it_comes_also_by_late_data() -> None:
    counters = counting()
    hours(counters, 0, 1, 1)
    counters.correct("checkout", correction(2, 3, As.EXCLUDE))
    hours(counters, 1, 4, 10)
    late = T0 + 3 * HOUR - 10 * SECOND
    for minute in range(1, 3):
        say(counters, T0 + 4 * HOUR + minute * MINUTE, 1_000, 0)
    assert counters.taken_away("checkout", "availability", "cor-1") == (60_000, 600)
    said = Signal("checkout", "production", Source.EDGE, "e", late - SECOND, late, Slice(), Outcome(503), 9)
    assert counters.add(said, late + 2 * MINUTE).counted == 9
    counters.settle(T0 + 4 * HOUR + 3 * MINUTE)
    assert counters.taken_away("checkout", "availability", "cor-1") == (60_009, 609)
    found = judged(counters)
    assert isinstance(found, Measured)
    assert found.bad == 60 + 2 * 600


def test_a_correction_is_exact_after_the_rings_have_coarsened_and_so_is_its_end() -> None:
    month = Objective("availability", Fraction(999, 1000), Rolling(30 * DAY), SLI, ())
    counters = counting(month)
    hours(counters, 0, 2, 1)
    counters.correct("checkout", Corrected("cor-1", "", T0 + 61 * MINUTE, T0 + 73 * MINUTE, As.EXCLUDE))
    for hour in range(3, 24 * 20):
        say(counters, T0 + hour * HOUR, 10, 0)
    mark = counters.watermark("checkout")
    assert isinstance(mark, int)
    corrected = counters.judged("checkout", ("availability", ""), 30 * DAY, mark)
    assert isinstance(corrected, Measured)
    assert corrected.bad == 120 - 12
    counters.revoke("checkout", "cor-1")
    counted = counters.judged("checkout", ("availability", ""), 30 * DAY, mark)
    assert isinstance(counted, Measured)
    assert counted.bad == 120
    assert not any(name.startswith("correction") for _, name in counters.lanes["checkout"].wholes)


def test_a_span_that_is_remembered_too_coarsely_is_refused_and_its_steps_are_said() -> None:
    counters = counting()
    hours(counters, 0, 2, 1)
    for hour in range(3, 24 * 10):
        say(counters, T0 + hour * HOUR, 10, 0)
    assert "21600 s" in counters.correct("checkout", Corrected("c", "", T0 + MINUTE, T0 + HOUR, As.GOOD))
    assert counters.correct("checkout", Corrected("c", "", T0, T0 + 6 * HOUR, As.GOOD)) == ""


def test_two_corrections_never_take_the_same_counts_away_twice() -> None:
    counters = counting()
    hours(counters, 0, 4, 1)
    assert counters.correct("checkout", correction(1, 2, As.GOOD)) == ""
    assert "cor-1" in counters.correct("checkout", correction(1, 3, As.EXCLUDE, "cor-2"))
    assert counters.correct("checkout", correction(2, 3, As.EXCLUDE, "cor-2")) == ""
    found = judged(counters)
    assert isinstance(found, Measured)
    assert (found.total, found.bad) == (180_000, 120)


def test_corrections_follow_a_renamed_objective_and_leave_with_one_whose_meaning_changed() -> None:
    counters = counting()
    hours(counters, 0, 2, 1)
    counters.correct("checkout", correction(0, 1, As.GOOD, objective="availability"))
    counters.correct("checkout", correction(1, 2, As.GOOD, "cor-all"))
    renamed = Objective("uptime", ONE.target, ONE.window, ONE.sli, ())
    counters.declare(Focus("checkout", "payments", "", objectives=(renamed,)))
    found = judged(counters, objective="uptime")
    assert isinstance(found, Measured)
    assert found.bad == 0
    other = Objective(
        "uptime", ONE.target, ONE.window, Sli(SliKind.EVENTS, Match(status=("4xx",)), Match()), ()
    )
    counters.declare(Focus("checkout", "payments", "", objectives=(other,)))
    hours(counters, 2, 3, 1)
    counted = judged(counters, objective="uptime")
    assert isinstance(counted, Measured)
    assert counted.total == 60_000


SPANS = st.lists(
    st.tuples(st.integers(0, 50), st.integers(1, 20), st.sampled_from(As), st.booleans()), max_size=5
)


@settings(max_examples=60, deadline=None)
@given(
    SPANS,
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=60, max_size=60),
    st.integers(0, 59),
)
def test_law_what_is_judged_is_what_was_counted_without_the_corrected_slots(
    spans: list[tuple[int, int, As, bool]], counts: list[tuple[int, int]], window: int
) -> None:
    counters = counting()
    made: list[Corrected] = []
    for second, (good, bad) in enumerate(counts, 1):
        for number, (since, length, mode, ends) in enumerate(spans):
            key = f"c{number}"
            if second == (number + 1) * 7:
                one = Corrected(key, "", T0 + since * SECOND, T0 + (since + length) * SECOND, mode)
                if not counters.correct("checkout", one):
                    made.append(one)
            if ends and second == (number + 1) * 11:
                counters.revoke("checkout", key)
                made = [one for one in made if one.id != key]
        say(counters, T0 + second * SECOND, good, bad, SECOND)
    total = failed = 0
    for second, (good, bad) in enumerate(counts, 1):
        if second <= window:
            continue
        covering = [one for one in made if one.since < T0 + second * SECOND <= one.until]
        modes = {one.mode for one in covering}
        total += 0 if As.EXCLUDE in modes else good + bad
        failed += 0 if modes else bad
    mark = counters.watermark("checkout")
    found = counters.judged("checkout", ("availability", ""), (60 - window) * SECOND, T0 + 60 * SECOND)
    assert isinstance(mark, int)
    assert (found.total, found.bad) == (total, failed) if isinstance(found, Measured) else total == 0
    again = Counters()
    again.restore(counters.state(), {"checkout": counters.lanes["checkout"].focus})
    assert again.judged("checkout", ("availability", ""), (60 - window) * SECOND, T0 + 60 * SECOND) == found


POLICY = """
apiVersion: focusplane/v1
kind: Focus
metadata: {name: checkout}
spec:
  owner: payments
  boundary: [{service: payment}]
  objectives:
    - {name: availability, target: 99%, window: [30d, 7d], sli: {bad: {status: 5xx}}}
---
apiVersion: focusplane/v1
kind: Team
metadata: {name: payments}
spec: {members: [ana@example.org]}
"""
WORK = """
apiVersion: focusplane/v1
kind: Calendar
metadata: {name: backup}
spec:
  focuses: [checkout]
  windows: [{start: 2026-01-01T00:02, for: 2m, rrule: "FREQ=DAILY"}]
  reason: backup of the ledger
  author: ana@example.org
  expires: 2026-03-31
  budget: exclude
"""


def rig(*more: str) -> Rig:
    it = Rig({"checkout.yaml": POLICY, **{f"{n}.yaml": text for n, text in enumerate(more)}})
    assert not it.world.policies.refused
    it.loads.append(Load("checkout", per_second=10, tenants=5, failing={"": Fraction(1, 2)}))
    return it


def ask(it: Rig, since_s: int, until_s: int, mode: str = "exclude", **more: object) -> Answer:
    wish = Correct("checkout", START + since_s * SECOND, START + until_s * SECOND, mode, "load test", **more)  # type: ignore[arg-type]
    return it.ask(wish)


def spent(it: Rig) -> int:
    found = it.world.health["checkout/availability"].budget
    assert isinstance(found, Budget)
    return found.spent


def only(it: Rig) -> Correction:
    (one,) = it.world.corrections.values()
    return one


def test_a_correction_is_journaled_with_the_budget_before_and_after_and_measured_when_all_is_said() -> None:
    it = rig()
    it.seconds(60)
    assert spent(it) == 300
    answer = ask(it, 0, 30)
    assert isinstance(answer, Done)
    assert "is left out: load test; availability: 150 failures of 300 events" in answer.reason
    it.seconds(1)
    assert spent(it) == 155
    effect = only(it).effects["availability"]
    assert effect.before is not None
    assert effect.after is not None
    assert effect.before != effect.after
    assert [fact.subject for fact in it.said(Kind.CORRECTION_MADE)] == [only(it).id]
    it.seconds(300)
    assert [fact.subject for fact in it.said(Kind.CORRECTION_MEASURED)] == [only(it).id]
    assert only(it).complete
    assert isinstance(it.ask(EndCorrection(only(it).id, "was no test")), Done)
    it.seconds(1)
    assert spent(it) == (60 + 1 + 300 + 1) * 5
    assert (only(it).ended_by, only(it).ended_why) == ("ana", "was no test")
    assert isinstance(it.ask(EndCorrection(only(it).id)), Refused)


def test_a_correction_expires_by_itself() -> None:
    it = rig()
    it.seconds(20)
    ask(it, 0, 10, expires=START + 30 * SECOND)
    it.seconds(5)
    assert spent(it) == 75
    it.seconds(10)
    assert spent(it) == 35 * 5
    assert only(it).ended_why == "it has expired"


@pytest.mark.parametrize(
    ("since", "until", "more", "why"),
    [
        (10, 10, {}, "ends before"),
        (0, 32 * 86_400, {}, "longer than 31d"),
        (401 * 86_400, 402 * 86_400, {}, "away"),
        (0, 10, {"mode": "forget"}, "neither exclude nor good"),
        (0, 10, {"objective": "nope"}, "no objective"),
        (0, 10, {"expires": 5}, "expired already"),
    ],
)
def test_what_cannot_be_corrected_is_refused_with_its_reason(
    since: int, until: int, more: dict[str, object], why: str
) -> None:
    it = rig()
    it.seconds(20)
    answer = ask(it, since, until, str(more.pop("mode", "exclude")), **more)
    assert isinstance(answer, Refused)
    assert why in answer.reason
    assert not it.world.corrections


def test_planned_work_is_left_out_by_itself_and_ends_when_it_is_planned_no_more() -> None:
    it = rig(WORK)
    it.seconds(150)
    one = only(it)
    assert (one.calendar, one.by, one.author) == ("backup", "calendar backup", "ana@example.org")
    assert spent(it) == 120 * 5
    files = {"checkout.yaml": POLICY, "0.yaml": WORK.replace("budget: exclude", "budget: count")}
    it.turn(PolicyRead(files, "2026-01-01"))
    it.seconds(60)
    assert only(it).until == START + 151 * SECOND
    assert spent(it) == (210 - 31) * 5


def test_planned_work_leaves_to_a_person_what_that_person_has_corrected() -> None:
    it = rig(WORK)
    it.seconds(10)
    assert isinstance(ask(it, 150, 180, "good"), Done)
    it.seconds(300)
    found = sorted((one.since - START, one.until - START, one.by) for one in it.world.corrections.values())
    assert found == [
        (120_000, 150_000, "calendar backup"),
        (150_000, 180_000, "ana"),
        (180_000, 240_000, "calendar backup"),
    ]
    assert spent(it) == (310 - 120) * 5


def test_corrections_survive_the_snapshot_and_the_journal_replays_to_the_same_facts() -> None:
    it = rig(WORK)
    it.seconds(30)
    ask(it, 0, 20, "good")
    it.seconds(200)
    again = empty()
    for number, turn in enumerate(it.turns):
        made = step(again, turn.arrivals, turn.tick)
        assert made.facts == turn.facts
        again = made.world if number % 50 else revive(preserve(made.world))
    assert again.corrections == it.world.corrections
    assert again.health == it.world.health


def test_a_world_from_before_there_were_corrections_has_none() -> None:
    it = rig()
    it.seconds(5)
    assert revive(preserve(it.world)).corrections == {}
    it.turn(Counted("again", ()), after_ms=SECOND)
    assert np.all(it.world.counters.wholes.totals >= 0)
