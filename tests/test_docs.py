"""Prose cannot drift either: its links lead somewhere, and the targets it names exist."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
MAKE = re.compile(r"`make ([a-z]+)")


def pages() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def test_every_link_leads_to_a_file() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages()
        for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {word for page in pages() for word in MAKE.findall(page.read_text(encoding="utf-8"))}
    assert named - targets == set()


def test_every_test_that_the_coverage_page_names_exists() -> None:
    page = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
    lost = [
        f"{path}::{name}"
        for path, name in set(re.findall(r"`([\w/]+\.py)::(\w+)`", page))
        if not re.search(rf"^(async )?def {name}\(", _text(ROOT / "tests" / path), re.MULTILINE)
    ]
    assert sorted(lost) == []


def test_every_promise_names_a_test_that_exists() -> None:
    page = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| promise ")]
    named = {row: re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row) for row in rows}
    assert [row for row, tests in named.items() if not tests] == []
    lost = [
        f"{path}::{name}"
        for tests in named.values()
        for path, name in tests
        if not re.search(rf"^(async )?def {name}\(", _text(ROOT / path), re.MULTILINE)
    ]
    assert lost == []
    assert len(rows) > 20


def test_every_decision_record_stands_in_their_list() -> None:
    listed = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    records = [path.name for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md")]
    assert [name for name in records if f"]({name})" not in listed] == []


def test_every_vendored_part_is_named_in_the_notice() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    licences = [path.relative_to(ROOT).as_posix() for path in (ROOT / "src").rglob("vendor/*/LICENSE")]
    assert [name for name in licences if name not in notice] == []


def test_the_reference_pages_match_the_code() -> None:
    checked = subprocess.run(
        [sys.executable, ROOT / "tools" / "docs.py", "--check"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout
