"""A flag that lives in a real Unleash is moved there, read back, and set back where a hand moved it."""

from collections.abc import Iterator

import pytest
from tests.system.postgres import INSTALL
from tests.system.town import Town, until
from tests.system.unleash import ADMIN, UnleashServer, unleash

POLICY = """apiVersion: focusplane/v1
kind: Focus
metadata: {name: lab}
spec:
  owner: crew
  boundary: [{service: lab}]
  objectives: [{name: availability, target: 99%, window: 30d, sli: {bad: {status: 5xx}}}]
  controls:
    flags:
      fast:
        variants: {on: true, off: false}
        default: on
        off: off
        owner: crew
        expires: 2099-01-01
        driver: {unleash: {environment: development, name: fast-lab}}
"""


pytestmark = [
    pytest.mark.requires_server("npm", "apt-get install npm"),
    pytest.mark.requires_server("initdb", INSTALL),
]


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UnleashServer]:
    with unleash(tmp_path_factory.mktemp("unleash")) as server:
        yield server


def come_up(town: Town, there: UnleashServer, flag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The flag is on there, and the plane has looked at it."""
    (town.policies / "lab.yaml").write_text(POLICY.replace("fast-lab", flag))
    monkeypatch.setenv("UNLEASH_TOKEN", ADMIN)
    there.create(flag)
    there.turn(flag, "on")
    before = there.environment(flag)
    town.start_plane("--unleash-url", there.url, "--unleash-token", "env:UNLEASH_TOKEN")
    until(lambda: town.node("flag-drivers"), "it was looked at")
    assert there.environment(flag) == before, "what nobody moved stays as it was"


def told(town: Town, words: str) -> bool:
    """The journal says so of the flag's driver."""
    return any(words in fact["reason"] for fact in town.facts("dataplane.rejected"))


def test_a_kill_and_a_percentage_reach_a_real_unleash_and_what_a_hand_moves_is_told_and_set_back(
    town: Town, there: UnleashServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    come_up(town, there, "fast-lab", monkeypatch)
    town.focus("flag", "set", "lab", "fast", "on", "--percentage", "25%", "--reason", "first customers")
    until(lambda: there.share("fast-lab") == "25", "a quarter gets it")
    town.focus("flag", "kill", "lab", "fast", "--reason", "it hurts")
    until(lambda: there.share("fast-lab") == "off", "the kill arrives")
    town.focus("flag", "set", "lab", "fast", "on", "--reason", "mended")
    until(lambda: there.share("fast-lab") == "100", "everybody gets it")
    there.turn("fast-lab", "off")
    until(lambda: there.share("fast-lab") == "100", "what a hand moved is set back")
    until(lambda: told(town, "somebody else made it off; on for 100% is wanted, and it is set back"), "told")
    there.set_share("fast-lab", 60)
    until(lambda: there.share("fast-lab") == "100", "a percentage too")
    until(lambda: told(town, "somebody else made it on for 60%; on for 100% is wanted"), "told")
    until(lambda: (town.node("flag-drivers") or {})["state"] == "current", "and then all is well")


def test_what_another_plane_marked_in_a_real_unleash_is_left_alone_until_somebody_adopts_it(
    town: Town, there: UnleashServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    come_up(town, there, "fast-two", monkeypatch)
    town.focus("flag", "set", "lab", "fast", "on", "--percentage", "25%", "--reason", "first customers")
    until(lambda: there.share("fast-two") == "25", "a quarter gets it")
    [strategy] = there.environment("fast-two")["strategies"]
    assert strategy["parameters"]["focusplane"].startswith(town.get("/status")["plane"])
    there.set_share("fast-two", 40, focusplane="somebody.1.7")
    until(lambda: told(town, "runs what plane somebody wrote"), "the other plane is told")
    assert there.share("fast-two") == "40", "and nothing of it is changed"
    adopted = town.focus("adopt", "--yes", "--reason", "the other one is gone")
    assert adopted.returncode == 0, adopted.stderr
    until(lambda: there.share("fast-two") == "25", "now it is ours")


def test_a_flag_of_a_real_unleash_with_several_strategies_can_be_killed_and_is_otherwise_left_to_them(
    town: Town, there: UnleashServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    come_up(town, there, "fast-many", monkeypatch)
    there.add_strategy("fast-many")
    before = there.environment("fast-many")["strategies"]
    town.focus("flag", "set", "lab", "fast", "on", "--percentage", "25%", "--reason", "first customers")
    until(lambda: told(town, "a percentage needs one flexibleRollout"), "why not is told")
    assert there.environment("fast-many")["strategies"] == before
    town.focus("flag", "kill", "lab", "fast", "--reason", "it hurts")
    until(lambda: not there.environment("fast-many")["enabled"], "the kill arrives")
    until(lambda: (town.node("flag-drivers") or {})["state"] == "current", "and is confirmed")
