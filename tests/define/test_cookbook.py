"""The recipes of the cookbook are good, alone and together, and each is in its list."""

import re
from pathlib import Path

import pytest

from focusplane.cli.main import run
from focusplane.define.load import load

HERE = Path(__file__).resolve().parents[2] / "examples" / "slo-cookbook"
TEAM = "team.yaml"
RECIPES = sorted(path.name for path in HERE.glob("*.yaml") if path.name != TEAM)
HEADINGS = ("# What it is for", "# What it counts", "# The trap")


def test_the_whole_cookbook_is_checked_without_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--strict", str(HERE)]) == 0
    assert " 0 warnings" in capsys.readouterr().err


@pytest.mark.parametrize("recipe", RECIPES)
def test_each_recipe_is_good_alone_beside_its_team(recipe: str) -> None:
    loaded = load({name: (HERE / name).read_text(encoding="utf-8") for name in (recipe, TEAM)})
    assert [str(one) for one in loaded.problems if one.severity != "notice"] == []
    assert loaded.policies.focuses


@pytest.mark.parametrize("recipe", RECIPES)
def test_each_recipe_says_what_it_is_for_what_it_counts_and_which_trap_it_avoids(recipe: str) -> None:
    text = (HERE / recipe).read_text(encoding="utf-8")
    assert [heading for heading in HEADINGS if f"\n{heading}" not in f"\n{text}"] == []


def test_the_list_names_every_recipe_and_nothing_else() -> None:
    listed = re.findall(
        r"^\| \[([a-z-]+\.yaml)\]", (HERE / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(listed) == RECIPES
