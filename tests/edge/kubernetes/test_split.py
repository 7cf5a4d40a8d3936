"""Laws of whole percents."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focusplane.edge.kubernetes.split import percents
from focusplane.kernel.errors import RefusedError


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=6).filter(any))
def test_percents_sum_to_a_hundred_and_are_less_than_one_off_unless_a_share_would_vanish(
    parts: list[int],
) -> None:
    shares = {f"v{number}": Fraction(part, sum(parts)) for number, part in enumerate(parts)}
    found = percents(shares)
    assert sum(found.values()) == 100
    assert all(0 <= percent <= 100 for percent in found.values())
    assert all(found[name] == 0 for name, share in shares.items() if share == 0)
    assert all(abs(found[name] - share * 100) < 1 for name, share in shares.items())


def test_whole_percents_stay_as_they_are() -> None:
    assert percents({"v1": Fraction(93, 100), "v2": Fraction(7, 100)}) == {"v1": 93, "v2": 7}


@pytest.mark.parametrize("weights", [{"v1": Fraction(1, 2)}, {"v1": Fraction(3, 2), "v2": Fraction(-1, 2)}])
def test_what_does_not_sum_to_one_or_lies_outside_is_refused(weights: dict[str, Fraction]) -> None:
    with pytest.raises(RefusedError, match="must lie between 0 and 1"):
        percents(weights)
