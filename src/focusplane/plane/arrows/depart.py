"""A rollout begins: may it, is its destination ready, and then its first step."""

from dataclasses import replace

from focusplane.act.effect import Probe
from focusplane.act.fact import Kind
from focusplane.act.request import Refused
from focusplane.control import rollout as rollouts
from focusplane.control.rollout import Cause, Rollout, Saw
from focusplane.define.focus import Focus
from focusplane.kernel.ids import short_id
from focusplane.kernel.tick import SECOND
from focusplane.plane.arrival import Probed
from focusplane.plane.arrows import expose
from focusplane.plane.arrows.judge import old_after
from focusplane.plane.arrows.trouble import GRACE_MS, healths
from focusplane.plane.draft import Draft
from focusplane.plane.world import Refusal, Waiting

ASK_AGAIN_MS = SECOND


def refusal(draft: Draft, focus: Focus, version: str) -> Refused | None:
    """Why a rollout of that version cannot begin now."""
    stable, traffic = draft.world.stable.get(focus.name), focus.controls.traffic
    if focus.rollout is None or traffic is None:
        why = f"{focus.name} declares no rollout or no traffic"
        return Refused("usage", why, "add spec.rollout and controls.traffic")
    if version not in traffic.versions:
        known = f"known: {', '.join(traffic.versions)}"
        return Refused("not-found", f"{focus.name} has no version {version!r}", known)
    if stable == version:
        return Refused("conflict", f"{version} is the stable version already")
    running = draft.world.rollouts.get(focus.name)
    if running is not None and running.live:
        hint = f"focus rollout abort {focus.name}"
        return Refused("conflict", f"a rollout of {running.version} is running", hint)
    return may_not_change(draft, focus)


def may_not_change(draft: Draft, focus: Focus) -> Refused | None:
    """Why nothing new may be exposed now: a freeze, or the budget."""
    frozen = draft.world.frozen.get("*") or draft.world.frozen.get(focus.name)
    if frozen:
        return Refused("refused", f"frozen: {frozen}", "focus unfreeze")
    stop = expose.budget_freeze(draft, focus.rollout, focus) if focus.rollout is not None else ""
    return Refused("refused", stop, f"focus explain {focus.name}") if stop else None


def ask_for(draft: Draft, focus: Focus, version: str, by: str) -> Draft:
    """The way to a rollout begins with a look at its destination (N15)."""
    traffic = focus.controls.traffic
    addresses = traffic.versions[version] if traffic else ()
    key = short_id("probe", focus.name, version, draft.tick.number)
    draft = draft.drop("refusals", focus.name).put("waiting", focus.name, Waiting(version, by, key))
    return draft.cause(Probe(key, focus.name, version, addresses))


def probed(draft: Draft, arrival: Probed) -> Draft:
    """Every instance of the new version must be ready, and nothing may have come between, before it gets a request."""
    draft = draft.drop("outbox", arrival.key)
    waiting = draft.world.waiting.get(arrival.focus)
    focus = draft.world.policies.set.focuses.get(arrival.focus)
    if waiting is None or focus is None or waiting.probe not in ("", arrival.key):
        return draft
    version, by = waiting.version, waiting.by
    if _plane_was_away(draft, focus):
        later = replace(waiting, probe="later", again_at=draft.at + ASK_AGAIN_MS)
        return draft.put("waiting", focus.name, later)
    draft = draft.drop("waiting", arrival.focus)
    failed = {address: why for address, why in arrival.results.items() if why}
    refused = refusal(draft, focus, version)
    if refused is not None:
        why = f"meanwhile: {refused.reason}"
    elif failed or not arrival.results:
        words = "; ".join(f"{address}: {said}" for address, said in failed.items()) or "it has no instances"
        why = f"{version} is not ready to take traffic: {words}"
    else:
        return _start(draft, focus, version, by)
    return refuse(draft, focus.name, version, why, by)


def _plane_was_away(draft: Draft, focus: Focus) -> bool:
    """It is just up, and what its senders tell has not been read yet."""
    old = old_after(draft.world.counters, focus.name)
    unread = any(expose.unseen(health, old) for health in healths(draft, focus))
    return unread and draft.at - draft.world.up_since < GRACE_MS


def asked_again(draft: Draft) -> Draft:
    """The plane itself was away: what was asked of it before waits until its senders are back, or their time is over."""
    for name, waiting in draft.world.waiting.items():
        focus = draft.world.policies.set.focuses.get(name)
        if waiting.again_at and draft.at >= waiting.again_at and focus is not None:
            draft = ask_for(draft, focus, waiting.version, waiting.by)
    return draft


def refuse(draft: Draft, focus: str, version: str, why: str, by: str) -> Draft:
    """It does not begin: said, and kept for whoever asks later what became of it."""
    draft = draft.put("refusals", focus, Refusal(version, why, draft.at))
    return draft.say(Kind.ROLLOUT_REFUSED, focus, version, why, by=by)


def _start(draft: Draft, focus: Focus, version: str, by: str) -> Draft:
    stable = draft.world.stable[focus.name]
    fresh = Rollout(
        focus.name,
        short_id("rol", focus.name, version, draft.tick.number),
        version,
        stable,
        focus.rollout.steps if focus.rollout is not None else (),
        by=by,
    )
    rollout = rollouts.advance(fresh, Cause(Saw.STARTED, f"{by} started it", by), draft.at)
    draft = (
        draft.drop("evidence", focus.name).drop("verdicts", focus.name).put("rollouts", focus.name, rollout)
    )
    draft = draft.say(
        Kind.ROLLOUT_STARTED,
        focus.name,
        rollout.id,
        f"{version} gets {rollout.exposed}, {stable} is the way back",
        version=version,
        stable=stable,
        by=by,
        policy=focus.digest,
        steps=[step.words for step in rollout.steps],
    )
    return expose.move_traffic(draft, focus, rollout, f"rollout of {version} starts at {rollout.exposed}")
