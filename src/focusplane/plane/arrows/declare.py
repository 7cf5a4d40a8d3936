"""What is declared: the plane's identity and its policies; last good set wins, what vanishes is held (N16)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from focusplane.act import incident as incidents
from focusplane.act.change import ChangeEvent
from focusplane.act.fact import Kind
from focusplane.control import board as boards
from focusplane.control.board import Board
from focusplane.control.command import ControlId
from focusplane.control.flags.declared import declared_state
from focusplane.control.rollout import Phase, Rollout
from focusplane.control.state import (
    BreakerState,
    ControlState,
    FallbackState,
    FlagState,
    Off,
    QuotaState,
    ThrottleState,
    TrafficState,
)
from focusplane.define.diff import diff, say
from focusplane.define.focus import Focus, PolicySet
from focusplane.define.load import load
from focusplane.define.merge import Merged, merge
from focusplane.define.problem import Problem, Severity
from focusplane.kernel.ids import short_id
from focusplane.kernel.tick import NS_PER_MS
from focusplane.observe.edits import Edited
from focusplane.plane.arrival import PolicyRead, Started
from focusplane.plane.arrows import move, raises, route
from focusplane.plane.arrows.words import of_flag
from focusplane.plane.draft import Draft
from focusplane.plane.world import Policies


def started(draft: Draft, arrival: Started) -> Draft:
    """The plane came up with this identity; its environment takes telemetry that names none (N18)."""
    before = draft.world.board
    epoch = max(arrival.epoch, before.epoch if before.plane == arrival.plane else 0)  # an adoption raised it
    lost = before.lost if before.plane == arrival.plane else ()
    board = replace(before, plane=arrival.plane, epoch=epoch, lost=lost)
    if arrival.remembers and not draft.world.series.since:
        draft.world.series.watch_from(draft.at * NS_PER_MS)
    draft = draft.but(board=board, environment=arrival.environment, up_since=draft.at)
    reason = f"epoch {epoch}" + (f"; {arrival.restored}" if arrival.restored else "")
    return draft.say(Kind.PLANE_STARTED, "", arrival.plane, reason, environment=arrival.environment)


def policies(draft: Draft, arrival: PolicyRead) -> Draft:
    """Take a policy set as a whole or refuse it as a whole; the one in force stays until then."""
    loaded = load(arrival.files, arrival.today)
    errors = tuple(problem for problem in loaded.problems if problem.severity is Severity.ERROR)
    if errors:
        return _refuse(draft, errors)
    merged = merge(draft.world.policies.set, loaded.policies)
    carrying = tuple(_carrying(draft, merged.policies))
    if carrying:
        return _refuse(draft, carrying)
    draft = _say_held(draft, merged).unsay(Kind.POLICY_REFUSED, "", "policies")
    before, now = draft.world.policies.set, merged.policies
    notices = tuple(problem for problem in loaded.problems if problem.severity is not Severity.ERROR)
    if merged.refused:
        hint = "smaller parts, or the tombstone that it names"
        notices += (Problem("policies", 1, 1, Severity.WARNING, "D373", merged.refused, hint),)
    draft = draft.but(policies=Policies(now, arrival.files, notices, held=merged.held))
    if before.digest == now.digest and before.focuses:
        return draft
    changes = diff(before, now)
    for focus in now.focuses.values():
        edits = [str(change) for change in changes if change.focus == focus.name]
        draft = _declare(draft, before.focuses.get(focus.name), focus, edits)
    for name in sorted(before.focuses.keys() - now.focuses.keys()):
        draft = _forget(draft, before.focuses[name])
    draft = draft.but(board=boards.touch(draft.world.board))
    return draft.say(
        Kind.POLICY_LOADED,
        "",
        now.digest,
        f"{len(now.focuses)} focus{'es' if len(now.focuses) != 1 else ''} in force",
        focuses=sorted(now.focuses),
        board=draft.world.board.version,
    )


def _carrying(draft: Draft, now: PolicySet) -> Iterator[Problem]:
    """What a set may not take away while traffic stands on it: a version that carries some, the rules of a live rollout."""
    for name, focus in now.focuses.items():
        state, rollout = draft.world.board.state(name, "traffic"), draft.world.rollouts.get(name)
        yield from _served_by_hand(draft, focus)
        if rollout is not None and rollout.live and rollout.flag:
            yield from _carrying_flag(focus, rollout)
            rollout = None
        if not isinstance(state, TrafficState):
            continue
        known = focus.controls.traffic.versions if focus.controls.traffic is not None else {}
        used = {state.stable, *(version for version, weight in state.weights.items() if weight)}
        for version in sorted(used - known.keys()):
            what = f"{version} of {name} carries traffic or is the way back, and cannot be removed"
            yield Problem(name, 1, 1, Severity.ERROR, "D190", what, "roll another version out first")
        if rollout is not None and rollout.live and focus.rollout is None:
            what = f"a rollout of {rollout.version} runs by the rules that {name} no longer declares"
            yield Problem(name, 1, 1, Severity.ERROR, "D191", what, f"focus rollout abort {name}")


def _carrying_flag(focus: Focus, rollout: Rollout) -> Iterator[Problem]:
    """The same of a flag whose variant is being rolled out."""
    flag, hint = focus.controls.flags.get(rollout.flag), f"focus rollout abort {focus.name}"
    known = flag.variants if flag is not None else {}
    for variant in sorted({rollout.version, rollout.stable} - known.keys()):
        what = f"{rollout.flag}={variant} is part of a live rollout of {focus.name}, and cannot be removed"
        yield Problem(focus.name, 1, 1, Severity.ERROR, "D190", what, hint)
    if focus.rollout_of(rollout.flag) is None:
        what = f"a rollout of {rollout.what} runs by the rules that {focus.name} no longer declares"
        yield Problem(focus.name, 1, 1, Severity.ERROR, "D191", what, hint)


def _served_by_hand(draft: Draft, focus: Focus) -> Iterator[Problem]:
    """A variant that was promoted or set, and that a flag no longer has, would be a kill for everybody who has it."""
    for key, flag in focus.controls.flags.items():
        entry = draft.world.board.entries.get(f"{focus.name}/flag.{key}")
        state = entry.state if entry is not None and entry.overridden else None
        live = draft.world.rollouts.get(focus.name)
        if live is not None and live.live and live.flag == key:
            continue
        if isinstance(state, FlagState) and state.percentage and state.variant not in flag.variants:
            what = f"{key}={state.variant} of {focus.name} is served, and cannot be removed"
            hint = f"roll another variant out first, or focus control clear {focus.name} flag.{key}"
            yield Problem(focus.name, 1, 1, Severity.ERROR, "D190", what, hint)


def _refuse(draft: Draft, errors: tuple[Problem, ...]) -> Draft:
    draft = draft.but(policies=replace(draft.world.policies, refused=errors))
    return draft.say_once(
        Kind.POLICY_REFUSED,
        "",
        "policies",
        "; ".join(str(problem) for problem in errors[:5]),
        errors=len(errors),
    )


def _say_held(draft: Draft, merged: Merged) -> Draft:
    for name in merged.held:
        draft = draft.say_once(
            Kind.POLICY_HELD,
            "",
            name,
            f"{name} vanished without a tombstone and is held",
            hint="kind: Removed",
        )
    for alarm in merged.alarms:
        draft = draft.say_once(Kind.POLICY_HELD, "", "set", alarm, alarm=True)
    return draft


def _declare(draft: Draft, before: Focus | None, focus: Focus, edits: Sequence[str]) -> Draft:
    if before is not None and before.digest == focus.digest:
        return draft
    edited = draft.world.counters.declare(focus)
    if before is not None:
        draft = _say_edited(draft, before, focus, edited)
    if focus.controls.traffic is not None and focus.name not in draft.world.stable:
        draft = draft.put("stable", focus.name, focus.controls.traffic.initial)
    board = draft.world.board
    draft = draft.but(board=declared_board(board, focus, draft.world.stable.get(focus.name, "")))
    draft = raises.edited(draft, board, focus)
    if before is not None:
        draft = _take_off(draft, before, focus)
    what = "policy taken up" if before is None else f"policy changed: {'; '.join(edits[:3])}"
    key, own = short_id("chg", focus.name, focus.digest), before is None or not edits
    change = ChangeEvent(key, draft.at, focus.name, "policy", what, "policy", own=own)
    return move.record(draft, change)


def _say_edited(draft: Draft, before: Focus, focus: Focus, edited: Edited) -> Draft:
    """An objective that is counted from nothing again, or with the counts of another one, is on the record."""
    for name in edited.anew:
        was, now = before.objective(name).sli, focus.objective(name).sli
        draft = draft.say(
            Kind.OBJECTIVE_ANEW,
            focus.name,
            name,
            "its SLI means something else: what was counted until now is left behind, it is counted anew",
            before=say(was),
            after=say(now),
        )
    for objective in focus.objectives:
        was_one = next((each for each in before.objectives if each.name == objective.name), None)
        if was_one is not None and (was_one.target, was_one.windows) != (objective.target, objective.windows):
            draft = draft.say(
                Kind.OBJECTIVE_TARGET,
                focus.name,
                objective.name,
                f"judged as {say(objective)} from now on, on the same counts; until now as {say(was_one)}",
                before=say(was_one),
                after=say(objective),
            )
    for name, source in edited.heirs.items():
        reason = f"it counts what {source} counted, and goes on with those counts"
        draft = draft.say(Kind.OBJECTIVE_CARRIED, focus.name, name, reason, source=source)
    return draft


def _take_off(draft: Draft, before: Focus, focus: Focus) -> Draft:
    """Controls that an edit took away leave the board, and what is under way on them ends."""
    kept = {control for control, _ in declared_states(focus, "")}
    for control, _ in declared_states(before, ""):
        if control not in kept:
            target = ControlId(focus.name, control)
            draft = draft.but(board=boards.forget(draft.world.board, target))
            draft = move.abandon(draft, focus.name, target, f"{target} is declared no more")
    return draft


GONE = "the focus was removed by its tombstone"


def _forget(draft: Draft, focus: Focus) -> Draft:
    """Only a tombstone comes here: the merge holds everything else. What is live on the focus ends, and that is said."""
    draft.world.counters.forget(focus.name)
    draft = move.abandon(draft, focus.name, None, GONE)
    rollout = draft.world.rollouts.get(focus.name)
    if rollout is not None and rollout.live:
        draft = draft.say(
            Kind.ROLLOUT_MOVED,
            focus.name,
            rollout.id,
            GONE,
            before=str(rollout.phase),
            phase=str(Phase.ABORTED),
            version=rollout.version,
            by="policy",
            **of_flag(rollout),
        )
    draft = _close_incidents(draft, focus)
    board = draft.world.board
    for control, _ in declared_states(focus, ""):
        board = boards.forget(board, ControlId(focus.name, control))
    draft = draft.but(board=board)
    for table in (
        "stable",
        "rollouts",
        "evidence",
        "verdicts",
        "paths",
        "waiting",
        "refusals",
        "looks",
        "drifts",
        "frozen",
        "noise",
    ):
        draft = draft.drop(table, focus.name)
    return draft


def _close_incidents(draft: Draft, focus: Focus) -> Draft:
    for incident in draft.world.incidents.values():
        if incident.focus == focus.name and incident.stage in incidents.LIVE:
            after = incidents.advance(incident, incidents.Cause.RESOLVE, draft.at)
            draft = draft.put("incidents", incident.id, after)
            draft = draft.say(
                Kind.INCIDENT_MOVED, focus.name, incident.id, GONE, stage=str(after.stage), by="policy"
            )
            draft = route.follow(draft, focus, after, GONE)
    return draft


def declared_board(board: Board, focus: Focus, stable: str) -> Board:
    """The board with every control of this focus declared; overrides in force stay in force."""
    for control, state in declared_states(focus, stable):
        board = boards.declare(board, ControlId(focus.name, control), state)
    return board


def declared_states(focus: Focus, stable: str) -> Iterator[tuple[str, ControlState]]:
    """Every control of a focus and what its policy says of it; throttle and quota can be set even if undeclared."""
    controls = focus.controls
    for flag in controls.flags.values():
        yield f"flag.{flag.key}", declared_state(flag)
    if controls.traffic is not None:
        yield "traffic", TrafficState(stable, {stable: Fraction(1)})
    throttle, quota = controls.throttle, controls.quota
    yield "throttle", ThrottleState(throttle.rate, throttle.burst) if throttle else Off()
    yield "quota", QuotaState(quota.rate, quota.overrides) if quota else Off()
    for name in controls.breakers:
        yield f"breaker.{name}", BreakerState()
    if controls.fallback is not None:
        yield "fallback", FallbackState()
