"""Numbers of the pages: no exponents, nothing smaller than people can use."""

import pytest

from focusplane.cli.output import number
from focusplane.web.words import day, evidence, factor


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "–"), (0.0, "0×"), (4.97e-05, "<0.01×"), (14.4, "14.4×"), (1048.2, "1,048×")],
)
def test_a_burn_rate_is_readable(value: float | None, said: str) -> None:
    assert factor(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0"),
        (0.00004, "<0.01"),
        (2.93, "2.93"),
        (421.0, "421"),
        (1048.2, "1,048"),
        (3e40, "over a million"),
    ],
)
def test_evidence_is_said_alike_on_the_page_and_in_the_terminal(value: float, said: str) -> None:
    assert evidence(value) == said
    assert number(value) == said


def test_a_date_shows_its_year_when_that_is_not_this_one() -> None:
    noon = 1_795_348_800_000
    assert day(noon, noon) == "22 Nov 12:00 UTC"
    assert day(noon + 60 * 86_400_000, noon) == "21 Jan 2027 12:00 UTC"
    assert day(noon) == "22 Nov 2026 12:00 UTC"
