"""Variants of a flag are rolled out by the judge that judges versions, without a gateway."""

from dataclasses import replace
from fractions import Fraction

import pytest
from tests.plane.pricing import POLICY, START, policy, pricing, rig

from focusplane.act.action import Phase as ActionPhase
from focusplane.act.fact import Kind
from focusplane.act.incident import Stage
from focusplane.act.request import (
    AbortRollout,
    Done,
    Freeze,
    Gate,
    PauseRollout,
    PromoteRollout,
    Refused,
    ResumeRollout,
    StartRollout,
)
from focusplane.control.flag import lamp_of
from focusplane.control.rollout import Phase, Rollout
from focusplane.control.state import FlagState
from focusplane.kernel.ids import short_id
from focusplane.kernel.tick import SECOND
from focusplane.plane import queries
from focusplane.plane.arrows import judge
from focusplane.testing.rig import Rig


def test_a_bad_variant_is_taken_back_and_the_rollback_is_verified() -> None:
    it = rig(old="1/1000", new="12/100")
    assert isinstance(it.ask(START), Done)
    it.seconds(30)
    rollout = it.world.rollouts["shop"]
    assert rollout.phase is Phase.ROLLED_BACK, rollout.reason
    assert "worse" in rollout.reason
    assert pricing(it) == FlagState("old")
    back = [a for a in it.world.actions.values() if a.what == "flag.pricing: old 100%"]
    assert [a.phase for a in back] == [ActionPhase.VERIFIED]
    assert "old answered" in back[0].detail


def test_the_incident_names_flag_and_variant_and_the_change_that_is_to_blame() -> None:
    it = rig(old="1/1000", new="12/100")
    it.ask(START)
    it.seconds(60)
    (incident,) = it.world.incidents.values()
    assert incident.title == "pricing=new of shop was taken back"
    assert incident.stage is Stage.RESOLVED
    assert incident.impact["version_failed"] == incident.impact["excess_failed"]
    assert incident.suspects[0].change.version == "new"
    assert [notify.title.split("[")[1] for notify in it.sent] == ["opened]", "mitigated]", "resolved]"]


def test_a_good_variant_is_promoted_on_evidence_and_stays_though_the_policy_says_otherwise() -> None:
    it = rig(old="1/1000")
    it.ask(START)
    it.seconds(200)
    rollout = it.world.rollouts["shop"]
    assert rollout.phase is Phase.PROMOTED, (rollout.phase, rollout.hold_reason)
    assert rollout.evidence_of_safety is True
    it.turn()
    assert pricing(it) == FlagState("new")
    assert it.world.board.entries["shop/flag.pricing"].overridden
    assert it.world.incidents == {}
    shown = queries.rollout(it.world, "shop")
    assert (shown["stable"], shown["declared"]) == ("new", "old")
    policy(it, POLICY.replace("default: old", "default: new"))
    assert pricing(it) == FlagState("new")
    assert queries.rollout(it.world, "shop")["declared"] == ""


def test_the_same_tenants_keep_the_variant_while_its_share_grows_and_another_try_meets_others() -> None:
    it = rig(old="1/1000")
    flag = it.world.policies.set.focuses["shop"].controls.flags["pricing"]

    def having() -> set[str]:
        lamp = lamp_of("shop", flag, pricing(it))
        return {f"t{n}" for n in range(100) if lamp.evaluate({"targetingKey": f"t{n}"}).variant == "new"}

    it.ask(START)
    first = having()
    while it.world.rollouts["shop"].step == 0:
        it.seconds(1)
    assert first < having()
    it.ask(AbortRollout("shop"))
    assert having() == set()
    it.seconds(2)
    it.ask(START)
    assert having() != first
    assert 10 < len(having()) < 40


@pytest.mark.parametrize(
    ("ask", "words", "hint"),
    [
        (StartRollout("shop", "old", "pricing"), "everybody has already", ""),
        (StartRollout("shop", "none", "pricing"), "what a kill of pricing serves", "focus control set"),
        (StartRollout("shop", "blue", "pricing"), "no variant 'blue'", "known: old, new"),
        (StartRollout("shop", "on", "prices"), "no flag 'prices'", "known: pricing, banner"),
        (StartRollout("shop", "v2"), "no rollout in steps or no traffic", "--flag KEY"),
    ],
)
def test_what_cannot_be_rolled_out_is_refused_with_a_hint(ask: StartRollout, words: str, hint: str) -> None:
    it = rig()
    refused = it.ask(ask)
    assert isinstance(refused, Refused)
    assert words in refused.reason
    assert hint in refused.hint
    assert it.said(Kind.ROLLOUT_REFUSED)[-1].reason == refused.reason


def test_a_pause_a_freeze_and_a_promotion_by_hand_are_those_of_versions() -> None:
    it = rig(old="1/1000")
    it.ask(START)
    it.seconds(2)
    assert isinstance(it.ask(PauseRollout("shop", "lunch")), Done)
    it.seconds(60)
    assert it.world.rollouts["shop"].step == 0
    it.ask(ResumeRollout("shop"))
    it.ask(Freeze("shop", "look"))
    it.seconds(3)
    assert it.world.rollouts["shop"].phase is Phase.HELD
    assert isinstance(it.ask(PromoteRollout("shop", "seen"), by="ben"), Done)
    rollout, last = it.world.rollouts["shop"], it.said(Kind.ROLLOUT_MOVED)[-1]
    assert (rollout.phase, rollout.evidence_of_safety) == (Phase.PROMOTED, False)
    assert (last.body["by"], last.body["flag"], last.body["evidence_of_safety"]) == ("ben", "pricing", False)
    assert pricing(it) == FlagState("new")


def test_tenants_that_always_failed_are_not_held_against_their_variant() -> None:
    """A quarter of the tenants has the variant, and of the few that fail too many are among them."""
    it = rig(old="1/1000")
    flag = it.world.policies.set.focuses["shop"].controls.flags["pricing"]
    number = (
        it.world.tick.number + 61
    )  # the rollout's id, and with it who is chosen, follows from the turn it starts in
    salt = short_id("rol", "shop", "pricing", "new", number)
    lamp = lamp_of("shop", flag, FlagState("new", Fraction(1, 4), "old", salt))
    chosen = [f"t{n}" for n in range(100) if lamp.evaluate({"targetingKey": f"t{n}"}).variant == "new"]
    it.loads[0].failing_tenants.update(dict.fromkeys(chosen[:2], Fraction(1, 2)))
    it.seconds(60)
    it.ask(START)
    assert it.world.rollouts["shop"].id == salt
    it.seconds(20)
    rollout = it.world.rollouts["shop"]
    assert rollout.live, rollout.reason
    assert "its tenants" in it.world.verdicts["shop"].reason


def test_a_flag_may_be_rolled_out_by_rules_of_its_own() -> None:
    own = "owner: payments, rollout: {steps: [40%, 100%], promote: quiet}}"
    text = POLICY.replace("owner: payments}\n      banner", f"{own}\n      banner")
    it = rig(text, old="1/1000")
    focus = it.world.policies.set.focuses["shop"]
    spec = focus.rollout_of("pricing")
    assert spec is not None
    assert spec.judge.slack == Fraction(1, 200)
    assert focus.rollout_of("banner") == focus.rollout
    it.ask(START)
    assert pricing(it).percentage == Fraction(2, 5)


def test_a_focus_without_rules_for_rollouts_has_them_from_the_defaults() -> None:
    head, _, tail = POLICY.partition("  rollout:\n")
    rules, _, rest = tail.partition("  alerts:")
    defaults = (
        f"---\napiVersion: focusplane/v1\nkind: Defaults\nmetadata: {{name: all}}\nspec:\n  rollout:\n{rules}"
    )
    it = rig(f"{head}  alerts:{rest}{defaults}", old="1/1000")
    assert not it.world.policies.refused
    assert isinstance(it.ask(START), Done)
    bare = rig(f"{head}  alerts:{rest}", old="1/1000")
    refused = bare.ask(START)
    assert isinstance(refused, Refused)
    assert "controls.flags.pricing.rollout" in refused.hint


def test_tenants_by_name_go_first() -> None:
    steps = "steps: [{tenants: [t1, t2], for: 5s}, {weight: 25%, for: 5s}, 100%]"
    it = rig(POLICY.replace("steps: [{weight: 25%, for: 5s}, 50%, 100%]", steps), old="1/1000")
    flag = it.world.policies.set.focuses["shop"].controls.flags["pricing"]
    it.ask(START)
    lamp = lamp_of("shop", flag, pricing(it))
    assert {n for n in range(100) if lamp.evaluate({"targetingKey": f"t{n}"}).variant == "new"} == {1, 2}
    assert queries.rollout(it.world, "shop")["sentence"].startswith("pricing=new serves t1, t2")
    it.seconds(5)
    moved = [one for one in it.world.actions.values() if one.rollout]
    assert moved[0].phase is ActionPhase.VERIFIED, moved[0].detail
    it.loads[0].failing["new"] = Fraction(1, 2)
    it.seconds(40)
    assert it.world.rollouts["shop"].phase is Phase.ROLLED_BACK
    assert pricing(it) == FlagState("old")


NAMED = POLICY.replace(
    "steps: [{weight: 25%, for: 5s}, 50%, 100%]",
    "steps: [{tenants: [t1, t2], for: 5s}, {ring: early, for: 5s}, {weight: 25%, for: 5s}, 100%]\n"
    "    rings: {early: [t3, t4, t5, t6, t7, t8]}",
).replace("slack: 0.5%", "slack: 2%")


def named(**failing: str) -> Rig:
    """The telemetry is that of our SDK, which names no tenant beside a variant."""
    it = rig(NAMED, **failing)
    it.loads[0].beside, it.loads[0].per_second = True, 2_000
    it.seconds(60)
    return it


def test_named_tenants_of_our_sdk_are_judged_and_a_variant_that_is_good_for_them_goes_on_to_everybody() -> (
    None
):
    it = named(old="1/1000")
    it.ask(START)
    exposed: list[str] = []
    for _ in range(200):
        it.seconds(1)
        now = queries.rollout(it.world, "shop")["weight_text"]
        if not exposed or exposed[-1] != now:
            exposed.append(now)
    assert it.world.rollouts["shop"].phase is Phase.PROMOTED, it.world.rollouts["shop"].hold_reason
    all_of_them = "t1, t2, t3, t4, t5 and 3 more"
    assert exposed == ["t1, t2", all_of_them, f"25% and {all_of_them}", "100%"]


def test_what_fails_the_named_tenants_of_our_sdk_is_taken_back_from_them() -> None:
    it = named(old="1/1000", new="20/100")
    it.ask(START)
    it.seconds(30)
    rollout = it.world.rollouts["shop"]
    assert (rollout.phase, rollout.step) == (Phase.ROLLED_BACK, 0), rollout.hold_reason
    assert "against other tenants" in rollout.reason
    errors = next(one for one in it.world.verdicts["shop"].metrics if one.metric == "errors")
    assert errors.canary_total
    assert errors.baseline_total
    assert pricing(it) == FlagState("old")


def test_named_tenants_of_our_sdk_count_for_nothing_once_chance_decides_for_the_others() -> None:
    """They fail by themselves: that is not held against those whom chance has chosen."""
    it = named(old="1/1000")
    it.ask(START)
    for _ in range(60):
        it.seconds(1)
        if it.world.rollouts["shop"].step == 2:
            break
    it.seconds(1)
    it.loads[0].failing_tenants.update({f"t{number}": Fraction(1, 2) for number in range(1, 9)})
    it.seconds(4)
    counts = {"(by name)" in stratum: row for stratum, row in it.world.evidence["shop"].strata}
    assert counts[True][1] > 100, "they fail"
    assert counts[True][2] == 0, "nobody of them has the old variant"
    assert counts[False][1] < 10
    assert counts[False][2] > 1_000
    assert it.world.rollouts["shop"].phase is Phase.PROMOTED, it.world.rollouts["shop"].reason


def test_whom_another_flag_service_chose_is_not_guessed_by_our_hash() -> None:
    """Else failures of tenants who never had the variant would excuse it."""
    driven = POLICY.replace(
        "percentage: 0%, ", "driver: {unleash: {environment: production, name: banner}}, "
    )
    for text, known in ((POLICY, True), (driven, False)):
        focus = rig(text).world.policies.set.focuses["shop"]
        assert focus.rollout is not None
        steps = focus.rollout.steps
        rollout = Rollout("shop", "rol-1", "on", "off", steps, Phase.STEPPING, flag="banner")
        assert (judge._assigned(focus, rollout) is not None) is known


def test_flags_alone_are_something_that_a_mitigation_may_roll_back() -> None:
    text = POLICY.replace("when: {objective: availability, burn: 4}", "when: {canary: worse}")
    it = rig(text.replace("do: {flag: pricing, set: none}", "do: {rollout: rollback}"))
    assert not it.world.policies.refused


def test_every_step_is_on_the_ledger_of_changes() -> None:
    it = rig(old="1/1000")
    it.ask(START)
    it.seconds(2)
    it.ask(AbortRollout("shop", "enough"), by="ben")
    kinds = [(one["kind"], one["what"], one["by"]) for one in queries.changes(it.world, "shop")]
    assert kinds[0] == ("flag", "flag.pricing: old 100%", "ben")
    assert kinds[1] == ("rollout", "flag.pricing: new 25%, old 75%", "ana")


def test_a_flag_that_is_read_by_others_than_the_sdk_is_confirmed_by_what_requests_were_served() -> None:
    it = rig(old="1/1000")
    it.deaf = True
    it.world = replace(it.world, nodes={})
    it.ask(START)
    it.seconds(15)
    first = next(iter(it.world.actions.values()))
    assert first.phase is ActionPhase.VERIFIED
    assert it.sent == []


def test_what_a_rollout_cost_is_counted_until_it_was_taken_back() -> None:
    it = rig(old="1/1000", new="3/100")
    it.ask(START)
    it.seconds(60)
    rollout, price = it.world.rollouts["shop"], queries.rollout(it.world, "shop")["price"]
    assert rollout.ended_at > rollout.step_since + 2 * SECOND
    verdict = it.world.verdicts["shop"]
    assert price["failures"] >= verdict.metrics[0].canary_bad
    assert price["until"] - price["since"] > rollout.ended_at - rollout.started_at


def test_the_gate_of_a_flag_asks_by_the_rules_that_it_has_of_its_own() -> None:
    own = "owner: payments, rollout: {steps: [40%, 100%], freeze: {budgetBelow: 100%}}}"
    it = rig(POLICY.replace("owner: payments}\n      banner", f"{own}\n      banner"), old="1/100")
    whole, flag, unknown = (it.ask(Gate("shop", key)) for key in ("", "pricing", "prices"))
    assert isinstance(whole, Done)
    assert whole.body["allow"] is True
    assert isinstance(flag, Done)
    assert flag.body["allow"] is False
    assert "of the error budget is left, below 100%" in flag.reason
    assert isinstance(unknown, Refused)
    assert unknown.hint == "known: pricing, banner"
