"""The judge of metrics that others measured: counts where requests are known, else series, and silence passes nothing."""

import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focusplane.define.rollout import JudgeSpec
from focusplane.observe.paired import paired
from focusplane.observe.remote_judge import judge
from focusplane.observe.watched import Class, Direction, Judged, Series, Thresholds, Watched
from focusplane.plane.queries import DEFAULT_JUDGE

NAN = math.nan
LIMITS = Thresholds(95, 75)
SPEC: JudgeSpec = DEFAULT_JUDGE
Arms = tuple[Sequence[float], Sequence[float]]
LATENCY = Watched("latency", ("slow",), Direction.INCREASE)
ERRORS = Watched("errors", ("errors",), Direction.INCREASE, critical=True, fill=True, requests="requests")
REQUESTS = Watched("requests")


def of(name: str, arms: Arms, **tags: str) -> Series:
    return Series(name, f"id {name} {tags}", tags, tuple(arms[0]), tuple(arms[1]))


def judged(*metrics: tuple[Watched, Arms | None], weights: dict[str, float] | None = None) -> Judged:
    watched = [one for one, _ in metrics]
    series = [of(one.name, arms) for one, arms in metrics if arms is not None]
    return judge(watched, series, weights or {}, LIMITS, SPEC)


def counted(errors: Arms, requests: Arms) -> Judged:
    return judged((ERRORS, errors), (REQUESTS, requests))


def test_errors_among_requests_are_judged_by_counts() -> None:
    many = [1000.0] * 60
    bad = counted(([1.0] * 60, [60.0] * 60), (many, many))
    assert (bad.score, bad.kind, bad.metrics[0].kind) == (0, "Fail", Class.HIGH)
    assert "experiment 3600 of 60000, control 60 of 60000" in bad.metrics[0].reason
    good = counted(([1.0] * 60, [1.0] * 60), (many, many))
    assert (good.score, good.kind, good.metrics[0].kind) == (100, "Pass", Class.PASS)


def test_few_requests_show_nothing_either_way() -> None:
    found = counted(([0.0] * 5, [0.0] * 5), ([3.0] * 5, [3.0] * 5))
    assert (found.score, found.kind) == (85, "Marginal")
    assert "not yet shown" in found.reason


@pytest.mark.parametrize(
    ("errors", "requests"),
    [
        (([1.0] * 60, [NAN] * 60), ([1000.0] * 60, [1000.0] * 60)),
        (([NAN] * 60, [0.0] * 60), ([1000.0] * 60, [1000.0] * 60)),
        (([], []), ([1000.0] * 60, [1000.0] * 60)),
        (([1.0] * 60, [0.0] * 60), ([1000.0] * 60, [NAN] * 60)),
        (([1.0] * 60, [0.0] * 60), ([], [])),
        (([1.0] * 60, [0.0] * 60), None),
        (None, ([1000.0] * 60, [1000.0] * 60)),
        (([1.0] * 60, [-1.0] * 60), ([1000.0] * 60, [1000.0] * 60)),
        (([1.0] * 60, [2000.0] * 60), ([1000.0] * 60, [1000.0] * 60)),
    ],
)
def test_a_broken_critical_metric_never_passes_and_never_fails(
    errors: Arms | None, requests: Arms | None
) -> None:
    found = judged((ERRORS, errors), (REQUESTS, requests))
    assert (found.score, found.kind) == (85, "Marginal")
    beside = judged((ERRORS, errors), (REQUESTS, requests), (LATENCY, ([100.0] * 60, [100.0] * 60)))
    assert LIMITS.marginal < beside.score < LIMITS.passing


def test_successes_among_requests_are_judged_too() -> None:
    watched = Watched("ok", (), Direction.DECREASE, requests="requests", critical=True)
    many = [1000.0] * 60
    found = judged((watched, ([999.0] * 60, [940.0] * 60)), (REQUESTS, (many, many)))
    assert (found.score, found.metrics[0].kind) == (0, Class.LOW)


def test_rates_per_second_become_counts_and_lose_nothing_by_rounding() -> None:
    watched = Watched("errors", (), Direction.INCREASE, requests="requests", per_second=True)
    rate = [0.004] * 600
    found = judged((watched, (rate, rate)), (REQUESTS, ([10.0] * 600, [10.0] * 600)))
    assert "experiment 144 of 360000" in found.metrics[0].reason


def test_of_very_many_steps_some_are_taken_together_and_no_request_is_lost() -> None:
    found = counted(([0.0] * 10_000, [1.0] * 10_000), ([7.0] * 10_000, [7.0] * 10_000))
    assert "experiment 10000 of 70000, control 0 of 70000" in found.metrics[0].reason
    assert found.score == 0


def test_tags_are_strata_and_a_tag_without_its_requests_is_broken() -> None:
    many, few = [500.0] * 30, [0.0] * 30
    series = [
        of("errors", (few, [50.0] * 30), region="eu"),
        of("errors", (few, few), region="us"),
        of("requests", (many, many), region="eu"),
        of("requests", (many, many), region="us"),
    ]
    assert judge([ERRORS, REQUESTS], series, {}, LIMITS, SPEC).score == 0
    missing = judge([ERRORS, REQUESTS], series[:3], {}, LIMITS, SPEC)
    assert missing.metrics[0].kind is Class.ERROR
    assert missing.score == 85


def test_what_kayenta_was_reported_to_pass_does_not_pass() -> None:
    """spinnaker/kayenta#780: 7 of 10 points at a hundred times; and zeros against errors now and then."""
    high = judged((LATENCY, ([1.0] * 10, [100.0] * 7 + [1.0] * 3)))
    assert (high.metrics[0].kind, high.score) == (Class.HIGH, 0)
    now_and_then = judged((LATENCY, ([0.0] * 6, [0.0, 1.0, 2.0, 1.0, 0.0, 0.0])))
    assert now_and_then.score == 85
    nothing = judged((LATENCY, ([1.0] * 10, [])))
    assert nothing.score == 85


def test_the_same_series_passes_only_after_enough_points() -> None:
    assert judged((LATENCY, ([100.0] * 60, [101.0] * 60))).score == 100
    assert judged((LATENCY, ([100.0] * 5, [101.0] * 5))).score == 85


def test_which_change_is_bad_is_declared() -> None:
    fell = ([100.0] * 30, [10.0] * 30)
    assert judged((Watched("m", (), Direction.INCREASE), fell)).score == 100
    assert judged((Watched("m", (), Direction.DECREASE), fell)).metrics[0].kind is Class.LOW
    assert judged((Watched("m", (), Direction.EITHER), fell)).metrics[0].kind is Class.LOW
    assert judged((Watched("m", (), Direction.EITHER), fell[::-1])).metrics[0].kind is Class.HIGH
    assert judged((Watched("m", (), Direction.EITHER), ([100.0] * 60, [101.0] * 60))).score == 100


def test_either_way_is_a_failure_of_counts_too() -> None:
    watched, many = Watched("errors", (), Direction.EITHER, requests="requests"), [1000.0] * 60
    kinds = {
        (control, experiment): judged(
            (watched, ([control] * 60, [experiment] * 60)), (REQUESTS, (many, many))
        )
        .metrics[0]
        .kind
        for control in (10.0, 90.0)
        for experiment in (10.0, 90.0)
    }
    assert kinds == {
        (10.0, 10.0): Class.PASS,
        (90.0, 90.0): Class.PASS,
        (10.0, 90.0): Class.HIGH,
        (90.0, 10.0): Class.LOW,
    }


def test_rises_and_falls_have_limits_of_their_own() -> None:
    twice, half = ([100.0] * 60, [190.0] * 60), ([100.0] * 60, [60.0] * 60)
    wide = Watched("m", (), Direction.EITHER, rise=2.0, fall=1.25)
    assert judged((wide, twice)).score == 100
    assert judged((wide, half)).metrics[0].kind is Class.LOW
    narrow = Watched("m", (), Direction.EITHER, rise=1.25, fall=2.0)
    assert judged((narrow, twice)).metrics[0].kind is Class.HIGH
    assert judged((narrow, half)).score == 100


def test_a_critical_metric_takes_the_whole_score_only_from_its_critical_size_on() -> None:
    beside = (Watched("cpu", ("cpu",), Direction.INCREASE), ([1.0] * 60, [1.0] * 60))
    grave = Watched("m", ("slow",), Direction.EITHER, critical=True, gravest_rise=5.0, gravest_fall=0.2)
    scores = [
        judged((grave, ([100.0] * 60, [100.0 * times] * 60)), beside).score for times in (2.0, 6.0, 0.5, 0.1)
    ]
    assert scores == [50, 0, 50, 0]


def test_a_metric_that_must_have_data_fails_without() -> None:
    latency = (LATENCY, ([1.0] * 60, [1.0] * 60))
    silent = Watched("m", ("rate",), Direction.INCREASE, fill=True, required=True)
    for arms in (([1.0] * 60, []), ([], [1.0] * 60), ([NAN] * 60, [NAN] * 60), None):
        found = judged((silent, arms), latency)
        assert (found.score, found.metrics[0].kind) == (50, Class.MISSING)
    critical = Watched("m", ("rate",), critical=True, required=True)
    assert judged((critical, None), latency).score == 0
    assert judged((silent, ([1.0] * 60, [1.0] * 60)), latency).score == 100


def test_one_tag_that_is_worse_is_named_although_all_together_are_well() -> None:
    large, small, none = [900.0] * 30, [20.0] * 30, [0.0] * 30
    wide = Watched("errors", ("errors",), Direction.INCREASE, rise=2.0, requests="requests")
    series = [
        of("errors", ([9.0] * 30, [8.0] * 30), region="eu"),
        of("errors", (none, [5.0] * 30), region="us"),
        of("requests", (large, large), region="eu"),
        of("requests", (small, small), region="us"),
    ]
    found = judge([wide, REQUESTS], series, {}, LIMITS, SPEC).metrics[0]
    assert found.kind is Class.HIGH
    assert "with region=us alone experiment 150 of 600, control 0 of 600" in found.reason


def test_weights_of_groups_without_metrics_leave_nothing_for_those_without_a_weight() -> None:
    """As Kayenta counts: what 100 has left of all weights is the share of the groups that are given none."""
    metrics: list[tuple[Watched, Arms | None]] = [
        (LATENCY, ([1.0] * 60, [1.0] * 60)),
        (Watched("cpu", ("cpu",), Direction.INCREASE), ([1.0] * 60, [9.0] * 60)),
    ]
    assert judged(*metrics, weights={"slow": 60.0}).score == 60
    assert judged(*metrics, weights={"slow": 60.0, "gone": 40.0}).score == 100


def test_a_metric_nobody_declared_and_no_metric_at_all_pass_nothing() -> None:
    strange = judge(
        [LATENCY], [of("latency", ([1.0] * 60, [1.0] * 60)), of("other", ([1.0], [1.0]))], {}, LIMITS, SPEC
    )
    assert strange.score == 85  # fmt: skip
    assert judge([], [], {}, LIMITS, SPEC).score == 85
    assert judged((REQUESTS, ([1.0] * 60, [1.0] * 60)), (Watched("x", muted=True), None)).score == 100


def test_a_harmful_metric_that_is_not_critical_costs_the_share_of_its_group() -> None:
    metrics: list[tuple[Watched, Arms | None]] = [
        (LATENCY, ([1.0] * 60, [9.0] * 60)),
        (Watched("cpu", ("cpu",), Direction.INCREASE), ([1.0] * 60, [1.0] * 60)),
    ]
    found = judged(*metrics, weights={"slow": 30.0})
    assert (found.score, found.kind, dict(found.groups)) == (70, "Fail", {"cpu": 100, "slow": 0})


@pytest.mark.parametrize("limits", [(95, 75), (95, 94), (80, 80), (1, 0), (100, 0)])
def test_what_is_not_decided_never_reaches_pass(limits: tuple[int, int]) -> None:
    held = Thresholds(*limits).holding
    assert 0 <= held <= 100
    assert held < limits[0]
    if limits[0] - limits[1] > 1:
        assert held > limits[1]


def test_canaries_like_their_control_are_rarely_called_worse_however_often_one_looks() -> None:
    chance, worse = random.Random(7), 0
    for _ in range(300):
        level = [chance.lognormvariate(0, 1) for _ in range(120)]
        arms = [[value * chance.lognormvariate(0, 0.5) for value in level] for _ in range(2)]
        worse += any(paired(arms[0][:n], arms[1][:n], 1.25).e_regress >= 20 for n in range(10, 121, 10))
    assert worse <= 0.05 * 300


def test_a_canary_that_is_often_far_above_is_rarely_called_safe() -> None:
    chance, safe = random.Random(11), 0
    for _ in range(300):
        arm = [10.0 if chance.random() < 0.25 else 1.0 for _ in range(120)]
        safe += any(paired([1.0] * n, arm[:n], 1.25).e_safe >= 20 for n in range(10, 121, 10))
    assert safe <= 0.05 * 300


ANYTHING = st.lists(st.one_of(st.just(NAN), st.floats(-10, 1e6)), max_size=40)


@given(st.lists(st.tuples(ANYTHING, ANYTHING), max_size=4), st.integers(1, 100), st.data())
def test_whatever_is_beside_it_a_critical_metric_without_data_never_passes(
    others: list[tuple[list[float], list[float]]], passing: int, data: st.DataObject
) -> None:
    limits = Thresholds(passing, data.draw(st.integers(0, passing)))
    broken = data.draw(st.sampled_from([([1.0] * 60, []), ([1.0] * 60, [NAN] * 60), None]))
    watched = [Watched("critical", ("a",), Direction.INCREASE, critical=True, fill=True)]
    series = [] if broken is None else [of("critical", broken)]
    for number, arms in enumerate(others):
        watched.append(Watched(f"m{number}", (data.draw(st.sampled_from("ab")),)))
        series.append(of(f"m{number}", arms))
    found = judge(watched, series, data.draw(st.sampled_from([{}, {"a": 0.0}, {"b": 100.0}])), limits, SPEC)
    assert 0 <= found.score < passing
    assert found.kind != "Pass"
