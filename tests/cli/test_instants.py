"""The times that a person writes on the command line."""

import pytest

from focusplane.cli.instants import instant, instant_near
from focusplane.kernel.errors import UsageError

NOON = 1_793_534_400_000  # 2026-11-01T12:00Z


def test_a_zone_is_obeyed_and_nothing_is_zero() -> None:
    assert instant("2026-11-01T12:00Z") == instant("2026-11-01T13:00+01:00") == NOON
    assert instant("") == 0


@pytest.mark.parametrize("read", [instant, lambda text: instant_near(text, NOON)])
@pytest.mark.parametrize(
    ("text", "says"), [("noon", "'noon' is not a time"), ("2026-11-01T12:00", "has no time zone")]
)
def test_what_may_mean_two_times_or_none_is_refused(read: object, text: str, says: str) -> None:
    assert callable(read)
    with pytest.raises(UsageError, match=says):
        read(text)


def test_a_length_lies_before_now_and_with_a_plus_after_it() -> None:
    assert instant_near("90m", NOON) == NOON - 5_400_000
    assert instant_near("+2h", NOON) == NOON + 7_200_000
    with pytest.raises(UsageError, match="'' is not a time"):
        instant_near("", NOON)
