"""What is stored is read back as it was, or not stored at all."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focusplane.act.request import SetControl
from focusplane.instrument.cumulative import Rows, Seen
from focusplane.instrument.point import Explicit, Exponential, Total
from focusplane.instrument.signal import Latencies
from focusplane.kernel.errors import DataError
from focusplane.plane.arrival import Arrival, Asked, Counted
from focusplane.wire import codec

WORDS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def _finite(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    if isinstance(value, list):
        return all(map(_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


@given(st.dictionaries(st.text(max_size=5), WORDS, max_size=4))
def test_a_request_is_read_back_as_it_was_or_is_not_stored(state: dict[str, object]) -> None:
    asked: Arrival = Asked("ask-1", "ana", SetControl("checkout", "throttle", state, "flood"), "operator")  # type: ignore[arg-type]
    if _finite(state):
        assert codec.decode(codec.encode(asked, Arrival), Arrival) == asked  # type: ignore[arg-type]
    else:
        with pytest.raises(DataError, match="finite"):
            codec.encode(asked, Arrival)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_bound_of_a_histogram_that_is_no_number_is_not_stored(broken: float) -> None:
    with pytest.raises(DataError, match="finite"):
        codec.encode(Latencies((1.0, broken), (1, 2, 3)), Latencies)


AMOUNTS = st.integers(0, 2**63 - 1)
COUNTS = st.lists(AMOUNTS, max_size=4).map(tuple)
BOUNDS = st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3).map(tuple)
VALUES = (
    st.builds(Total, AMOUNTS)
    | st.builds(Explicit, BOUNDS, COUNTS)
    | st.builds(Exponential, st.integers(-10, 20), AMOUNTS, st.integers(-(2**31), 2**31), COUNTS)
)
ROWS = st.lists(st.tuples(st.binary(max_size=12), st.builds(Seen, AMOUNTS, AMOUNTS, VALUES)), max_size=4)


@given(ROWS.map(tuple))
def test_the_last_points_of_series_are_read_back_as_they_were(rows: Rows) -> None:
    said = (Counted("k", (), (), rows),)
    assert codec.decode(codec.encode(said, tuple[Arrival, ...]), tuple[Arrival, ...]) == said


@pytest.mark.parametrize("broken", [math.inf, -math.inf, math.nan])
def test_a_last_point_with_a_bound_that_is_no_number_is_not_stored(broken: float) -> None:
    said = (Counted("k", (), (), ((b"s", Seen(1, 2, Explicit((broken,), (1, 2)))),)),)
    with pytest.raises(DataError, match="no finite number"):
        codec.encode(said, tuple[Arrival, ...])


def test_last_points_that_are_damaged_are_refused() -> None:
    for stored in (
        b'{"names": ["cw=="]}',
        b"[1]",
        b'{"names":["cw=="],"starts":[1],"ends":[2],"kinds":[7],"values":[[1]],"bounds":[]}',
    ):
        with pytest.raises(DataError):
            codec.decode(stored, Rows)
