"""The context manager, calls behind a breaker, and flags."""

import pytest
from tests.sdk.conftest import THROTTLE, TIGHT, declared, eventually

from focusplane.control.admission import Divert, Reject
from focusplane.control.board import apply
from focusplane.control.command import Set
from focusplane.control.flag import Reason
from focusplane.control.state import ThrottleState


def test_a_request_is_counted_with_its_outcome(plane, shop):
    with shop.request("checkout", tenant="acme"):
        pass
    with pytest.raises(KeyError), shop.request("checkout", tenant="acme"):
        raise KeyError("basket")
    with shop.request("checkout", tenant="beta") as soft:
        soft.fail("declined", 402)
    eventually(lambda: plane.count(focus__id="checkout") == 3)
    assert plane.count(http__response__status_code="200", tenant__id="acme") == 1
    assert plane.count(error__type="KeyError", http__response__status_code="500") == 1
    assert plane.count(error__type="declined", http__response__status_code="402") == 1


def test_a_request_inside_a_request_of_the_same_focus_counts_once(plane, shop):
    with shop.request("checkout", "acme"), shop.request("checkout", "acme"), shop.request("search", "acme"):
        pass
    eventually(lambda: plane.count() == 2)
    assert plane.count(focus__id="checkout") == 1
    assert shop.current() is None


def test_a_breaker_opens_after_its_share_of_failures_and_its_fallback_answers(shop):
    with shop.request("checkout", "acme") as request:
        for _ in range(4):
            with pytest.raises(TimeoutError), request.call("psp"):
                raise TimeoutError
        with request.call("psp") as psp:
            assert not psp.allowed
            assert psp.fallback == {"queued": True}
            assert psp.admission == Divert("breaker psp is open: 4 of 4 calls failed", 200, {"queued": True})


def test_a_call_can_be_ended_by_hand_and_only_its_first_word_counts(shop):
    with shop.request("checkout", "acme") as request:
        for _ in range(3):
            call = request.call("psp")
            call.done(failed=True)
            call.done(failed=True)
        assert request.call("psp").allowed


def test_a_breaker_nobody_declared_lets_everything_through(shop):
    with shop.request("checkout", "acme") as request, request.call("warehouse") as call:
        assert call.allowed
        assert call.fallback is None


def test_the_budget_of_a_request_bounds_the_time_of_its_calls(shop):
    with shop.request("checkout", "acme", budget_ms=1_000) as request:
        assert 0 < request.call("psp", timeout_ms=5_000).timeout_ms <= 1_000
        assert request.call("psp", timeout_ms=1).timeout_s == 0.001
        request.started_ns -= 2_000_000_000
        assert request.call("psp").timeout_ms == 0
    assert shop.request("checkout").call("psp", timeout_ms=5_000).timeout_ms == 5_000


def test_work_that_is_not_admitted_says_why_and_is_counted_as_refused(plane, shop):
    plane.publish(apply(declared(), Set(THROTTLE, ThrottleState(TIGHT, 1), "hot", "act-1", 2**50)))
    eventually(lambda: shop.health().board == "plane-a.1.5")
    with shop.request("checkout", "acme") as first:
        assert first.admitted
    with shop.request("checkout", "acme") as second:
        assert not second.admitted
        assert isinstance(second.admission, Reject)
    eventually(lambda: plane.count(http__response__status_code="429") == 1)


def test_a_flag_says_its_reason_and_an_unknown_one_gives_the_default(shop):
    with shop.request("checkout", "acme") as request:
        assert shop.evaluate("new-pricing", request).reason is Reason.STATIC
    assert shop.evaluate("gone", "acme", "blue").value == "blue"
    assert shop.evaluate("gone", "acme").reason is Reason.DEFAULT
