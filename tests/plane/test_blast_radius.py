"""One bad source must not move everything: how many focuses are acted on at about the same time (N13)."""

from fractions import Fraction

import pytest

from focusplane.control.state import FlagState
from focusplane.kernel.tick import MINUTE
from focusplane.testing.rig import Load, Rig

FOCUS = """
---
apiVersion: focusplane/v1
kind: Focus
metadata: {name: %s}
spec:
  owner: payments
  objectives:
    - {name: availability, target: 99.9%%, window: 30d, sli: {bad: {status: 5xx}}}
  controls: {flags: {beta: {variants: {"on": true, "off": false}, default: "on", off: "off", owner: payments, expires: 2099-12-31}}}
  mitigations: [{name: kill, when: {objective: availability, burn: 4}, do: {flag: beta, set: "off"}, mode: act, cooldown: 1h}]
"""
TEAM = """
---
apiVersion: focusplane/v1
kind: Team
metadata: {name: payments}
spec: {channels: {pager: {url: "env:PAGER"}}}
"""
DEFAULTS = """
---
apiVersion: focusplane/v1
kind: Defaults
metadata: {name: all}
spec: {mostOthers: %d}
"""
NAMES = tuple("abcde")


def killed(most: str) -> tuple[Rig, int]:
    """All fail at the same time; how many lose their flag."""
    it = Rig({"shop.yaml": "".join(FOCUS % name for name in NAMES) + TEAM + most})
    it.loads.extend(Load(name, per_second=20, tenants=5) for name in NAMES)
    it.seconds(120)
    for load in it.loads:
        load.failing[""] = Fraction(1)
    it.seconds(30)
    return it, off(it)


def off(it: Rig) -> int:
    return sum(it.world.board.state(name, "flag.beta") == FlagState("off") for name in NAMES)


@pytest.mark.parametrize(
    ("most", "moved"), [("", 3), (DEFAULTS % 1, 1), (DEFAULTS % 2, 2), (DEFAULTS % 9, 5)]
)
def test_so_many_focuses_are_acted_on_as_the_policy_says(most: str, moved: int) -> None:
    assert killed(most)[1] == moved


def test_what_was_held_back_is_acted_on_once_there_is_room_again() -> None:
    it, _ = killed(DEFAULTS % 2)
    it.seconds(5 * MINUTE // 1000)
    assert off(it) == 4
