"""Versions of several focuses that begin together, go on together, and are taken back together."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from focusplane.act.fact import Kind
from focusplane.act.request import (
    AbortRollout,
    Done,
    PauseRollout,
    PromoteRollout,
    Refused,
    ResumeRollout,
    StartRollout,
    StartTogether,
)
from focusplane.control.release import Stage
from focusplane.control.rollout import Phase
from focusplane.observe.verdict import Ruling
from focusplane.plane import queries
from focusplane.plane.arrival import Asked
from focusplane.plane.arrows import agreement
from focusplane.plane.draft import Draft
from focusplane.testing.rig import Load, Rig

POLICY = (
    (Path(__file__).parent / "checkout.yaml")
    .read_text()
    .replace("{weight: 5%, for: 5s}, 25%, 50%", "25%, 50%")
)
LEDGER = (
    POLICY.partition("---")[0]
    .replace("name: checkout", "name: ledger")
    .replace("127.0.0.1:9", "127.0.0.1:8")
    .replace("127.0.0.1:10000", "127.0.0.1:10001")
    .replace("service: payment", "service: ledger")
)
BOTH = StartTogether({"ledger": "v2", "checkout": "v2"}, "one schema")


def rig(text: str = LEDGER, rate: int = 400, **failing: str) -> Rig:
    made = Rig({"checkout.yaml": POLICY, "ledger.yaml": text})
    for name in ("checkout", "ledger"):
        shares = {"v1": Fraction(1, 1000), "v2": Fraction(failing.get(name, "1/1000"))}
        made.loads.append(Load(name, per_second=rate, failing=shares))
    made.seconds(10)
    return made


def phases(it: Rig) -> dict[str, Phase]:
    return {name: one.phase for name, one in it.world.rollouts.items()}


def stage(it: Rig) -> Stage:
    (release,) = it.world.releases.values()
    return release.stage


def test_good_versions_go_on_step_by_step_together_and_are_promoted_in_one_turn() -> None:
    it = rig()
    answer = it.ask(BOTH)
    assert isinstance(answer, Done)
    steps: set[tuple[int, ...]] = set()
    for _ in range(120):
        it.seconds(1)
        steps.add(tuple(one.step for one in it.world.rollouts.values()))
    assert stage(it) is Stage.PROMOTED
    assert all(len(set(each)) <= 1 for each in steps)
    assert phases(it) == {"ledger": Phase.PROMOTED, "checkout": Phase.PROMOTED}
    ends = [fact.at for fact in it.said(Kind.ROLLOUT_MOVED) if fact.body["phase"] == "promoted"]
    assert len(ends) == 2
    assert len(set(ends)) == 1


def test_one_that_is_safe_waits_for_the_other() -> None:
    it = rig()
    it.loads[1].per_second = 2
    it.ask(BOTH)
    it.seconds(40)
    assert [one.step for one in it.world.rollouts.values()] == [0, 0]
    assert any("safe by itself; it waits for ledger" in fact.reason for fact in it.said(Kind.ROLLOUT_HELD))


@pytest.mark.parametrize("seconds", [15, 40])
def test_the_status_of_one_that_is_safe_says_whom_it_waits_for_and_why_that_one_is_not(seconds: int) -> None:
    """At first it was held for a lack of evidence itself."""
    it = rig(LEDGER, rate=40)
    it.loads[1].per_second = 2
    it.ask(BOTH)
    it.seconds(5)
    assert "not yet shown" in str(queries.rollout(it.world, "checkout")["sentence"])
    it.loads[0].per_second = 400
    it.seconds(seconds)
    (release,) = it.world.releases
    for shown in (queries.rollout(it.world, "checkout"), queries.release(it.world, release)["rollouts"][1]):
        for said in (shown["sentence"], shown["reason"]):
            assert "safe by itself; it waits for ledger (" in said
            assert "not yet shown to be safe" not in said.partition("it waits for ledger (")[0]
    assert "waits for" not in queries.rollout(it.world, "ledger")["sentence"]


def test_only_the_member_that_is_not_safe_asks_for_a_person() -> None:
    it = rig(LEDGER.replace("holdAtMost: 3m", "holdAtMost: 10s"))
    it.loads[1].per_second = 2
    it.ask(BOTH)
    it.seconds(45)
    asks = {name: one.hold_reason or one.waits for name, one in it.world.rollouts.items()}
    assert "somebody must promote or abort it" in asks["ledger"]
    assert asks["checkout"].startswith("safe by itself; it waits for ledger (held for")
    assert "somebody must" not in asks["checkout"]


def test_a_member_whose_own_tenants_explain_its_failures_takes_nobody_back() -> None:
    it = rig()
    it.ask(BOTH)
    it.seconds(3)
    verdict = it.world.verdicts["checkout"]
    held = replace(verdict, ruling=Ruling.HOLD, e_regress=1e6, reason="suspicious: its tenants always failed")
    release = next(iter(it.world.releases.values()))
    draft = Draft(it.world, it.world.tick).put("verdicts", "checkout", held)
    assert agreement._harm(draft, release) == ""
    back = draft.put("verdicts", "checkout", replace(held, ruling=Ruling.ROLLBACK))
    assert "most of it from checkout" in agreement._harm(back, release)


def test_harm_of_one_takes_all_back_in_the_reverse_order() -> None:
    it = Rig({"checkout.yaml": POLICY, "ledger.yaml": LEDGER})
    for name, share in (("checkout", Fraction(1, 1000)), ("ledger", Fraction(1, 5))):
        it.loads.append(Load(name, failing={"v1": Fraction(1, 1000), "v2": share}))
    it.seconds(10)
    it.ask(BOTH)
    it.seconds(20)
    assert phases(it) == {"ledger": Phase.ROLLED_BACK, "checkout": Phase.ROLLED_BACK}
    assert stage(it) is Stage.TAKEN_BACK
    back = [f for f in it.said(Kind.ROLLOUT_MOVED) if f.body["phase"] == "rolled-back"]
    assert [fact.focus for fact in back] == ["checkout", "ledger"]
    assert "worse over all 2 members" in back[0].reason
    assert "most of it from ledger" in back[0].reason


def test_when_one_is_not_ready_nobody_begins() -> None:
    it = Rig({"checkout.yaml": POLICY, "ledger.yaml": LEDGER.replace("v2:", "v3:")})
    for name in ("checkout", "ledger"):
        it.loads.append(Load(name))
    it.seconds(10)
    it.ready["v3"] = "no connection"
    it.ask(StartTogether({"checkout": "v2", "ledger": "v3"}))
    it.seconds(3)
    assert it.world.rollouts == {}
    assert it.world.waiting == {}
    assert stage(it) is Stage.REFUSED
    assert it.world.refusals["checkout"].reason.startswith("together: ledger: v3 is not ready")


@pytest.mark.parametrize("name", ["checkout", "ledger"])
def test_who_aborts_one_aborts_all(name: str) -> None:
    it = rig()
    it.ask(BOTH)
    it.seconds(3)
    it.ask(AbortRollout(name, "enough"))
    it.seconds(1)
    assert phases(it) == {"ledger": Phase.ABORTED, "checkout": Phase.ABORTED}
    assert stage(it) is Stage.TAKEN_BACK


def test_called_off_while_the_destinations_are_asked_nobody_begins() -> None:
    it = rig()
    it.turn(Asked("a", "ana", BOTH, "admin"), Asked("b", "ana", AbortRollout("ledger"), "admin"))
    it.seconds(3)
    assert it.world.rollouts == {}
    assert it.world.waiting == {}


def test_a_pause_of_one_holds_all_where_they_are() -> None:
    it = rig()
    it.ask(BOTH)
    it.seconds(2)
    it.ask(PauseRollout("ledger", "lunch"))
    it.seconds(40)
    paused = queries.rollout(it.world, "ledger")
    assert ("lunch" in paused["reason"], "lunch" in paused["sentence"]) == (True, True)
    assert [one.step for one in it.world.rollouts.values()] == [0, 0]
    it.ask(ResumeRollout("ledger"))
    it.seconds(100)
    assert stage(it) is Stage.PROMOTED


def test_a_promotion_by_hand_is_one_of_all() -> None:
    it = rig()
    it.ask(BOTH)
    it.seconds(2)
    assert isinstance(it.ask(PromoteRollout("checkout", "we know it")), Done)
    assert phases(it) == {"ledger": Phase.PROMOTED, "checkout": Phase.PROMOTED}


def test_what_cannot_go_together_is_refused_as_a_whole() -> None:
    it = rig()
    for members, said in (
        ({"checkout": "v2"}, "2 to 20 members"),
        ({f"f{n}": "v2" for n in range(21)}, "2 to 20 members"),
        ({"checkout": "v2", "nothing": "v2"}, "there is no focus 'nothing'"),
        ({"checkout": "v2", "ledger": "v9"}, "ledger: ledger has no version 'v9'"),
    ):
        answer = it.ask(StartTogether(members))
        assert isinstance(answer, Refused)
        assert said in answer.reason
    it.ask(StartRollout("ledger", "v2"))
    it.seconds(2)
    answer = it.ask(BOTH)
    assert isinstance(answer, Refused)
    assert it.world.waiting == {}


def test_steps_that_do_not_match_are_refused() -> None:
    it = Rig({"checkout.yaml": POLICY, "ledger.yaml": LEDGER.replace("25%, 50%, 100%", "50%, 100%")})
    answer = it.ask(BOTH)
    assert isinstance(answer, Refused)
    assert "the same number of steps" in answer.reason or "cannot be seen" in answer.reason


def test_a_member_that_is_too_costly_takes_all_back_although_nothing_is_proved() -> None:
    costly = LEDGER.replace("slack: 0.5%", "slack: 30%, budgetShare: 0.0001%")
    it = rig(costly, rate=2_000, ledger="1/10")
    it.ask(BOTH)
    it.seconds(30)
    assert phases(it) == {"ledger": Phase.ROLLED_BACK, "checkout": Phase.ROLLED_BACK}
    assert "ledger: too costly" in it.world.rollouts["checkout"].reason
