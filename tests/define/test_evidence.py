"""How long evidence of safety takes, and what `check` says about it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focusplane.define.check import Seen, check
from focusplane.define.evidence import Reachable, Unreachable, requests_needed
from focusplane.define.load import load
from focusplane.define.problem import Severity
from focusplane.define.rollout import JudgeSpec

PERMILLE = Fraction(1, 1000)


def judge(slack: Fraction, tolerance: Fraction = Fraction(5, 4)) -> JudgeSpec:
    return JudgeSpec(Fraction(1, 20), tolerance, slack)


def requests(failing: Fraction, weight: Fraction, spec: JudgeSpec) -> int:
    need = requests_needed(failing, weight, spec)
    assert isinstance(need, Reachable)
    return need.requests


def test_the_figures_of_the_design_are_met() -> None:
    a_tenth = requests(PERMILLE, Fraction(1, 20), judge(PERMILLE))
    assert 8_000 <= a_tenth * Fraction(1, 20) <= 12_000
    assert 4_000 <= requests(PERMILLE, Fraction(1, 4), judge(5 * PERMILLE)) <= 7_000
    assert requests(PERMILLE, Fraction(1, 20), judge(PERMILLE / 10)) > 1_000_000


def test_without_any_room_no_traffic_is_enough() -> None:
    assert isinstance(
        requests_needed(PERMILLE, Fraction(1, 20), judge(Fraction(0), Fraction(1))), Unreachable
    )


def test_at_all_of_the_traffic_there_is_nothing_to_compare_with() -> None:
    assert isinstance(requests_needed(PERMILLE, Fraction(1), judge(PERMILLE)), Unreachable)


@given(st.integers(1, 50), st.integers(1, 90), st.integers(1, 50))
def test_more_slack_never_needs_more_requests(failing: int, weight: int, slack: int) -> None:
    fails, share = Fraction(failing, 1000), Fraction(weight, 100)
    assert requests(fails, share, judge(Fraction(slack + 1, 1000))) <= requests(
        fails, share, judge(Fraction(slack, 1000))
    )


def test_the_example_reaches_its_evidence_at_the_traffic_of_the_demo(checkout: str) -> None:
    found = check(load({"a.yaml": checkout}), Seen({"checkout": Fraction(200)}))
    assert [(one.severity, one.code) for one in found if one.code != "D289"] == [
        (Severity.NOTICE, "D122")
    ] * 3


def test_a_step_out_of_reach_is_refused_with_what_it_would_take(checkout: str) -> None:
    found = check(load({"a.yaml": checkout}), Seen({"checkout": Fraction(10)}))
    refused = [one for one in found if one.severity is Severity.ERROR]
    assert [(one.line, one.code) for one in refused] == [(53, "D121"), (54, "D121"), (55, "D121")]
    assert "holdAtMost is 3m" in refused[0].what


def test_without_stated_traffic_the_number_of_requests_is_told(checkout: str) -> None:
    found = check(load({"a.yaml": checkout}))
    assert {(one.severity, one.code) for one in found if one.code != "D289"} == {(Severity.NOTICE, "D122")}
    assert "requests in all" in found[0].what


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("  alerts: {page: [pager]}\n", "", "D130"),
        ("  runbooks: [checkout-failing]\n", "", "D131"),
        ("v4: [127.0.0.1:9401, 127.0.0.1:9402]", "v4: [127.0.0.1:9401]", "D132"),
    ],
)
def test_what_a_careful_operator_would_ask_is_a_warning(checkout: str, old: str, new: str, code: str) -> None:
    found = check(load({"a.yaml": checkout.replace(old, new)}))
    assert (Severity.WARNING, code) in {(one.severity, one.code) for one in found}


SENDS = """
    synthetic: {requests: {url: "http://127.0.0.1:10000/checkout"}, rate: 10/s, below: 300/min, promotes: true}
"""


def test_where_synthetic_requests_may_promote_a_step_is_in_reach_of_them_while_users_are_few(
    checkout: str,
) -> None:
    def found(text: str, rate: int) -> list[str]:
        loaded = load({"checkout.yaml": text})
        assert not loaded.refused
        problems = check(loaded, Seen({"checkout": Fraction(rate, 10)}))
        return [f"{one.code} {one.what}" for one in problems if one.code in ("D121", "D122")]

    sends = checkout.replace("  rollout:\n", f"  rollout:{SENDS}", 1)
    assert all(one.startswith("D121") for one in found(checkout, 2))
    assert all("synthetic requests in all" in one for one in found(sends, 2))
    alone = sends.replace("promotes: true", "promotes: false")
    assert all(one.startswith("D121") for one in found(alone, 2))
    assert not any("synthetic" in one for one in found(sends, 100_000))
