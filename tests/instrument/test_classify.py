"""Every outcome is good, bad or excluded for a reason; latency is exact on a bucket bound and bounded elsewhere."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focusplane.define.sli import Match, Of, Sli, SliKind
from focusplane.instrument.classify import Between, Exact, Kind, classify, split
from focusplane.instrument.outcome import GRPC_STATUS, outcome_of
from focusplane.instrument.signal import Latencies, Outcome, Slice

AVAILABILITY = Sli(SliKind.EVENTS, Match(status=("5xx",)), Match(synthetic=True))
GOOD, BAD, EXCLUDED = Kind.GOOD, Kind.BAD, Kind.EXCLUDED


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Outcome(200), GOOD),
        (Outcome(404), GOOD),
        (Outcome(503), BAD),
        (Outcome(0, "ConnectionError"), BAD),
        (Outcome(0, flag="UF"), BAD),
        (Outcome(0, flag="DC"), EXCLUDED),
        (Outcome(429, flag="RL"), GOOD),
        (Outcome(503, synthetic=True), EXCLUDED),
        (Outcome(), GOOD),
    ],
)
def test_availability_is_what_the_user_saw(outcome: Outcome, kind: Kind) -> None:
    assert classify(outcome, Slice(), AVAILABILITY).kind is kind


def test_synthetic_requests_count_only_when_asked_for() -> None:
    asked = Sli(SliKind.EVENTS, Match(status=("5xx",)), Match(synthetic=False))
    undeclared = Sli(SliKind.EVENTS, Match(status=("5xx",)), Match())
    probe = Outcome(503, synthetic=True)
    assert classify(probe, Slice(), asked).kind is BAD
    assert classify(probe, Slice(), undeclared).kind is EXCLUDED
    assert classify(Outcome(503), Slice(), asked).kind is BAD


def test_a_match_is_a_conjunction_and_an_empty_one_fits_nothing() -> None:
    narrow = Match(status=("5xx", "429"), errors=("timeout",), routes=("POST /pay/*",), tenants=("acme",))
    sli = Sli(SliKind.EVENTS, narrow, Match())
    part = Slice(tenant="acme", route="/pay/card")
    assert classify(Outcome(429, "timeout"), part, sli).kind is BAD
    assert classify(Outcome(429, "other"), part, sli).kind is GOOD
    assert classify(Outcome(429, "timeout"), Slice(tenant="acme", route="/refund"), sli).kind is GOOD
    assert classify(Outcome(500), part, Sli(SliKind.EVENTS, Match(), Match())).kind is GOOD


def test_retries_are_excluded_only_where_the_objective_says_so() -> None:
    again = Outcome(503, resend=True)
    assert classify(again, Slice(), AVAILABILITY).kind is BAD
    first_only = Sli(SliKind.EVENTS, Match(status=("5xx",)), Match(resend=True))
    assert classify(again, Slice(), first_only).kind is EXCLUDED


def test_failed_answers_are_not_timed_unless_all_are_asked_for() -> None:
    good = Sli(SliKind.LATENCY, Match(status=("5xx",)), Match(), 300)
    every = Sli(SliKind.LATENCY, Match(status=("5xx",)), Match(), 300, Of.ALL)
    assert classify(Outcome(500), Slice(), good).kind is EXCLUDED
    assert classify(Outcome(500), Slice(), every).kind is BAD
    assert classify(Outcome(200), Slice(), good).kind is GOOD


def test_the_server_errors_of_grpc_are_exactly_the_5xx() -> None:
    failed = {name for name, status in GRPC_STATUS if status >= 500}
    assert failed == {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}
    by_number = outcome_of({"rpc.grpc.status_code": 14})
    assert by_number == outcome_of({"rpc.response.status_code": "UNAVAILABLE"}) == Outcome(503, "UNAVAILABLE")


def test_a_failed_span_without_a_status_is_an_error() -> None:
    assert outcome_of({}, failed=True) == Outcome(error="error")
    assert outcome_of({"http.response.status_code": 404}, failed=True) == Outcome(404)


@given(
    st.lists(st.integers(1, 1_000), min_size=1, max_size=20, unique=True).map(sorted),
    st.lists(st.integers(0, 1_000), max_size=50),
    st.integers(1, 1_000),
)
def test_split_is_exact_on_a_bound_and_never_wrong_between(
    bounds: list[int], durations: list[int], under: int
) -> None:
    edges = [-1, *bounds, 10**9]
    counts = tuple(sum(low < duration <= high for duration in durations) for low, high in pairwise(edges))
    truth = sum(duration <= under for duration in durations)
    match split(Latencies(tuple(map(float, bounds)), counts), under):
        case Exact(fast, slow):
            assert (fast, slow) == (truth, len(durations) - truth)
        case Between(low, high, total):
            assert under not in bounds
            assert low <= truth <= high <= total == len(durations)


@pytest.mark.parametrize("said", ["true", "t", "1", "yes", "y", "TRUE", "test", "bot"])
def test_a_mark_is_read_as_the_sdk_a_log_and_the_first_letter_of_the_gateway_write_it(said: str) -> None:
    assert outcome_of({"focus.synthetic": said, "http.response.status_code": "503"}).synthetic
    assert not outcome_of({"focus.synthetic": "f", "http.response.status_code": "503"}).synthetic
    assert not outcome_of({"focus.synthetic": "", "http.response.status_code": "503"}).synthetic
