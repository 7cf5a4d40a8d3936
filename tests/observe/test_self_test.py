"""The judge against the stable version itself: false alarms are counted, noise widens the tolerance, and a week of calm narrows it."""

import json
from dataclasses import replace
from fractions import Fraction

import pytest

from focusplane.define.rollout import JudgeSpec
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.ids import canonical
from focusplane.kernel.tick import DAY, HOUR, SECOND
from focusplane.observe.arms import ArmBucket, Pair
from focusplane.observe.self_test import FOLD_MS, MOST_TIMES, RUN_MS, SelfTest, Widened, pooled

T0 = 1_700_000_400_000 // RUN_MS * RUN_MS
SPEC = JudgeSpec(Fraction(1, 20), Fraction(5, 4), Fraction(1, 200))
PLAIN = Signal("pay", "production", Source.APP, "", 0, 0, Slice(version="v1"), Outcome(), 0)


def serve(test: SelfTest, since: int, minutes: int, bad: dict[str, int], tenants: int = 20) -> list[Widened]:
    """20 requests a second of each instance, of which `bad` fail; it is looked every ten seconds."""
    changed = []
    for at in range(since + SECOND, since + minutes * 60 * SECOND + 1, SECOND):
        for number, (name, failing) in enumerate(bad.items()):
            who = Slice(version="v1", tenant=f"t{(at // SECOND + number) % tenants}")
            signal = replace(PLAIN, reporter=name, start=at - SECOND, end=at, slice=who)
            test.note(signal, at, "/pay", (20, failing))
        if test.due(at):
            changed.append(test.forward(SPEC, at, SECOND, None))
    return [each for each in changed if each is not None]


def test_alike_instances_raise_no_alarm_and_runs_are_counted() -> None:
    test = SelfTest()
    assert serve(test, T0, 62, {"a": 0, "b": 0, "c": 0}) == []
    assert test.by == "instance"
    assert test.over() == (6, 0)


def test_one_sick_instance_alarms_whenever_it_stands_for_the_new_version_and_the_tolerance_is_widened_to_not_quite_double() -> (
    None
):
    test = SelfTest()
    changed = serve(test, T0, 300, {"a": 0, "b": 4})
    assert [(each.before, each.after) for each in changed] == [(0, 1), (1, 2), (2, 3)]
    assert (
        changed[0].why
        == "3 of 6 runs of the stable version against itself would have been taken back; 5% is allowed"
    )
    assert test.widened == MOST_TIMES
    assert Fraction(5, 4) * Fraction(195, 100) < test.wide(SPEC).tolerance < Fraction(5, 2)


def test_a_calm_week_narrows_it_again() -> None:
    test = SelfTest(widened=1, since=T0)
    test.hours = {(T0 + each * HOUR) // HOUR: (6, 0) for each in range(1, 24)}
    assert serve(test, T0 + 8 * DAY, 30, {"a": 0, "b": 0})[0].after == 0


def test_without_instances_tenants_make_the_sides_and_each_run_mixes_them_anew() -> None:
    test = SelfTest()
    serve(test, T0, 25, {"edge": 0})
    assert test.by == "tenant"
    assert test.over() == (2, 0)
    one = {name: test._side(replace(PLAIN, slice=Slice(tenant=name))) for name in map(str, range(30))}
    test.run += 1
    assert one != {name: test._side(replace(PLAIN, slice=Slice(tenant=name))) for name in map(str, range(30))}
    assert set(one.values()) == {"a", "b"}


@pytest.mark.parametrize("instances", [2, 3, 4, 7, 64])
def test_both_sides_have_instances_in_every_run(instances: int) -> None:
    test = SelfTest(by="instance", ranks={f"i{rank}": rank for rank in range(instances)})
    for run in range(20):
        test.run = run
        sides = [test._side(replace(PLAIN, reporter=name)) for name in test.ranks]
        assert set(sides) == {"a", "b"}


def test_a_run_with_too_few_requests_says_nothing() -> None:
    test = SelfTest()
    serve(test, T0, 12, {"a": 0})
    assert serve(SelfTest(), T0, 12, {"a": 20}, tenants=1) == []
    test = SelfTest()
    serve(test, T0, 25, {"only": 0}, tenants=1)
    assert test.over() == (0, 0)


def test_who_goes_on_after_a_restart_in_the_middle_of_a_run_says_the_same() -> None:
    test = SelfTest()
    serve(test, T0, 34, {"a": 0, "b": 1})
    state = json.loads(canonical(test.state()))
    again = SelfTest.restored(state)
    assert again == test
    for each in (test, again):
        serve(each, T0 + 34 * 60 * SECOND, 60, {"a": 0, "b": 1})
    assert again == test
    assert SelfTest.restored({}) == SelfTest()


def test_runs_are_forgotten_after_a_week() -> None:
    test = SelfTest()
    serve(test, T0, 31, {"a": 0, "b": 0})
    serve(test, T0 + 8 * DAY, 21, {"a": 0, "b": 0})
    assert test.over()[0] == 3  # the one that silence cut short ends when there is data again


def test_seconds_are_pooled_without_losing_a_request_and_long_buckets_are_left_alone() -> None:
    rows = [
        ArmBucket(T0 + n * SECOND, (Pair("/pay", 3, 1, 5, n % 2), Pair("", n, 0, 1, 0))) for n in range(1, 26)
    ]
    found = pooled(rows)
    assert len(found) == 3
    assert sum(pair.canary_total for row in found for pair in row.pairs) == 3 * 25 + sum(range(1, 26))
    assert {row.at % FOLD_MS for row in found[:2]} == {0}
    assert sum(row.seconds for row in found) == 25
    long = [replace(row, seconds=30) for row in rows[:3]]
    assert list(pooled(long)) == long


def test_memory_does_not_grow_with_time_or_instances() -> None:
    test = SelfTest()
    for hour in range(3):
        serve(test, T0 + hour * HOUR, 20, {f"{hour}-{n}": 0 for n in range(4)})
    assert len(test.heard) <= 8
    assert len(test.arms.exposures) <= 901
    assert not test.arms.minutes
