"""A past has dates: a time that has none is said with its line."""

from pathlib import Path

import pytest

from focusplane.edge.history_csv import read_history, read_incidents
from focusplane.kernel.errors import UsageError

NO_TIMES = ("99999999999999999999", "1767225600000000", "9" * 400, "0001-01-01", "9999-12-31T23:59:59-14:00")


@pytest.mark.parametrize("time", NO_TIMES)
def test_counts_of_a_time_without_a_date_are_refused_with_their_line(tmp_path: Path, time: str) -> None:
    past = tmp_path / "past.csv"
    past.write_text(f"time,focus,good,bad\n{time},checkout,1,1\n")
    with pytest.raises(UsageError, match=r"past\.csv:2 .* is no time since 1970"):
        read_history(past)


def test_incidents_of_a_time_without_a_date_too(tmp_path: Path) -> None:
    past = tmp_path / "real.csv"
    past.write_text("focus,from,to\ncheckout,0,1767225600000000\n")
    with pytest.raises(UsageError, match=r"real\.csv:2 .* is no time since 1970"):
        read_incidents(past)
