"""A cost is told in steps of 3 %: few values, nearest, and a step stays what it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focusplane.instrument.asked import told
from focusplane.instrument.cost import cost_said
from focusplane.instrument.tagging import Value


@given(st.floats(1e-9, 1e12))
def test_the_step_is_near_and_is_its_own_step(amount: float) -> None:
    said = cost_said(amount)
    assert abs(float(said) / amount - 1) <= 0.0147
    assert cost_said(said) == said


@pytest.mark.parametrize(("value", "said"), [(0, "0"), ("0.0123", "0.01223"), (1, "1"), (True, ""), ("dear", ""),
                                             (float("nan"), ""), (float("inf"), ""), (-1, "")])  # fmt: skip
def test_what_is_no_amount_says_nothing(value: Value, said: str) -> None:
    assert cost_said(value) == said


def test_a_cost_is_kept_only_where_it_is_asked_for() -> None:
    asked = {"focus.cost": frozenset[str]()}
    assert told(asked, {}, {"focus.cost": 0.0123}) == {"focus.cost": "0.01223"}
    assert told({}, {}, {"focus.cost": 0.0123}) == {}
