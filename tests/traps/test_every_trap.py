"""Thirty traps into which other SLO engines have fallen: none is without a test that bears its number."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_every_trap_has_a_test() -> None:
    named = {
        int(number)
        for path in TESTS.rglob("test_*.py")
        for number in re.findall(r"^(?:async )?def test_trap_(\d\d)_", path.read_text(), re.MULTILINE)
    }
    assert named == set(range(1, 31))
