"""A random walk over a whole plane: whatever people, versions, gateways and policies do, the promises hold."""

from dataclasses import fields
from fractions import Fraction
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from focusplane.act.action import OPEN, Phase
from focusplane.act.fact import Kind
from focusplane.act.incident import LIVE
from focusplane.act.request import (
    AbortRollout,
    Approve,
    ClearControl,
    Deny,
    Freeze,
    PauseRollout,
    PromoteRollout,
    Request,
    ResolveIncident,
    ResumeRollout,
    SetControl,
    StartRollout,
    Undo,
    Unfreeze,
)
from focusplane.control.rollout import Saw
from focusplane.control.state import FlagState, TrafficState
from focusplane.plane.arrival import PolicyRead
from focusplane.plane.recover import empty
from focusplane.plane.snapshot import preserve, revive
from focusplane.plane.step import step
from focusplane.plane.world import World
from focusplane.testing.rig import Load, Rig

POLICY = (
    (Path(__file__).parent / "checkout.yaml")
    .read_text()
    .replace("      mode: act\n", "      mode: act\n      cooldown: 20s\n")
    .replace("{weight: 5%, for: 5s}, 25%", "{weight: 25%, for: 5s}")
    .replace("slack: 0.5%", "slack: 5%")
    .replace("holdAtMost: 3m", "holdAtMost: 20s\n    then: promote")
)
ASK = POLICY.replace("mode: act", "mode: suggest")
QUIET = POLICY.replace("    then: promote", "    promote: quiet")
CONTAIN = POLICY.replace("{flag: new-pricing, set: off}", "{throttle: 10/s, for: 30s}")
TEXTS = (POLICY, ASK, QUIET, CONTAIN, "kind: Nonsense", "")
SHARES = (Fraction(0), Fraction(1, 1000), Fraction(1, 5), Fraction(1))
BY_PEOPLE = frozenset({Saw.PROMOTED_BY_HAND, Saw.ABORTED_BY_HAND, Saw.RESUMED, Saw.PAUSED, Saw.STARTED})
RAISING = frozenset({"evidence of safety", "hold over, then promote"})
WAITS = frozenset({Phase.AWAITING_APPROVAL, *OPEN})
ENDS = frozenset({*Phase} - {Phase.PLANNED, Phase.READY} - WAITS)

requests: st.SearchStrategy[Request] = st.sampled_from(
    [
        StartRollout("checkout", "v2"),
        StartRollout("checkout", "v1"),
        StartRollout("checkout", "v2"),
        PauseRollout("checkout"),
        ResumeRollout("checkout"),
        PromoteRollout("checkout"),
        AbortRollout("checkout"),
        Freeze(),
        Unfreeze(),
        Freeze("checkout", "night"),
        Unfreeze("checkout"),
        SetControl("checkout", "throttle", {"rate": "5/s"}, "flood", 20_000),
        SetControl("checkout", "flag.new-pricing", {"variant": "off"}, "complaints"),
        SetControl("checkout", "traffic", {"weights": {"v1": "40%", "v2": "60%"}}, "by hand"),
        ClearControl("checkout", "throttle"),
        ClearControl("checkout", "flag.new-pricing"),
    ]
)


class Walk(RuleBasedStateMachine):
    @initialize(text=st.sampled_from(TEXTS[:4]), fails=st.sampled_from(SHARES), silent=st.booleans())
    def begin(self, text: str, fails: Fraction, silent: bool) -> None:
        """A rollout has begun, so that a short walk gets somewhere."""
        self.it = Rig({"checkout.yaml": text})
        self.it.loads.append(Load("checkout", per_second=100, tenants=20, failing={"v2": fails}))
        self.it.loads[0].silent |= {"v2"} if silent else set()
        self.it.seconds(3)
        self.it.ask(StartRollout("checkout", "v2"))
        self.it.turn()
        self.generations: dict[str, int] = {}
        self.looked_at = 0
        self.killed_at: int | None = None

    @rule(count=st.sampled_from([1, 6, 25, 45]))
    def time_passes(self, count: int) -> None:
        self.it.seconds(count)

    @rule(count=st.sampled_from([6, 25]))
    def more_time_passes(self, count: int) -> None:
        self.it.seconds(count)

    @rule(ms=st.sampled_from([0, 80, 500]))
    def a_short_turn(self, ms: int) -> None:
        self.it.turn(after_ms=ms)

    @rule(request=requests, by=st.sampled_from(["ana", "ben"]), then=st.sampled_from([0, 3, 12]))
    def somebody_asks(self, request: Request, by: str, then: int) -> None:
        self.it.ask(request, by)
        self.it.seconds(then)

    @precondition(lambda self: self.it.world.actions)
    @rule(
        choice=st.integers(0, 9),
        what=st.sampled_from([Approve, Deny, Undo]),
        by=st.sampled_from(["ana", "ben"]),
    )
    def somebody_answers(self, choice: int, what: type, by: str) -> None:
        keys = [*self.it.world.actions]
        self.it.ask(what(keys[-1 - choice % len(keys)]), by)

    @precondition(lambda self: self.it.world.incidents)
    @rule()
    def somebody_resolves(self) -> None:
        self.it.ask(ResolveIncident([*self.it.world.incidents][-1]))

    @rule(version=st.sampled_from(["v1", "v2"]), share=st.sampled_from(SHARES))
    def a_version_fails(self, version: str, share: Fraction) -> None:
        self.it.loads[0].failing[version] = share

    @rule(version=st.sampled_from(["v1", "v2"]), silent=st.booleans())
    def a_version_falls_silent(self, version: str, silent: bool) -> None:
        (self.it.loads[0].silent.add if silent else self.it.loads[0].silent.discard)(version)

    @rule(deaf=st.booleans(), astray=st.booleans(), ready=st.booleans())
    def the_outside_changes(self, deaf: bool, astray: bool, ready: bool) -> None:
        self.it.deaf = deaf
        self.it.really = {"v2": Fraction(1)} if astray else {}
        self.it.ready = {} if ready else {"v2": "no connection"}

    @rule(text=st.sampled_from(TEXTS))
    def a_policy_is_edited(self, text: str) -> None:
        self.it.turn(PolicyRead({"checkout.yaml": text}, "2026-01-01"))

    @invariant()
    def weights_sum_to_one_and_never_jump_over_a_declared_step(self) -> None:
        state = self.it.world.board.state("checkout", "traffic")
        assert isinstance(state, TrafficState)
        assert sum(state.weights.values()) == 1
        rollout = self.it.world.rollouts.get("checkout")
        if rollout is not None and rollout.live:
            assert state.weights == rollout.traffic.weights
        last: dict[str, int] = {}
        for fact in self.it.said(Kind.ROLLOUT_MOVED):
            moved = int(str(fact.body["step"])) - last.get(fact.subject, 0)
            assert moved == 0 or (moved == 1 and fact.body["saw"] in RAISING)
            last[fact.subject] = int(str(fact.body["step"]))

    @invariant()
    def no_weight_is_raised_without_requests_at_that_step_nor_while_frozen(self) -> None:
        turns = self.it.turns[self.looked_at :]
        self.looked_at = len(self.it.turns)
        frozen = bool(self.it.world.frozen)
        for turn in turns[-1:] if frozen else ():
            asked = any(fact.kind is Kind.ASKED for fact in turn.facts)
            decided = [fact for fact in turn.facts if fact.kind is Kind.DECIDED]
            assert asked or not decided, decided
        for fact in (one for turn in turns for one in turn.facts if one.kind is Kind.ROLLOUT_MOVED):
            if fact.body["saw"] in RAISING:
                assert int(str(fact.body["canary_requests"])) > 0

    @invariant()
    def generations_only_grow(self) -> None:
        for key, entry in self.it.world.board.entries.items():
            assert entry.generation >= self.generations.get(key, 0)
            self.generations[key] = entry.generation

    @invariant()
    def a_containment_has_an_end_and_is_gone_by_it(self) -> None:
        entry = self.it.world.board.entries["checkout/throttle"]
        if entry.overridden:
            assert entry.expires_at is not None
            assert entry.expires_at > self.it.at

    @invariant()
    def a_killed_flag_stays_killed_until_a_person_says_otherwise(self) -> None:
        off = self.it.world.board.state("checkout", "flag.new-pricing") == FlagState("off")
        if self.killed_at is not None and not off:
            later = [fact for turn in self.it.turns[self.killed_at :] for fact in turn.facts]
            by_people = ("ClearControl", "Undo", "SetControl")
            assert any(fact.kind is Kind.ASKED and fact.subject in by_people for fact in later)
        self.killed_at = (self.killed_at or len(self.it.turns)) if off else None

    @invariant()
    def one_incident_is_live_for_each_episode(self) -> None:
        live = [one.episode for one in self.it.world.incidents.values() if one.stage in LIVE]
        assert len(live) == len(set(live))

    @invariant()
    def every_action_has_ended_or_waits_for_something_named(self) -> None:
        for action in self.it.world.actions.values():
            assert action.phase in ENDS | WAITS
            if action.phase is Phase.AWAITING_APPROVAL:
                assert self.it.at < action.approve_by
            if action.phase in OPEN:
                assert action.detail
            if action.phase is Phase.APPLIED:
                assert self.it.at <= action.verify_by

    def teardown(self) -> None:
        if not hasattr(self, "it"):
            return
        world = empty()
        for turn in self.it.turns:
            made = step(world, turn.arrivals, turn.tick)
            world = made.world
            assert made.facts == turn.facts
        assert differences(world, self.it.world) == []
        assert differences(revive(preserve(world)), self.it.world) == []


def differences(one: World, other: World) -> list[str]:
    frozen = [f.name for f in fields(World) if f.name not in ("counters", "seen")]
    found = [name for name in frozen if getattr(one, name) != getattr(other, name)]
    return found + ([] if one.counters.state() == other.counters.state() else ["counters"])


TestWalk = Walk.TestCase
TestWalk.settings = settings(
    max_examples=30,
    stateful_step_count=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
