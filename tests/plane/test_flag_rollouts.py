"""Variants of a flag are rolled out by the judge that judges versions, without a gateway."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from focusplane.act.action import Phase as ActionPhase
from focusplane.act.fact import Kind
from focusplane.act.incident import Stage
from focusplane.act.request import (
    AbortRollout,
    ClearControl,
    Done,
    Freeze,
    PauseRollout,
    PromoteRollout,
    Refused,
    ResumeRollout,
    SetControl,
    StartRollout,
)
from focusplane.control.flag import Lamp
from focusplane.control.rollout import Phase
from focusplane.control.state import FlagState
from focusplane.edge.sql_journal import SqlJournal
from focusplane.instrument.signal import Source
from focusplane.kernel.ids import short_id
from focusplane.kernel.tick import SECOND
from focusplane.learn.timeline import timeline
from focusplane.plane import queries
from focusplane.plane.arrival import Asked, PolicyRead
from focusplane.plane.queries.present import moving
from focusplane.plane.recover import replay
from focusplane.plane.snapshot import preserve, revive
from focusplane.testing.rig import Load, Rig

POLICY = (Path(__file__).parent / "pricing.yaml").read_text()
START = StartRollout("shop", "new", "pricing")


def rig(text: str = POLICY, flag: str = "pricing", **failing: str) -> Rig:
    shares: Mapping[str, Fraction] = {variant: Fraction(share) for variant, share in failing.items()}
    made = Rig({"shop.yaml": text})
    made.loads.append(Load("shop", failing=dict(shares), flag=flag, source=Source.APP))
    made.seconds(10)
    return made


def pricing(it: Rig) -> FlagState:
    state = it.world.board.state("shop", "flag.pricing")
    assert isinstance(state, FlagState)
    return state


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
        lamp = Lamp("shop", flag, pricing(it))
        return {f"t{n}" for n in range(100) if lamp.evaluate(f"t{n}").variant == "new"}

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


def test_one_rollout_at_a_time_also_of_another_variant_or_flag() -> None:
    it = rig(old="1/1000")
    it.ask(START)
    for ask in (START, StartRollout("shop", "newest", "pricing"), StartRollout("shop", "on", "banner")):
        refused = it.ask(ask)
        assert isinstance(refused, Refused)
        assert "a rollout of pricing=new is running" in refused.reason
        assert "focus rollout abort shop" in refused.hint


def test_a_flag_and_a_version_of_one_focus_are_not_rolled_out_at_once() -> None:
    text = (Path(__file__).parent / "checkout.yaml").read_text().replace("default: on", "default: off")
    it = Rig({"checkout.yaml": text})
    it.loads.append(Load("checkout"))
    it.seconds(10)
    assert isinstance(it.ask(StartRollout("checkout", "on", "new-pricing")), Done)
    assert isinstance(it.ask(StartRollout("checkout", "v2")), Refused)
    it.ask(AbortRollout("checkout"))
    both = (StartRollout("checkout", "v2"), StartRollout("checkout", "on", "new-pricing"))
    made = it.turn(*(Asked(str(number), "ana", ask, "admin") for number, ask in enumerate(both)))
    assert isinstance(made.answers["1"], Refused)
    assert "about to start" in made.answers["1"].reason
    it.seconds(3)
    refused = it.ask(StartRollout("checkout", "on", "new-pricing"))
    assert isinstance(refused, Refused)
    assert "a rollout of v2 is running" in refused.reason


def test_a_share_that_was_set_by_hand_or_for_a_time_must_go_before_a_rollout_begins() -> None:
    it = rig()
    some = {"variant": "new", "percentage": "10%"}
    it.ask(SetControl("shop", "flag.pricing", some, "a look"))
    refused = it.ask(START)
    assert isinstance(refused, Refused)
    assert "new has 10% already" in refused.reason
    it.ask(SetControl("shop", "flag.pricing", {"variant": "old"}, "a look", 60_000))
    refused = it.ask(START)
    assert isinstance(refused, Refused)
    assert "is set until" in refused.reason
    it.ask(ClearControl("shop", "flag.pricing"))
    assert isinstance(it.ask(START), Done)


def test_a_kill_by_hand_ends_the_rollout_and_the_kill_stays() -> None:
    it = rig(old="1/1000")
    it.ask(START)
    it.seconds(3)
    assert isinstance(
        it.ask(SetControl("shop", "flag.pricing", {"variant": "none"}, "it hurts"), by="ben"), Done
    )
    rollout = it.world.rollouts["shop"]
    assert rollout.phase is Phase.ABORTED
    assert "flag.pricing was moved by ben: it hurts" in rollout.reason
    it.seconds(20)
    assert pricing(it) == FlagState("none")
    assert [a.what for a in it.world.actions.values() if a.rollout == rollout.id] == [
        "flag.pricing: new 25%, old 75%"
    ]


def test_after_a_kill_in_the_same_moment_nobody_promotes_what_was_killed() -> None:
    it = rig(old="1/1000")
    it.ask(START)
    it.seconds(3)
    kill = SetControl("shop", "flag.pricing", {"variant": "none"}, "it hurts")
    made = it.turn(Asked("1", "ben", kill, "admin"), Asked("2", "ana", PromoteRollout("shop"), "admin"))
    assert isinstance(made.answers["2"], Refused)
    assert "is over: flag.pricing was moved by ben" in made.answers["2"].reason
    assert pricing(it) == FlagState("none")


def test_a_kill_by_a_mitigation_ends_the_rollout() -> None:
    text = POLICY.replace(
        "      mode: suggest\n      approval: {count: 1, by: operator, within: 1h}\n", "      mode: act\n"
    )
    text = text.replace("alpha: 0.05", "alpha: 0.000000001").replace("burn: 4", "burn: outage")
    it = rig(text)
    assert isinstance(it.ask(START), Done)
    it.ask(PauseRollout("shop", "the judge would go on where both fail alike"))
    it.seconds(3)
    it.loads[0].failing.update({"old": Fraction(9, 10), "new": Fraction(9, 10)})
    while it.world.rollouts["shop"].live:
        it.seconds(1)
    rollout = it.world.rollouts["shop"]
    assert rollout.phase is Phase.ABORTED, rollout.reason
    assert "moved by mitigation kill" in rollout.reason
    assert pricing(it) == FlagState("none")


def test_everybody_back_by_hand_ends_it_and_any_other_state_is_refused() -> None:
    it = rig(old="1/1000")
    it.ask(START)
    refused = it.ask(SetControl("shop", "flag.pricing", {"variant": "newest"}, "hurry"))
    assert isinstance(refused, Refused)
    assert refused.reason == "a rollout of pricing=new owns flag.pricing"
    assert refused.hint == "focus rollout abort shop"
    assert isinstance(it.ask(SetControl("shop", "flag.pricing", {"variant": "old"}, "enough")), Done)
    assert it.world.rollouts["shop"].phase is Phase.ABORTED
    assert pricing(it) == FlagState("old")


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


def policy(it: Rig, text: str) -> None:
    it.turn(PolicyRead({"shop.yaml": text}, "2026-01-01"))


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (("new: 2, ", ""), "D190"),
        (("{old: 1, ", "{"), "D107"),
        (("rollout:", "labels: {a: b}\n  runbooks: []\n---\n#"), ""),
    ],
)
def test_what_a_live_rollout_stands_on_cannot_be_edited_away(edit: tuple[str, str], code: str) -> None:
    it = rig(old="1/1000")
    it.ask(START)
    it.seconds(2)
    policy(it, POLICY.replace(*edit))
    assert it.world.policies.refused
    assert not code or it.world.policies.refused[0].code == code
    it.seconds(2)
    assert it.world.rollouts["shop"].live
    assert pricing(it).variant == "new"


def test_a_tombstone_for_the_flag_waits_until_its_rollout_is_over() -> None:
    it = rig(old="1/1000")
    it.ask(START)
    lines = [line for line in POLICY.splitlines(keepends=True) if not line.lstrip().startswith("pricing:")]
    gone = "".join(lines).replace("flag: pricing, set: none", "flag: banner, set: off")
    buried = gone + "---\napiVersion: focusplane/v1\nkind: Removed\nmetadata: {name: shop/flag.pricing}\n"
    policy(it, buried)
    it.seconds(1)
    refused = it.world.policies.refused
    assert refused, it.said(Kind.POLICY_LOADED)[-1]
    assert it.world.rollouts["shop"].live


def restarted(it: Rig) -> None:
    """The plane dies and comes up again from its bytes."""
    it.world = revive(preserve(it.world))


@pytest.mark.parametrize("bad", ["1/1000", "12/100"])
def test_a_plane_that_is_restarted_in_every_turn_says_and_does_the_same(bad: str) -> None:
    calm, shaken = rig(old="1/1000", new=bad), rig(old="1/1000", new=bad)
    for it in (calm, shaken):
        it.ask(START)
    for _ in range(100):
        calm.seconds(1)
        shaken.seconds(1)
        restarted(shaken)
    assert calm.facts == shaken.facts
    assert calm.world.rollouts == shaken.world.rollouts
    assert calm.world.rollouts["shop"].step or calm.world.rollouts["shop"].over


def test_a_replay_of_the_journal_gives_the_same_facts_and_ids(tmp_path: Path) -> None:
    it = rig(old="1/1000", new="12/100")
    it.ask(START)
    it.seconds(30)
    journal = SqlJournal(tmp_path)
    for turn in it.turns:
        journal.commit(turn)
    replayed = list(replay(journal))
    journal.close()
    assert [one.mismatch for one in replayed if one.mismatch] == []
    assert replayed[-1].world.rollouts == it.world.rollouts


def test_a_variant_that_gets_no_request_is_held_with_the_reason_and_an_end() -> None:
    it = rig(old="1/1000")
    it.loads[0].silent.add("new")
    it.ask(START)
    it.seconds(20)
    shown = queries.rollout(it.world, "shop")
    assert (shown["phase"], shown["step"]) == ("held", 0)
    assert shown["hold_reason"] == "step 1 needs 1 canary requests, there were 0"
    assert shown["hold_ends_at"] is not None
    it.seconds(200)
    assert any("somebody must promote or abort" in fact.reason for fact in it.said(Kind.ROLLOUT_HELD))
    assert it.world.rollouts["shop"].step == 0


def test_a_flag_that_no_request_evaluates_is_held_and_said_to_be_so() -> None:
    it = rig(old="1/1000", flag="banner")
    assert isinstance(it.ask(START), Done)
    it.seconds(20)
    rollout = it.world.rollouts["shop"]
    assert (rollout.phase, rollout.step) == (Phase.HELD, 0)
    assert rollout.hold_reason == "no request has evaluated flag pricing"


def test_without_telemetry_of_the_old_variant_nothing_is_promoted_and_nothing_taken_back() -> None:
    it = rig(old="1/1000", new="1/1000")
    it.ask(START)
    it.loads[0].silent.add("old")
    it.seconds(60)
    rollout = it.world.rollouts["shop"]
    assert (rollout.phase, rollout.step) == (Phase.HELD, 0)


def test_tenants_that_always_failed_are_not_held_against_their_variant() -> None:
    """A quarter of the tenants has the variant, and of the few that fail too many are among them."""
    it = rig(old="1/1000")
    flag = it.world.policies.set.focuses["shop"].controls.flags["pricing"]
    number = (
        it.world.tick.number + 61
    )  # the rollout's id, and with it who is chosen, follows from the turn it starts in
    salt = short_id("rol", "shop", "pricing", "new", number)
    lamp = Lamp("shop", flag, FlagState("new", Fraction(1, 4), "old", salt))
    chosen = [f"t{n}" for n in range(100) if lamp.evaluate(f"t{n}").variant == "new"]
    it.loads[0].failing_tenants.update(dict.fromkeys(chosen[:2], Fraction(1, 2)))
    it.seconds(60)
    it.ask(START)
    assert it.world.rollouts["shop"].id == salt
    it.seconds(20)
    rollout = it.world.rollouts["shop"]
    assert rollout.live, rollout.reason
    assert "its tenants" in it.world.verdicts["shop"].reason


QUIET = POLICY.replace("holdAtMost: 3m", "holdAtMost: 3m\n    promote: quiet").replace(
    "25%, for: 5s", "5%, for: 5s"
)


@pytest.mark.parametrize("of", ["flag", "version"])
def test_what_was_promoted_quietly_is_said_to_be_without_evidence_of_safety_everywhere(of: str) -> None:
    if of == "flag":
        it, ask = rig(QUIET, old="1/1000"), START
    else:
        it = Rig(
            {
                "checkout.yaml": (Path(__file__).parent / "checkout.yaml")
                .read_text()
                .replace("holdAtMost: 3m", "promote: quiet")
            }
        )
        it.loads.append(Load("checkout"))
        it.seconds(10)
        ask = StartRollout("checkout", "v2")
    assert isinstance(it.ask(ask), Done)
    it.turn()
    assert it.world.rollouts[ask.focus].evidence_of_safety is None
    it.seconds(40)
    shown = queries.rollout(it.world, ask.focus)
    assert (shown["phase"], shown["evidence_of_safety"]) == ("promoted", False)
    assert shown["unproven"] == "no evidence of harm, at step 1"
    assert "without evidence of safety" in shown["sentence"]
    raised = [fact for fact in it.said(Kind.ROLLOUT_MOVED) if fact.body["saw"] == "no evidence of harm"]
    assert raised
    assert all(fact.body["evidence_of_safety"] is False for fact in raised)
    assert all("without evidence of safety" in fact.reason for fact in raised)
    changes = [one["what"] for one in queries.changes(it.world, ask.focus) if "100%" in str(one["what"])]
    assert changes[0].endswith("without evidence of safety")
    assert any(
        "without evidence of safety" in line for row in moving(it.world, ask.focus) for line in row["lines"]
    )


def test_quiet_goes_on_neither_against_a_suspicion_nor_without_a_request() -> None:
    it = rig(QUIET, old="1/1000", new="12/100")
    it.ask(START)
    it.seconds(30)
    assert it.world.rollouts["shop"].phase is Phase.ROLLED_BACK
    it = rig(QUIET, old="1/1000")
    it.loads[0].silent.add("new")
    it.ask(START)
    it.seconds(60)
    assert it.world.rollouts["shop"].step == 0


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
    lamp = Lamp("shop", flag, pricing(it))
    assert {n for n in range(100) if lamp.evaluate(f"t{n}").variant == "new"} == {1, 2}
    assert queries.rollout(it.world, "shop")["sentence"].startswith("pricing=new serves t1, t2")
    it.seconds(5)
    moved = [one for one in it.world.actions.values() if one.rollout]
    assert moved[0].phase is ActionPhase.VERIFIED, moved[0].detail
    it.loads[0].failing["new"] = Fraction(1, 2)
    it.seconds(40)
    assert it.world.rollouts["shop"].phase is Phase.ROLLED_BACK
    assert pricing(it) == FlagState("old")


def test_flags_alone_are_something_that_a_mitigation_may_roll_back() -> None:
    text = POLICY.replace("when: {objective: availability, burn: 4}", "when: {canary: worse}")
    it = rig(text.replace("do: {flag: pricing, set: none}", "do: {rollout: rollback}"))
    assert not it.world.policies.refused


def test_an_incident_tells_that_the_step_before_was_raised_quietly() -> None:
    it = rig(QUIET, old="1/1000")
    it.ask(START)
    while it.world.rollouts["shop"].step == 0:
        it.seconds(1)
    it.loads[0].failing["new"] = Fraction(1, 5)
    it.seconds(40)
    (incident,) = it.world.incidents.values()
    told = timeline(incident, it.facts, it.world.actions.values()).moments
    assert any("promoted quietly, without evidence of safety" in moment.why for moment in told)
    assert any("without evidence of safety" in one.change.what for one in incident.suspects)


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
