"""Agreement: the members of a release go on when all of them are safe, and back when all together show harm."""

from collections.abc import Mapping
from fractions import Fraction

from focusplane.control.release import Release, Stage
from focusplane.control.rollout import RAISES, Cause, Saw, moves
from focusplane.observe.verdict import Ruling, Verdict
from focusplane.plane.arrows import compared
from focusplane.plane.arrows.words import ASKS, said_float
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
    others = ", ".join(waits)
    if len(waits) == 1:
        others = f"{others} ({_said(mine.get(waits[0], 'it is not judged now'))})"
    return {focus: _alone(cause, others) for focus, cause in mine.items()}


def _said(cause: Cause | str) -> str:
    """What a fellow waits for. Whom that one asks is not asked for this one too."""
    return cause if isinstance(cause, str) else cause.reason.replace(ASKS, "it asks")


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


def _alone(cause: Cause | str, others: str) -> Cause | str:
    """A step that waits for its fellows; harm that is not yet harm of all holds."""
    if isinstance(cause, str):
        return cause
    if cause.saw in RAISES:
        return f"safe by itself; it waits for {others}"
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


def _of_itself(verdict: Verdict | None, alpha: Fraction) -> float:
    """The evidence of harm of a member; none where enough for a rollback is there and is held, for its tenants explain it."""
    if verdict is None or (verdict.e_regress * alpha >= 1 and verdict.ruling is not Ruling.ROLLBACK):
        return 1.0
    return verdict.e_regress


def _harm(draft: Draft, release: Release) -> str:
    """The mean of the e-values of harm is an e-process itself, whatever the members have to do with each other: at 1/alpha
    the whole is taken back, and a good release is with a chance of at most alpha. Empty if it is not there.
    """
    focuses, verdicts = draft.world.policies.set.focuses, draft.world.verdicts
    specs = {
        name: focus.rollout
        for name in release.members
        if (focus := focuses.get(name)) is not None and focus.rollout is not None
    }
    values = {
        name: _of_itself(verdicts.get(name), specs[name].judge.alpha) if name in specs else 1.0
        for name in release.members
    }
    mean, alpha = sum(values.values()) / len(values), min((s.judge.alpha for s in specs.values()), default=0)
    if mean * alpha < 1:
        return ""
    worst = max(values, key=lambda name: values[name])
    verdict = verdicts.get(worst)
    told = verdict.reason if verdict is not None else ""
    limit = said_float(float(1 / alpha))
    return f"worse over all {len(values)} members: mean evidence {mean:.3g} against {limit}, most of it from {worst}: {told}"
