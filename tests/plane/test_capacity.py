"""So many instances are ready before each step; a new version during a rollout replaces it only if that is said."""

from fractions import Fraction
from pathlib import Path

import pytest

from focusplane.act.fact import Kind
from focusplane.act.request import Done, Refused, StartRollout
from focusplane.control.rollout import Phase
from focusplane.define.load import load
from focusplane.testing.rig import Load, Rig

POLICY = (Path(__file__).parent / "checkout.yaml").read_text()
TWO = POLICY.replace("v2: [127.0.0.1:9102]", "v2: [127.0.0.1:9102, 127.0.0.1:9103, 127.0.0.1:9104]").replace(
    "v1: [127.0.0.1:9101]", "v1: [127.0.0.1:9101, 127.0.0.1:9111], v3: [127.0.0.1:9121, 127.0.0.1:9122]"
)
TWO = TWO.replace("{weight: 5%, for: 5s}, 25%, 50%", "25%, 50%").replace(
    "holdAtMost: 3m", "holdAtMost: 3m\n    minInstances: 2"
)


def rig(text: str = TWO) -> Rig:
    made = Rig({"checkout.yaml": text})
    made.loads.append(Load("checkout", per_second=400, failing={"v1": Fraction(1, 1000)}))
    made.seconds(10)
    return made


def test_a_rollout_begins_with_enough_instances_although_one_is_down() -> None:
    it = rig()
    it.down.add("127.0.0.1:9104")
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(2)
    assert it.world.rollouts["checkout"].live


def test_with_too_few_it_does_not_begin() -> None:
    it = rig()
    it.down.update({"127.0.0.1:9103", "127.0.0.1:9104"})
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(2)
    assert "checkout" not in it.world.rollouts
    assert "not ready" in it.world.refusals["checkout"].reason


def test_a_step_waits_until_so_many_are_ready_again() -> None:
    it = rig()
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(2)
    it.down.update({"127.0.0.1:9103", "127.0.0.1:9104"})
    it.seconds(60)
    rollout = it.world.rollouts["checkout"]
    assert (rollout.phase, rollout.step) == (Phase.HELD, 0)
    assert (
        "the next step needs 2 instances of v2, 1 ready: 127.0.0.1:9103: no connection" in rollout.hold_reason
    )
    it.down.clear()
    it.seconds(60)
    assert it.world.rollouts["checkout"].phase is Phase.PROMOTED


def test_a_promotion_needs_its_instances_too() -> None:
    it = rig()
    it.ask(StartRollout("checkout", "v2"))
    while it.world.rollouts.get("checkout") is None or it.world.rollouts["checkout"].step == 0:
        it.seconds(1)
    it.down.update({"127.0.0.1:9102", "127.0.0.1:9103", "127.0.0.1:9104"})
    it.seconds(60)
    assert it.world.rollouts["checkout"].phase is Phase.HELD


def test_a_version_with_fewer_instances_than_a_step_asks_for_is_refused_at_the_door() -> None:
    found = load({"a.yaml": TWO.replace("minInstances: 2", "minInstances: 3")}).problems
    assert [one.what for one in found if one.code == "D253"] == [
        "v1 has 2 of the 3 instances that each step asks for",
        "v3 has 2 of the 3 instances that each step asks for",
    ]


def test_a_new_version_during_a_rollout_is_refused_unless_it_is_to_replace_it() -> None:
    it = rig()
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(3)
    first = it.world.rollouts["checkout"].id
    refused = it.ask(StartRollout("checkout", "v3"))
    assert isinstance(refused, Refused)
    assert "--replace" in refused.hint
    assert isinstance(it.ask(StartRollout("checkout", "v3", replace=True)), Done)
    moved = it.said(Kind.ROLLOUT_MOVED)[-1]
    assert (moved.subject, moved.body["phase"], moved.reason) == (first, "aborted", "replaced by v3")
    it.seconds(2)
    rollout = it.world.rollouts["checkout"]
    assert (rollout.version, rollout.stable) == ("v3", "v1")
    assert rollout.live


@pytest.mark.parametrize("version", ["v9", "v1", "v2"])
def test_what_cannot_replace_it_leaves_it_as_it_is(version: str) -> None:
    it = rig()
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(3)
    assert isinstance(it.ask(StartRollout("checkout", version, replace=True)), Refused)
    assert it.world.rollouts["checkout"].live
