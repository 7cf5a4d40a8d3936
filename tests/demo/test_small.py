"""Each scenario without a gateway is an example that stands alone: files, a policy without errors, stories that hold."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from focusplane.cli.main import focus
from focusplane.cli.run import SCENARIOS
from focusplane.demo.scenarios import SMALL, scenario_of

EXAMPLES = Path(__file__).parents[2] / "examples"
FOLDERS = sorted(folder for _, folder, _ in SMALL.values())


def test_the_command_knows_every_scenario() -> None:
    assert set(SCENARIOS) == {"s1", *SMALL}
    assert [scenario_of(name).name for name in SMALL] == [name.upper() for name in SMALL]


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("name", ["focus.yaml", "README.md", "service.py"])
def test_every_scenario_has_its_files(folder: str, name: str) -> None:
    assert (EXAMPLES / folder / name).read_text().strip()


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_policy_of_every_scenario_has_no_error(folder: str) -> None:
    said = CliRunner().invoke(focus, ["check", str(EXAMPLES / folder)])

    assert said.exit_code == 0, said.output


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_story_of_a_scenario_holds(folder: str) -> None:
    assert list((EXAMPLES / folder).glob("*.story"))

    said = CliRunner().invoke(focus, ["test", str(EXAMPLES / folder)])

    assert said.exit_code == 0, said.output
