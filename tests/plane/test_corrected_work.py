"""Planned work that is cut, prolonged or renamed while it is under way, and corrections of what is no more."""

import pytest

from focusplane.act.correction import Correction
from focusplane.act.request import Correct, Done
from focusplane.kernel.tick import HOUR, MINUTE, SECOND
from focusplane.plane.arrival import PolicyRead
from focusplane.testing.rig import START, Load, Rig

POLICY = """\
apiVersion: focusplane/v1
kind: Focus
metadata: {name: checkout}
spec:
  owner: payments
  boundary: [{service: payment}]
  objectives:
    - {name: availability, target: 99%, window: 30d, sli: {bad: {status: 5xx}}}
---
apiVersion: focusplane/v1
kind: Team
metadata: {name: payments}
spec: {members: [ana@example.org]}
"""
WORK = """
apiVersion: focusplane/v1
kind: Calendar
metadata: {name: backup}
spec:
  focuses: [checkout]
  windows: [{start: 2026-01-01T00:02, for: 4m}]
  reason: backup of the ledger
  author: ana@example.org
  expires: 2026-03-31
  budget: exclude
"""


def rig(*more: str) -> Rig:
    it = Rig({"checkout.yaml": POLICY, **{f"{n}.yaml": text for n, text in enumerate(more)}})
    assert not it.world.policies.refused
    it.loads.append(Load("checkout", per_second=10, tenants=5))
    return it


def edited(it: Rig, policy: str, *more: str) -> None:
    files = {"checkout.yaml": policy, **{f"{n}.yaml": text for n, text in enumerate(more)}}
    it.turn(PolicyRead(files, "2026-01-01"))
    assert not it.world.policies.refused


def left_out(it: Rig) -> int:
    """Seconds of the first ten minutes that are no part of any window."""
    return it.world.counters.left_out("checkout", "availability", START, START + 10 * MINUTE) // SECOND


def live(it: Rig) -> list[Correction]:
    return [one for one in it.world.corrections.values() if one.live]


@pytest.mark.parametrize(("lasts", "seconds"), [("3m", 180), ("4m", 240), ("6m", 360), ("90s", 120)])
def test_work_whose_end_is_moved_while_it_is_under_way_is_left_out_up_to_the_new_end(
    lasts: str, seconds: int
) -> None:
    it = rig(WORK)
    it.seconds(239)
    edited(it, POLICY, WORK.replace("for: 4m", f"for: {lasts}"))
    it.seconds(301)
    assert left_out(it) == seconds


def test_a_correction_of_an_objective_that_is_renamed_is_one_of_its_new_name() -> None:
    it = rig()
    it.seconds(30)
    wish = Correct("checkout", START, START + 10 * SECOND, "exclude", "load test", "availability")
    assert isinstance(it.ask(wish), Done)
    edited(it, POLICY.replace("name: availability", "name: success"))
    it.seconds(2)
    assert [one.objective for one in live(it)] == ["success"]
    assert it.world.counters.left_out("checkout", "success", START, START + HOUR) == 10 * SECOND


def test_a_correction_of_an_objective_that_is_gone_ends_and_says_why() -> None:
    it = rig()
    it.seconds(30)
    wish = Correct("checkout", START, START + 10 * SECOND, "exclude", "load test", "availability")
    assert isinstance(it.ask(wish), Done)
    edited(it, POLICY.replace("name: availability", "name: server").replace("5xx", "503"))
    it.seconds(2)
    assert not live(it)
    assert [one.ended_why for one in it.world.corrections.values()] == [
        "what it corrected is counted no more"
    ]
