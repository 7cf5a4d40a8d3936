"""How the evidence went is kept in at most 120 points, however long the rollout lasts; the first and the present one always."""

import json
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from focusplane.define.rollout import JudgeSpec, Step
from focusplane.kernel.ids import canonical
from focusplane.observe.arms import ArmBucket, Pair
from focusplane.observe.canary import begin, fold, rule
from focusplane.observe.path import MOST, Path, further, point, told

SPEC = JudgeSpec(Fraction(1, 20), Fraction(5, 4), Fraction(1, 200))
VERDICT = rule(
    fold(begin(SPEC), [ArmBucket(1000, (Pair("/pay", 50, 9, 150, 1), Pair("/read", 50, 1, 150, 0)))]), SPEC,
    Step(Fraction(1, 4)),
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 7_000), min_size=1, max_size=900))
def test_a_path_is_bounded_in_order_and_holds_its_ends(waits: list[int]) -> None:
    path, at = None, 0
    for wait in waits:
        at += wait
        path = further(path, "rol-1", point(VERDICT, at, 0))
    assert path is not None
    times = [each.at for each in path.points]
    assert len(times) <= MOST
    assert times == sorted(set(times))
    assert (times[0], times[-1]) == (waits[0], at)
    assert all(later - before >= path.every for before, later in pairwise(times[:-1]))


def test_another_rollout_begins_a_path_of_its_own() -> None:
    path = further(further(None, "rol-1", point(VERDICT, 1, 0)), "rol-2", point(VERDICT, 2, 0))
    assert (path.of, len(path.points)) == ("rol-2", 1)


def test_the_journal_gets_columns_of_text_with_metrics_and_strata_by_name() -> None:
    path = Path("rol-1", 1000, (point(VERDICT, 1, 0), point(replace(VERDICT, strata=()), 2, 1)))
    said = told(path)
    assert json.loads(canonical(said)) == said
    assert (said["at"], said["step"]) == ([1, 2], [0, 1])
    metrics, strata = said["metrics"], said["strata"]
    assert isinstance(metrics, dict)
    assert isinstance(strata, dict)
    assert metrics["errors"]["worst"] == "/pay"
    assert strata["/pay"][1] == "1"
    assert float(strata["/pay"][0]) > 20
