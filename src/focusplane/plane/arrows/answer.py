"""What people and pipelines ask: each request is answered in this turn, also when the answer is no."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from fractions import Fraction
from typing import Any

from focusplane.act.fact import Kind
from focusplane.act.incident import LIVE, Cause
from focusplane.act.request import (
    AbortRollout,
    AckIncident,
    AddSilence,
    Adopt,
    Answer,
    Approve,
    ClearControl,
    CloseIncident,
    Compare,
    Correct,
    Deny,
    Done,
    EndCorrection,
    EndSilence,
    Freeze,
    Gate,
    NoteIncident,
    PauseRollout,
    PromoteRollout,
    RecordChange,
    Refused,
    Request,
    ResolveIncident,
    ResumeRollout,
    ReviewIncident,
    SetControl,
    StartRollout,
    StartTogether,
    TakeAlerts,
    TellPairs,
    Undo,
    Unfreeze,
)
from focusplane.control import rollout as rollouts
from focusplane.control.command import Clear
from focusplane.define.focus import Focus
from focusplane.kernel.ids import Json
from focusplane.plane.arrival import Asked
from focusplane.plane.arrows import (
    adopt,
    approve,
    bounded,
    changed,
    compare,
    compared,
    correct,
    depart,
    expose,
    follow_up,
    foreign,
    hotfix,
    known,
    mirrored,
    move,
    set_by_hand,
    silences,
    together,
)
from focusplane.plane.arrows.known import Answered
from focusplane.plane.draft import Draft
from focusplane.plane.world import Waiting


def request(draft: Draft, asked: Asked) -> Draft:
    """Answer one request; the answer is journaled with who asked."""
    if type(asked.request) in _BY_ROLE:
        draft, answer = _BY_ROLE[type(asked.request)](draft, asked.request, asked)
    else:
        draft, answer = _ANSWERS[type(asked.request)](draft, asked.request, asked.by)
    ok = isinstance(answer, Done)
    if type(asked.request) not in _UNSAID:
        draft = draft.say(
            Kind.ASKED,
            getattr(asked.request, "focus", ""),
            type(asked.request).__name__,
            answer.reason,
            by=asked.by,
            ok=ok,
            about=_about(asked.request, answer),
            asked=_told(asked.request),
        )
    return draft.answer(asked.id, answer)


def _about(request: Request, answer: Answer) -> str:
    """The action, incident or rollout that was asked about, or that came of it."""
    named = getattr(request, "action", "") or getattr(request, "incident", "")
    return str(named) or (answer.subject if isinstance(answer, Done) else "")


def _told(request: Request) -> dict[str, Json]:
    """The request's own words, for the audit: JSON as it was sent, exact numbers as text."""
    said = {field.name: getattr(request, field.name) for field in fields(request)}
    return {name: _exact(value) for name, value in said.items() if value}


def _exact(value: object) -> Json:
    if isinstance(value, Mapping):
        return {str(key): _exact(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(item) for item in value]
    return value if value is None or isinstance(value, int | str) else str(value)


def _start_rollout(draft: Draft, ask: StartRollout, by: str) -> Answered:
    focus = known.focus(draft, ask.focus)
    if isinstance(focus, Refused):
        return draft, focus
    free = _aborted(draft, focus, ask, by) if ask.replace else draft
    begun, answer = hotfix.ask(free, focus, ask, by) if ask.hotfix else _begin(free, focus, ask, by)
    if isinstance(answer, Refused):
        told: dict[str, Json] = {"flag": ask.flag} if ask.flag else {}
        draft = draft.say(Kind.ROLLOUT_REFUSED, focus.name, ask.version, answer.reason, by=by, **told)
        return draft, answer
    return begun, answer


def _begin(draft: Draft, focus: Focus, ask: StartRollout, by: str) -> Answered:
    refused = depart.refusal(draft, focus, ask.version, ask.flag)
    if refused is not None:
        return draft, refused
    waiting = Waiting(ask.version, by, flag=ask.flag)
    if ask.flag:
        draft = depart.begin(draft, focus, waiting)
        rollout = draft.world.rollouts[focus.name]
        return draft, Done(rollout.id, f"the rollout of {rollout.what} has started")
    draft = depart.ask_for(draft, focus, waiting)
    return draft, Done(ask.version, f"asking whether {ask.version} is ready to take traffic")


def _aborted(draft: Draft, focus: Focus, ask: StartRollout, by: str) -> Draft:
    """What runs is taken back first, so that the new version is compared with the stable one and with nothing else. The same
    thing is not replaced by itself: what was seen of it would be lost.
    """
    running = draft.world.rollouts.get(focus.name)
    if running is None or not running.live or (running.version, running.flag) == (ask.version, ask.flag):
        return draft
    cause = rollouts.Cause(rollouts.Saw.ABORTED_BY_HAND, f"replaced by {ask.version}", by)
    return expose.pursue(draft, focus, running, cause)


def _steer(saw: rollouts.Saw, words: str) -> Callable[[Draft, Any, str], Answered]:
    def steer(draft: Draft, ask: Any, by: str) -> Answered:
        focus = known.focus(draft, ask.focus)
        if isinstance(focus, Refused):
            return draft, focus
        rollout = draft.world.rollouts.get(focus.name)
        if saw is rollouts.Saw.ABORTED_BY_HAND and focus.name in draft.world.waiting:
            return _call_off(draft, focus, getattr(ask, "reason", "") or f"aborted by {by}", by)
        if rollout is not None and rollout.live and (moved := expose.overtaken(draft, rollout)) is not None:
            draft = expose.pursue(draft, focus, rollout, moved)
            return draft, Refused("conflict", f"the rollout of {rollout.what} is over: {moved.reason}")
        if rollout is None or not rollout.live:
            return draft, Refused("conflict", f"no rollout of {focus.name} is running")
        if not rollouts.moves(rollout, saw):
            return draft, Refused("conflict", f"a rollout that is {rollout.phase} cannot be {words}")
        gone = compared.of(draft.world.counters, focus, rollout).gone(rollout.version)
        gone = gone or bounded.stop(draft, focus, rollout.flag, rollout.version, Fraction(1))
        if saw is rollouts.Saw.PROMOTED_BY_HAND and gone:
            return draft, Refused("refused", gone, f"focus rollout abort {focus.name}")
        reason = getattr(ask, "reason", "") or f"{words} by {by}"
        return together.steer(draft, focus, rollout, rollouts.Cause(saw, reason, by), words)

    return steer


def _call_off(draft: Draft, focus: Focus, reason: str, by: str) -> Answered:
    """A rollout that still waits for its destination does not begin, whatever the destination says."""
    version = draft.world.waiting[focus.name].version
    draft = draft.drop("waiting", focus.name)
    draft = depart.refuse(draft, focus.name, version, reason, by)
    return draft, Done(version, f"{version}: called off before it got a request")


def _freeze(draft: Draft, ask: Freeze, by: str) -> Answered:
    name = ask.focus or "*"
    if ask.focus and isinstance(found := known.focus(draft, ask.focus), Refused):
        return draft, found
    reason = ask.reason or f"by {by}"
    draft = draft.put("frozen", name, reason)
    return draft.say(Kind.FROZEN, ask.focus, name, reason, by=by), Done(
        name, "automation and rollouts stand still"
    )


def _unfreeze(draft: Draft, ask: Unfreeze, by: str) -> Answered:
    name = ask.focus or "*"
    if name not in draft.world.frozen:
        return draft, Refused("conflict", f"{ask.focus or 'nothing as a whole'} is not frozen")
    draft = draft.drop("frozen", name).say(Kind.UNFROZEN, ask.focus, name, f"by {by}", by=by)
    return draft, Done(name, "automation and rollouts go on")


def _undo(draft: Draft, ask: Undo, by: str) -> Answered:
    action = known.action(draft, ask.action)
    if isinstance(action, Refused):
        return draft, action
    if action.command is None or action.rule == "rollout":
        return draft, Refused(
            "conflict", f"{action.what} is not undone but rolled out anew", "focus rollout start"
        )
    if not move.holds(draft, action):
        return draft, Refused("conflict", f"{action.command.target} was moved again since, or never")
    if isinstance(action.command, Clear):
        hint = f"focus control set {action.focus} {action.command.target.control}"
        return draft, Refused("conflict", f"{action.what} is as declared already: nothing to undo", hint)
    if not move.may_go_back(action):
        return draft, Refused("conflict", f"{action.key} is {action.phase}: nothing to undo")
    focus, entry = known.focus(draft, action.focus), draft.world.board.entries.get(str(action.command.target))
    if entry is not None and not isinstance(focus, Refused):
        refused = bounded.refusal(draft, focus, entry.target.control, entry.declared)
        if refused is not None:
            return draft, refused
    return move.take_back(draft, action.key, ask.reason or f"undone by {by}", by), Done(
        action.key, "taken back"
    )


def _gate(draft: Draft, ask: Gate, by: str) -> Answered:
    focus = known.focus(draft, ask.focus)
    if isinstance(focus, Refused):
        return draft, focus
    if ask.flag and ask.flag not in focus.controls.flags:
        known_flags = ", ".join(focus.controls.flags) or "none"
        return draft, Refused("not-found", f"{focus.name} has no flag {ask.flag!r}", f"known: {known_flags}")
    refused = depart.may_not_change(draft, focus, ask.flag)
    live = [i.id for i in draft.world.incidents.values() if i.focus == focus.name and i.stage in LIVE]
    if refused is None and live:
        refused = Refused("refused", f"incident {live[0]} is open")
    reason = refused.reason if refused is not None else "nothing stands in the way"
    return draft, Done(focus.name, reason, {"allow": refused is None, "reason": reason})


_ANSWERS: Mapping[type[Request], Callable[[Draft, Any, str], Answered]] = {
    StartRollout: _start_rollout,
    StartTogether: together.start,
    PauseRollout: _steer(rollouts.Saw.PAUSED, "paused"),
    ResumeRollout: _steer(rollouts.Saw.RESUMED, "resumed"),
    PromoteRollout: _steer(rollouts.Saw.PROMOTED_BY_HAND, "promoted"),
    AbortRollout: _steer(rollouts.Saw.ABORTED_BY_HAND, "aborted"),
    SetControl: set_by_hand.set_control,
    ClearControl: set_by_hand.clear_control,
    Freeze: _freeze,
    Unfreeze: _unfreeze,
    Deny: approve.deny,
    Undo: _undo,
    AckIncident: follow_up.move(Cause.ACK),
    NoteIncident: follow_up.note,
    ResolveIncident: follow_up.move(Cause.RESOLVE),
    ReviewIncident: follow_up.move(Cause.REVIEW),
    CloseIncident: follow_up.move(Cause.CLOSE),
    EndSilence: silences.end,
    RecordChange: changed.take,
    Gate: _gate,
    Compare: compare.ask,
    TellPairs: mirrored.take,
    Correct: correct.make,
    EndCorrection: correct.end,
    TakeAlerts: foreign.take,
}

_BY_ROLE: Mapping[type[Request], Callable[[Draft, Any, Asked], Answered]] = {
    Approve: approve.approve,
    Adopt: adopt.adopt,
    AddSilence: silences.add,
}
"""What depends on more than the name of who asks; all else was settled by the role at the door."""

_UNSAID = frozenset({Gate, Compare, TakeAlerts, TellPairs})
"""What machines ask again and again: that it was asked is no fact of its own."""
