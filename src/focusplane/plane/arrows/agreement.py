"""Agreement: the members of a release go on when all of them are safe, and back when all together show harm."""

from collections.abc import Mapping

from focusplane.control.release import Release, Stage
from focusplane.control.rollout import RAISES, Cause, Saw, moves
from focusplane.plane.arrows import compared
from focusplane.plane.arrows.words import said_float
from focusplane.plane.draft import Draft

Causes = Mapping[str, Cause | str]


def agree(draft: Draft, causes: Causes) -> Causes:
    """What each rollout saw, after what its fellows saw: nobody goes on alone, and nobody is taken back alone."""
    agreed = dict(causes)
    for release in draft.world.releases.values():
        if release.stage is Stage.RUNNING:
            together = _of(draft, release, agreed)
            alone = {focus: cause for focus, cause in agreed.items() if focus not in together}
            agreed = {**alone, **together}
    return agreed


def _of(draft: Draft, release: Release, causes: Causes) -> Causes:
    mine = {focus: causes[focus] for focus in release.members if focus in causes}
    harm = _harm(draft, release) or _too_costly(draft, mine)
    if harm and not any(_is(cause, Saw.FROZEN) for cause in mine.values()):
        gone = next(filter(None, (_no_way_back(draft, focus) for focus in mine)), "")
        back = Cause(Saw.DESTINATION_GONE, f"{harm}; but a way back fails too: {gone}")
        cause = back if gone else Cause(Saw.HARMFUL, harm)
        return {focus: cause for focus in reversed(list(mine))}
    waits = [
        focus for focus in release.members if focus not in mine or not _goes_on(draft, focus, mine[focus])
    ]
    if not waits:
        return mine
    return {focus: _alone(cause, waits) for focus, cause in mine.items()}


def _is(cause: Cause | str, saw: Saw) -> bool:
    return isinstance(cause, Cause) and cause.saw is saw


def _goes_on(draft: Draft, focus: str, cause: Cause | str) -> bool:
    """Its next step would begin now: what a person paused does not, however safe it is."""
    if isinstance(cause, str) or cause.saw not in RAISES:
        return False
    return moves(draft.world.rollouts[focus], cause.saw)


def _no_way_back(draft: Draft, name: str) -> str:
    focus, rollout = draft.world.policies.set.focuses.get(name), draft.world.rollouts[name]
    return compared.of(draft.world.counters, focus, rollout).gone(rollout.stable) if focus is not None else ""


def _alone(cause: Cause | str, waits: list[str]) -> Cause | str:
    """A step that waits for its fellows; harm that is not yet harm of all holds."""
    if isinstance(cause, str):
        return cause
    if cause.saw in RAISES:
        return f"safe by itself; it waits for {', '.join(waits)}"
    if cause.saw is Saw.HARMFUL:
        return Cause(Saw.NO_EVIDENCE, f"{cause.reason}; not yet over all members together")
    return cause


def _too_costly(draft: Draft, causes: Causes) -> str:
    """A member that has cost more than its cap allows takes all back: that is a price, and no chance is weighed."""
    for name, cause in causes.items():
        focus, verdict = draft.world.policies.set.focuses.get(name), draft.world.verdicts.get(name)
        if focus is None or focus.rollout is None or verdict is None or isinstance(cause, str):
            continue
        proved = verdict.e_regress * focus.rollout.judge.alpha >= 1
        if cause.saw is Saw.HARMFUL and not proved:
            return f"{name}: {cause.reason}"
    return ""


def _harm(draft: Draft, release: Release) -> str:
    """The mean of the e-values of harm is an e-process itself, whatever the members have to do with each other: at 1/alpha
    the whole is taken back, and a good release is with a chance of at most alpha. Empty if it is not there.
    """
    verdicts = {focus: draft.world.verdicts.get(focus) for focus in release.members}
    values = [verdict.e_regress if verdict is not None else 1.0 for verdict in verdicts.values()]
    alphas = [
        focus.rollout.judge.alpha
        for name in release.members
        if (focus := draft.world.policies.set.focuses.get(name)) is not None and focus.rollout is not None
    ]
    mean = sum(values) / len(values)
    if not alphas or mean * min(alphas) < 1:
        return ""
    worst = max(release.members, key=lambda focus: values[list(release.members).index(focus)])
    verdict = verdicts[worst]
    told = verdict.reason if verdict is not None else ""
    limit = said_float(float(1 / min(alphas)))
    return f"worse over all {len(values)} members: mean evidence {mean:.3g} against {limit}, most of it from {worst}: {told}"
