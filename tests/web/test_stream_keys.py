"""The word in the address of an event stream opens that stream, and nothing else, for as long as its token stands."""

import pytest

from focusplane.define.people import Role
from focusplane.kernel.errors import UnauthenticatedError
from focusplane.kernel.tick import DAY
from focusplane.plane.identity import Principal
from focusplane.web.auth import Sessions

WHO = Principal("shop", Role.SDK)


def test_a_word_for_a_stream_is_no_session() -> None:
    sessions = Sessions()
    with pytest.raises(UnauthenticatedError):
        sessions.principal(sessions.stream_key(WHO, DAY), DAY)


def test_a_session_is_no_word_for_a_stream() -> None:
    sessions = Sessions()
    cookie = sessions.redeem(sessions.ticket(WHO, DAY), DAY)
    assert sessions.principal(cookie, DAY).name == "shop"
    with pytest.raises(UnauthenticatedError):
        sessions.streaming(cookie, DAY)


def test_a_word_for_a_stream_says_whose_token_it_stands_for_and_ends() -> None:
    sessions = Sessions()
    key = sessions.stream_key(WHO, DAY)
    assert sessions.streaming(key, 3 * DAY - 1) == WHO
    with pytest.raises(UnauthenticatedError):
        sessions.streaming(key, 3 * DAY)
