"""The page that compares cannot claim what is not tested."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "comparison.md"
TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")
ANSWER = re.compile(r"(yes|partly|no)\b")
COLUMNS = ["Sloth", "Pyrra", "OpenSLO", "slo-generator", "Datadog", "Nobl9", "focusplane"]


def rows() -> list[list[str]]:
    """Cells of every row of a table that has a column of ours."""
    found, ours = [], False
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| | Sloth"):
            ours = True
            assert [cell.strip("| ") for cell in cells if cell.strip("| ")] == COLUMNS
        elif not line.startswith("|"):
            ours = False
        elif ours and not line.startswith("|---"):
            found.append([cell.strip("| ") for cell in cells])
    return found


def test_every_yes_of_ours_names_a_test_that_exists_and_every_other_answer_is_plain() -> None:
    lost, unproved, unclear = [], [], []
    for cells in rows():
        ours = cells[-1]
        if "benchmarks" in ours or cells[0] == "parts to run":
            continue
        if ANSWER.match(ours) is None:
            unclear.append(cells[0])
        named = TEST.findall(ours)
        if ours.startswith("yes") and not named:
            unproved.append(cells[0])
        lost += [f"{path}::{name}" for path, name in named if not _exists(path, name)]
    assert (lost, unproved, unclear) == ([], [], [])


def _exists(path: str, name: str) -> bool:
    file = ROOT / "tests" / path
    return file.exists() and bool(re.search(rf"^(async )?def {name}\(", file.read_text(), re.MULTILINE))


def test_every_row_answers_for_all_of_them() -> None:
    assert [cells[0] for cells in rows() if len(cells) != len(COLUMNS) + 1] == []
    assert len(rows()) > 35


def test_what_was_compared_is_named_with_its_version() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for word in ("0e395d8", "1ba95af", "aa5cb78", "967f124", "documentation only"):
        assert word in text
    assert "## Where they are better" in text
