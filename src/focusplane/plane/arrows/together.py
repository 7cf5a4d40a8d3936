"""Releases: rollouts of several focuses that begin only when all are ready, and end together."""

from dataclasses import replace

from focusplane.act.fact import Kind
from focusplane.act.request import Done, Refused, StartTogether
from focusplane.control import rollout as rollouts
from focusplane.control.release import MOST_MEMBERS, Release, Stage
from focusplane.control.rollout import Cause, Phase, Rollout, Saw
from focusplane.define.focus import Focus
from focusplane.kernel.ids import short_id
from focusplane.plane.arrival import Probed
from focusplane.plane.arrows import compared, depart, expose, known
from focusplane.plane.arrows.known import Answered
from focusplane.plane.draft import Draft
from focusplane.plane.world import Waiting

KEPT = 50


def start(draft: Draft, ask: StartTogether, by: str) -> Answered:
    """Ask every destination; one that may not be changed, or is not known, refuses the whole."""
    refused = _refusal(draft, ask)
    if refused is not None:
        return draft.say(Kind.RELEASE_MOVED, "", "", refused.reason, stage="refused", by=by), refused
    key = short_id(
        "rel", *sorted(f"{focus}={version}" for focus, version in ask.members.items()), draft.tick.number
    )
    release = Release(key, dict(ask.members), by, ask.reason, draft.at, since=draft.at)
    draft = _bounded(draft.put("releases", key, release))
    draft = draft.say(
        Kind.RELEASE_MOVED, "", key, f"{by} wants {release.name}", stage=str(release.stage), by=by
    )
    for name, version in ask.members.items():
        focus = draft.world.policies.set.focuses[name]
        draft = depart.ask_for(draft, focus, Waiting(version, by, release=key))
    return draft, Done(key, f"asking whether {release.name} are ready to take traffic")


def _refusal(draft: Draft, ask: StartTogether) -> Refused | None:
    if not 2 <= len(ask.members) <= MOST_MEMBERS:
        return Refused(
            "usage", f"a release has 2 to {MOST_MEMBERS} members, not {len(ask.members)}", "pay=v2 ledger=v5"
        )
    steps: dict[int, str] = {}
    for name, version in ask.members.items():
        focus = known.focus(draft, name)
        if isinstance(focus, Refused):
            return focus
        refused = depart.refusal(draft, focus, version)
        if refused is None and name in draft.world.waiting:
            refused = Refused("conflict", "a rollout is about to start")
        if refused is not None:
            return replace(refused, reason=f"{name}: {refused.reason}")
        steps[len(focus.rollout.steps) if focus.rollout is not None else 0] = name
    if len(steps) > 1:
        told = ", ".join(f"{name} has {count}" for count, name in sorted(steps.items()))
        return Refused(
            "conflict", f"they do not have the same number of steps: {told}", "declare as many for each"
        )
    return None


def ready(draft: Draft, waiting: Waiting, arrival: Probed) -> Draft:
    """One destination has answered. When all said yes all begin in this turn; the first no ends it for all."""
    release = draft.world.releases.get(waiting.release)
    if release is None or release.stage is not Stage.ASKING:
        return draft.drop("waiting", arrival.focus)
    focus = draft.world.policies.set.focuses[arrival.focus]
    why = depart.unready(focus, waiting.version, arrival.results)
    if why:
        return call_off(draft, release, f"{arrival.focus}: {why}")
    release = replace(release, ready={**release.ready, arrival.focus: ""})
    draft = draft.put("releases", release.id, release)
    if any(name not in release.ready for name in release.members):
        return draft
    return _begin(draft, release)


def _begin(draft: Draft, release: Release) -> Draft:
    focuses = draft.world.policies.set.focuses
    for name in release.members:
        draft = draft.drop("waiting", name)
    for name, version in release.members.items():
        focus = focuses.get(name)
        refused = (
            depart.refusal(draft, focus, version) if focus is not None else Refused("not-found", "it is gone")
        )
        if refused is not None:
            return call_off(draft, release, f"{name}: meanwhile: {refused.reason}")
    began: dict[str, str] = {}
    for name, version in release.members.items():
        draft = depart.begin(draft, focuses[name], Waiting(version, release.by, release=release.id))
        began[name] = draft.world.rollouts[name].id
    return _move(draft, replace(release, rollouts=began), Stage.RUNNING, "all are ready")


def call_off(draft: Draft, release: Release, why: str) -> Draft:
    """Nobody begins, for one may not."""
    for name, version in release.members.items():
        waiting = draft.world.waiting.get(name)
        if waiting is not None and waiting.release == release.id:
            draft = draft.drop("waiting", name)
            draft = depart.refuse(draft, name, version, f"together: {why}", release.by)
    return _move(draft, release, Stage.REFUSED, why)


def follow(draft: Draft) -> Draft:
    """One that went back takes the others along, in the reverse of the order in which they were named; a release ends with
    its rollouts.
    """
    for release in draft.world.releases.values():
        if release.stage is Stage.ASKING:
            gone = [name for name in release.members if not _waits(draft, release, name)]
            if gone:
                draft = call_off(draft, release, f"{gone[0]}: it was called off")
        elif release.stage is Stage.RUNNING:
            draft = _follow(draft, release)
    return draft


def _waits(draft: Draft, release: Release, name: str) -> bool:
    waiting = draft.world.waiting.get(name)
    return name in release.ready or (waiting is not None and waiting.release == release.id)


def _follow(draft: Draft, release: Release) -> Draft:
    mine = {name: _rollout(draft, release, name) for name in release.members}
    back = [
        name for name, one in mine.items() if one is None or (one.over and one.phase is not Phase.PROMOTED)
    ]
    if back:
        first = mine[back[0]]
        why = f"{back[0]} was taken back: {first.reason}" if first is not None else f"{back[0]} is gone"
        for name, one in reversed(list(mine.items())):
            focus = draft.world.policies.set.focuses.get(name)
            if one is not None and one.live and focus is not None:
                draft = expose.pursue(
                    draft, focus, one, Cause(Saw.ABORTED_BY_HAND, f"together: {why}", "focusplane")
                )
        return _move(draft, release, Stage.TAKEN_BACK, why)
    if all(one is not None and one.phase is Phase.PROMOTED for one in mine.values()):
        return _move(draft, release, Stage.PROMOTED, "all are safe")
    return draft


def _rollout(draft: Draft, release: Release, name: str) -> Rollout | None:
    found = draft.world.rollouts.get(name)
    return found if found is not None and found.id == release.rollouts.get(name) else None


def steer(draft: Draft, focus: Focus, rollout: Rollout, cause: Cause, words: str) -> Answered:
    """What a person does to one: a promotion is one of all, an abort soon is, a pause lets nobody go on."""
    if cause.saw is Saw.PROMOTED_BY_HAND and rollout.release:
        return _promote(draft, rollout, cause)
    draft = expose.pursue(draft, focus, rollout, cause)
    return draft, Done(rollout.id, f"{rollout.what}: {words}")


def _promote(draft: Draft, rollout: Rollout, cause: Cause) -> Answered:
    """On the word of a person all of them go to everybody, or none: one alone would have no way back with the others."""
    release = draft.world.releases[rollout.release]
    for name in release.members:
        focus, one = draft.world.policies.set.focuses.get(name), _rollout(draft, release, name)
        gone = ""
        if focus is not None and one is not None:
            gone = compared.of(draft.world.counters, focus, one).gone(one.version)
        if focus is None or one is None or gone or not rollouts.moves(one, cause.saw):
            why = gone or f"{name} cannot be promoted"
            return draft, Refused(
                "refused", f"{release.name} go together: {why}", f"focus rollout abort {name}"
            )
    for name in release.members:
        focus, one = draft.world.policies.set.focuses[name], draft.world.rollouts[name]
        draft = expose.pursue(draft, focus, one, cause)
    return draft, Done(release.id, f"{release.name}: promoted")


def _move(draft: Draft, release: Release, stage: Stage, why: str) -> Draft:
    moved = replace(release, stage=stage, since=draft.at, why=why)
    return draft.put("releases", release.id, moved).say(
        Kind.RELEASE_MOVED,
        "",
        release.id,
        why,
        stage=str(stage),
        members=dict(release.members),
        by=release.by,
    )


def _bounded(draft: Draft) -> Draft:
    kept = draft.world.releases
    over = [key for key, one in kept.items() if one.over]
    dropped = set(over[: max(0, len(kept) - KEPT)])
    return draft.but(releases={key: one for key, one in kept.items() if key not in dropped})
