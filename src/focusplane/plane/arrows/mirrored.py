"""Pairs: requests that both versions of a rollout answered, as whoever compares the answers tells of them."""

from collections.abc import Sequence
from dataclasses import replace

from focusplane.act.fact import Kind
from focusplane.act.request import Done, Refused, TellPairs
from focusplane.control.rollout import Rollout
from focusplane.define.focus import Focus
from focusplane.define.rollout import By, Step
from focusplane.kernel.tick import SECOND
from focusplane.observe.evidence import Evidence
from focusplane.observe.mirrored import Tally, fold_pairs
from focusplane.plane.arrows import known
from focusplane.plane.arrows.known import Answered
from focusplane.plane.draft import Draft

AHEAD_MS = 2 * SECOND
"""A sender's clock may run ahead by so much."""


def take(draft: Draft, told: TellPairs, by: str) -> Answered:
    """Count them once, towards the rollout that they name and no other."""
    focus = known.focus(draft, told.focus)
    if isinstance(focus, Refused):
        return draft, focus
    rollout = draft.world.rollouts.get(focus.name)
    if rollout is None or not rollout.live or rollout.id != told.rollout:
        now = f"{rollout.id} is" if rollout is not None and rollout.live else "none is"
        hint = f"`id` of GET /api/v1/rollouts/{focus.name}; pairs of another rollout say nothing of this one"
        return draft, Refused("conflict", f"the rollout {told.rollout} is not running: {now}", hint)
    refused = _unwanted(focus, rollout) or _untimely(draft, rollout, told)
    if refused is not None:
        return draft, refused
    if not draft.world.seen.take(f"pairs {rollout.id} {told.id}", draft.at):
        return draft, Done(rollout.id, f"{told.id} was counted before", {"counted": False})
    rows = tuple((stratum, Tally(*counts)) for stratum, counts in sorted(told.pairs.items()))
    draft = draft.put("pairs", focus.name, (*draft.world.pairs.get(focus.name, ()), *rows))
    words = _words([tally for _, tally in rows])
    draft = draft.say(
        Kind.ROLLOUT_PAIRED,
        focus.name,
        rollout.id,
        words,
        by=by,
        batch=told.id,
        since=told.since,
        until=told.until,
        pairs={stratum: list(counts) for stratum, counts in sorted(told.pairs.items())},
    )
    return draft, Done(rollout.id, words, {"counted": True})


def _unwanted(focus: Focus, rollout: Rollout) -> Refused | None:
    """Nobody compares pairs here, or the gateway counts the very same requests."""
    spec, step = focus.rollout_of(rollout.flag), rollout.steps[rollout.step]
    if spec is None or not any(each.pairs for each in spec.judge.extras):
        hint = "judge: {metrics: [errors, latency, pairs]}, or mirror: {percent: 10%, by: others}"
        return Refused("conflict", f"the judge of {focus.name} compares no pairs", hint)
    if step.mirror and step.by is By.GATEWAY:
        why = "the gateway counts the answers to its copies itself: told again they would count twice"
        return Refused("conflict", why, "mirror: {by: others}, if you compare the answers yourself")
    return None


def _untimely(draft: Draft, rollout: Rollout, told: TellPairs) -> Refused | None:
    if told.since >= told.until:
        return Refused("usage", "`from` is not before `to`", "Unix milliseconds, the interval (from, to]")
    if told.since < rollout.started_at:
        why = f"the pairs begin at {told.since}, before the rollout did at {rollout.started_at}"
        return Refused("usage", why, "what was before it is no evidence of it")
    if told.until > draft.at + AHEAD_MS:
        return Refused("usage", f"the pairs end at {told.until}, and it is {draft.at}", "set the clock")
    return None


def _words(tallies: Sequence[Tally]) -> str:
    pairs, new = sum(each.pairs for each in tallies), sum(each.new_alone for each in tallies)
    old, both = sum(each.old_alone for each in tallies), sum(each.both for each in tallies)
    return (
        f"of {pairs} pairs {new} failed at the new version alone, {old} at the old one alone, {both} at both"
    )


def fold(evidence: Evidence, told: Sequence[tuple[str, Tally]]) -> Evidence:
    """With what was told since the last turn; the very same where nothing was."""
    if not told:
        return evidence
    extras = tuple(fold_pairs(each, told) if each.spec.pairs else each for each in evidence.extras)
    return replace(evidence, extras=extras)


def folded(draft: Draft, focus: str) -> Draft:
    """What was told is in the evidence now."""
    return draft.drop("pairs", focus) if focus in draft.world.pairs else draft


def seen_at_step(evidence: Evidence | None, step: Step) -> int:
    """Requests of the new version since this step began: users', or mirrored ones where it has no others. Synthetic ones are
    none of these, unless the policy takes them for users'.
    """
    if evidence is None:
        return 0
    if not step.mirror:
        return evidence.safety_requests[0]
    return max((each.at_step[0] for each in evidence.extras if each.spec.pairs), default=0)
