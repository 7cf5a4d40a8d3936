"""The table of both arms: names leave with what they counted, and reports of a longer time still meet in one bucket."""

from fractions import Fraction
from typing import Any

import pytest

from focusplane.define.rollout import JudgeSpec, Step
from focusplane.kernel.tick import MINUTE, SECOND
from focusplane.observe.arms import KEEP_SECONDS_MS, MOST_STRATA, MOST_VERSIONS, ArmBucket, Arms
from focusplane.observe.canary import begin, fold, rule
from focusplane.observe.pace import WIDEST_MS, Pace
from focusplane.observe.verdict import Ruling, Verdict

T0 = 1_700_000_040_000
SPEC = JudgeSpec(alpha=Fraction(1, 20), tolerance=Fraction(5, 4), slack=Fraction(1, 200))


def buckets(arms: Arms, until: int, cut: int = T0) -> tuple[ArmBucket, ...]:
    pair = ("v2", "v1")
    return arms.between(pair, cut, until, arms.pace(pair, cut, cut, 5 * MINUTE))


def verdict(arms: Arms, until: int) -> Verdict:
    return rule(fold(begin(SPEC, T0), buckets(arms, until)), SPEC, Step(Fraction(1, 4)))


def test_versions_that_are_not_heard_any_more_make_place_for_new_ones() -> None:
    arms = Arms()
    for number in range(3 * MOST_VERSIONS):
        at = T0 + number * MINUTE
        arms.forget_before(at)
        arms.expose(at, (f"v{number}", "/pay"), (10, 5))
    assert (f"v{number}", "/pay") in arms.exposures[at]
    assert len(arms.versions.last) <= KEEP_SECONDS_MS // MINUTE


def test_more_versions_than_places_are_counted_together_but_never_a_declared_one() -> None:
    arms = Arms()
    arms.versions.reserved = frozenset({"stable", "canary"})
    for number in range(MOST_VERSIONS + 5):
        arms.expose(T0, (f"v{number}", ""), (1, 0))
    arms.expose(T0, ("canary", ""), (7, 1))
    row = arms.exposures[T0]
    assert (row["canary", ""].total, row["canary", ""].bad) == (7, 1)
    assert row["other", ""].total == 5


def test_strata_leave_with_the_seconds_that_used_them() -> None:
    arms = Arms()
    for number in range(MOST_STRATA):
        arms.expose(T0, ("v1", f"/{number}"), (1, 0))
    arms.expose(T0, ("v1", "/late"), (1, 0))
    assert ("v1", "/late") not in arms.exposures[T0]
    later = T0 + KEEP_SECONDS_MS + SECOND
    arms.forget_before(later)
    arms.expose(later, ("v1", "/late"), (1, 0))
    assert list(arms.exposures[later]) == [("v1", "/late")]


def test_who_has_a_place_is_the_same_after_a_restart_also_from_an_older_snapshot() -> None:
    arms = Arms()
    for number in range(MOST_VERSIONS + 2):
        arms.expose(T0 + number * SECOND, (f"v{number}", "/pay"), (3, 1))
    state: Any = arms.state()
    assert Arms.restored(state) == arms
    old_rows = [row[:5] for row in state["exposures"]]
    older = {**state, "exposures": old_rows, "versions": ["gone"] * MOST_VERSIONS, "strata": ["/gone"]}
    assert Arms.restored(older) == arms


def reported(
    every: int, phases: tuple[int, int], seconds: int, bad: tuple[Fraction, Fraction], since: int = 0
) -> Arms:
    """Canary and baseline report each `every` seconds at their phases; from second `since` on so much of it fails."""
    arms = Arms()
    for version, phase, share, rate in (("v2", phases[0], bad[0], 10), ("v1", phases[1], bad[1], 30)):
        for end in range(phase, seconds + every, every):
            failing = min(every, max(0, end - since))
            counts = (rate * every, int(share * rate * failing))
            arms.expose(T0 + end * SECOND, (version, ""), counts, every * SECOND)
    return arms


@pytest.mark.parametrize("phases", [(3, 3), (0, 5), (9, 1)])
def test_arms_that_report_at_different_seconds_meet_and_a_bad_version_is_found(
    phases: tuple[int, int],
) -> None:
    found = verdict(reported(10, phases, 120, (Fraction(9, 10), Fraction(0))), T0 + 120 * SECOND)
    assert found.ruling is Ruling.ROLLBACK
    assert found.baseline_requests >= 300


def test_a_good_version_that_is_reported_each_minute_is_promoted() -> None:
    found = verdict(reported(60, (10, 40), 600, (Fraction(0), Fraction(0))), T0 + 600 * SECOND)
    assert found.ruling is Ruling.PROMOTE


@pytest.mark.parametrize("every", [5, 10, 60])
@pytest.mark.parametrize("apart", [Fraction(1, 5), Fraction(1, 2), Fraction(4, 5)])
def test_an_incident_of_both_versions_is_not_the_canarys_wherever_it_falls_between_their_reports(
    every: int, apart: Fraction
) -> None:
    phases = (2, 2 + int(every * apart))
    for since in range(3 * every, 4 * every, max(1, every // 10)):
        for order in (phases, phases[::-1]):
            arms = reported(every, order, 10 * every, (Fraction(1), Fraction(1)), since)
            evidence = begin(SPEC, T0)
            for bucket in buckets(arms, T0 + 10 * every * SECOND):
                evidence = fold(evidence, [bucket])
                found = rule(evidence, SPEC, Step(Fraction(1, 4)))
                assert found.ruling is not Ruling.ROLLBACK, (since, order, found.reason)


def test_no_report_from_before_the_change_of_weight_is_in_a_bucket_after_it() -> None:
    arms = reported(60, (20, 50), 600, (Fraction(0), Fraction(0)))
    first = buckets(arms, T0 + 600 * SECOND)[0]
    assert first.at - first.seconds * SECOND >= T0 + 59 * SECOND
    assert first.pairs[0].canary_total == 600


def test_a_bucket_waits_for_the_reports_around_it() -> None:
    arms = reported(60, (20, 50), 600, (Fraction(0), Fraction(0)))
    ready = arms.pace(("v2", "v1"), T0, T0, 5 * MINUTE).first
    assert ready == T0 + (59 + 60 + 59) * SECOND
    assert buckets(arms, ready - SECOND) == ()
    assert len(buckets(arms, ready)) == 1


def test_reports_of_more_than_three_minutes_are_not_compared() -> None:
    arms = reported(300, (20, 50), 900, (Fraction(9, 10), Fraction(0)))
    assert arms.pace(("v2", "v1"), T0, T0, 5 * MINUTE).width > WIDEST_MS
    assert buckets(arms, T0 + 900 * SECOND) == ()


def test_a_first_report_that_claims_a_whole_past_is_as_long_as_anybodys() -> None:
    arms = reported(10, (0, 5), 60, (Fraction(0), Fraction(0)))
    arms.expose(T0 + 20 * SECOND, ("v2", ""), (100, 0), 5 * MINUTE)
    assert arms.pace(("v2", "v1"), T0, T0, 10 * SECOND) == Pace(10 * SECOND, T0)


def test_a_little_late_is_still_each_second() -> None:
    arms = Arms()
    for end in range(1, 11):
        arms.expose(T0 + end * SECOND, ("v2", ""), (10, 0), 1_400)
    assert [bucket.seconds for bucket in buckets(arms, T0 + 10 * SECOND)] == [1] * 10
