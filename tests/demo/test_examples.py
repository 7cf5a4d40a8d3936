"""Every folder of examples says what it is, and the commands on its page are ones that there are."""

import re
import shlex
from pathlib import Path

import click
import pytest

from focusplane.cli.main import focus

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = sorted(one.name for one in (ROOT / "examples").iterdir() if one.is_dir())


def commands(page: str) -> list[str]:
    """Lines that begin with `focus`, without the words beside them."""
    return [re.split(r"\s{2,}#", line)[0] for line in page.splitlines() if line.startswith("focus ")]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_example_says_what_it_is_and_shows_commands_that_there_are(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "examples" / folder / "README.md").read_text(encoding="utf-8")
    assert page.startswith("# ")
    monkeypatch.chdir(ROOT)
    for line in commands(page):
        words = shlex.split(line)[1:]
        group: click.Command = focus
        while isinstance(group, click.Group) and words:
            found = group.get_command(click.Context(group), words[0])
            assert found is not None, line
            group, words = found, words[1:]
        group.make_context("focus", words)


def test_the_commands_of_a_page_are_found() -> None:
    assert commands("a\nfocus demo s1      # exit 0\n`focus x`\n") == ["focus demo s1"]
    assert len(commands((ROOT / "examples" / "checkout" / "README.md").read_text(encoding="utf-8"))) == 5
