"""The pages that compare cannot claim what is not tested."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OBJECTIVES, DELIVERY = ROOT / "docs" / "comparison.md", ROOT / "docs" / "comparison-delivery.md"
TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")
ANSWER = re.compile(r"(yes|partly|no)\b")
COLUMNS = {
    OBJECTIVES: (["Sloth", "Pyrra", "OpenSLO", "slo-generator", "Datadog", "Nobl9", "focusplane"],),
    DELIVERY: (
        ["flagd", "Unleash OSS", "LaunchDarkly", "GrowthBook", "focusplane"],
        ["Flagger", "Argo Rollouts", "Kayenta + Orca", "GrowthBook", "focusplane"],
    ),
}
PAGES = pytest.mark.parametrize("page", COLUMNS, ids=lambda page: page.stem)


def rows(page: Path) -> list[list[str]]:
    """Cells of every row of a table that has a column of ours."""
    found, ours = [], False
    for line in page.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| | ") and line.endswith("| focusplane |"):
            ours = True
            assert [cell.strip("| ") for cell in cells if cell.strip("| ")] in COLUMNS[page]
        elif not line.startswith("|"):
            ours = False
        elif ours and not line.startswith("|---"):
            found.append([cell.strip("| ") for cell in cells])
    return found


@PAGES
def test_every_yes_of_ours_names_a_test_that_exists_and_every_other_answer_is_plain(page: Path) -> None:
    lost, unproved, unclear = [], [], []
    for cells in rows(page):
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


@PAGES
def test_every_row_answers_for_all_of_them(page: Path) -> None:
    assert [cells[0] for cells in rows(page) if len(cells) != len(COLUMNS[page][0]) + 1] == []
    assert len(rows(page)) > 30


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (OBJECTIVES, ("0e395d8", "1ba95af", "aa5cb78", "967f124", "documentation only")),
        (DELIVERY, ("15bd6ad", "9f8d111", "a69573b", "8.2.0", "documentation only", "its source only")),
    ],
)
def test_what_was_compared_is_named_with_its_version(page: Path, words: tuple[str, ...]) -> None:
    text = page.read_text(encoding="utf-8")
    assert [word for word in words if word not in text] == []
    assert "## Where they are better" in text
