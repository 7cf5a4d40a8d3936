"""What a new version costs is capped by a share of the budget, whether it is proved to be worse or not."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from focusplane.observe.cap import LEAST, Cap, excess, over

counts = st.integers(0, 1_000)


def test_the_excess_is_beyond_the_rate_of_the_stable_version_in_the_same_stratum() -> None:
    strata = (("/pay", (100, 10, 300, 15)), ("/read", (50, 0, 50, 1)), ("/new", (10, 10, 0, 0)))
    assert excess(strata) == (10 - 5) + (0 - 1)


def test_more_than_its_share_is_too_costly_and_the_figures_are_said() -> None:
    cap = Cap(Fraction(5, 100), Fraction(1_000))
    assert over((("", (500, 50, 500, 0)),), cap) == ""
    assert over((("", (500, 51, 500, 0)),), cap) == (
        "too costly: 51 failures more than the stable version would have had; 5% of the error budget is 50"
    )


@given(st.integers(0, LEAST), st.integers(1, 1_000))
def test_a_handful_of_failures_is_never_over_the_cap_however_small_the_budget(bad: int, total: int) -> None:
    assert over((("", (total, bad, total, 0)),), Cap(Fraction(1, 100), Fraction(1))) == ""


@given(st.integers(1, 500), counts, counts)
def test_what_fails_as_the_stable_version_does_costs_nothing(times: int, total: int, bad: int) -> None:
    row = (times * total, times * min(total, bad), total, min(total, bad))
    assert excess((("", row),)) == 0
