from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focusplane.kernel.quantity import (
    Rate,
    format_duration,
    format_percent,
    format_rate,
    parse_duration,
    parse_percent,
    parse_rate,
)


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("99.9%", Fraction(999, 1000)),
        ("0%", Fraction(0)),
        (" 5 % ", Fraction(1, 20)),
        ("99.99%", Fraction(9999, 10000)),
    ],
)
def test_a_percentage_is_read_exactly(text: str, share: Fraction) -> None:
    assert parse_percent(text) == share


@pytest.mark.parametrize("text", ["", "99.9", "-1%", "1,5%", "%", "1%%", "NaN%", "1e2%"])
def test_what_is_no_percentage_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="percentage"):
        parse_percent(text)


@pytest.mark.parametrize(
    ("text", "span_ms"), [("300ms", 300), ("1h30m", 5_400_000), ("30d", 2_592_000_000), ("1w", 604_800_000)]
)
def test_a_duration_is_read_in_milliseconds(text: str, span_ms: int) -> None:
    assert parse_duration(text) == span_ms


@pytest.mark.parametrize("text", ["", "5", "1.5h", "-3s", "3 s", "s", "5y"])
def test_a_duration_without_a_known_unit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


def test_a_rate_is_exact_per_second() -> None:
    assert parse_rate("5/min") == Rate(Fraction(5), 60_000)
    assert parse_rate("5/min").per_second == Fraction(1, 12)


@pytest.mark.parametrize("text", ["100", "100/year", "/s", "-1/s", "1/s/s"])
def test_a_rate_says_per_what(text: str) -> None:
    with pytest.raises(ValueError, match="rate"):
        parse_rate(text)


@given(st.integers(0, 1_000_000))
def test_a_percentage_of_four_decimals_survives_being_written(millionths: int) -> None:
    share = Fraction(millionths, 1_000_000)
    assert parse_percent(format_percent(share)) == share


@given(st.integers(60_000, 10**11))
def test_a_written_duration_is_never_longer_and_at_most_a_twentieth_shorter(span: int) -> None:
    written = parse_duration(format_duration(span))
    assert 0 <= span - written < span / 20


@given(st.integers(1, 99_999), st.sampled_from(["s", "m", "h", "d"]))
def test_a_rate_survives_being_written(count: int, unit: str) -> None:
    rate = parse_rate(f"{count}/{unit}")
    assert parse_rate(format_rate(rate)) == rate
