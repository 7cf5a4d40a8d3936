"""A flag that lives in a real Unleash is moved there, read back, and set back where a hand moved it."""

import pytest
from tests.system.postgres import INSTALL
from tests.system.town import Town, until
from tests.system.unleash import ADMIN, unleash

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


@pytest.mark.requires_server("npm", "apt-get install npm")
@pytest.mark.requires_server("initdb", INSTALL)
def test_a_kill_and_a_percentage_reach_a_real_unleash_and_what_a_hand_moves_is_told_and_set_back(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    (town.policies / "lab.yaml").write_text(POLICY)
    monkeypatch.setenv("UNLEASH_TOKEN", ADMIN)
    with unleash(town.root) as there:
        there.create("fast-lab")
        there.turn("fast-lab", "on")
        before = there.environment("fast-lab")
        town.start_plane("--unleash-url", there.url, "--unleash-token", "env:UNLEASH_TOKEN")
        until(lambda: town.node("flag-drivers"), "it was looked at")
        assert there.environment("fast-lab") == before, "what nobody moved stays as it was"
        town.focus("flag", "set", "lab", "fast", "on", "--percentage", "25%", "--reason", "first customers")
        until(lambda: there.share("fast-lab") == "25", "a quarter gets it")
        town.focus("flag", "kill", "lab", "fast", "--reason", "it hurts")
        until(lambda: there.share("fast-lab") == "off", "the kill arrives")
        town.focus("flag", "set", "lab", "fast", "on", "--reason", "mended")
        until(lambda: there.share("fast-lab") == "100", "everybody gets it")
        there.turn("fast-lab", "off")
        until(lambda: there.share("fast-lab") == "100", "what a hand moved is set back")
