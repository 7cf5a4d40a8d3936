"""Closed seconds of both arms -> Evidence -> Verdict, for every live rollout."""

from focusplane.act.fact import Kind
from focusplane.control.rollout import Rollout
from focusplane.define.focus import Focus
from focusplane.define.rollout import JudgeSpec
from focusplane.kernel.quantity import format_duration
from focusplane.kernel.tick import MINUTE, SECOND
from focusplane.observe.arms import ArmBucket
from focusplane.observe.canary import begin, fold, rule
from focusplane.observe.evidence import Evidence
from focusplane.observe.reading import NoData
from focusplane.observe.verdict import Ruling
from focusplane.plane.arrows.words import said_verdict
from focusplane.plane.draft import Draft

OLD_MS = 15 * SECOND
"""Data older than this may tighten, never loosen or promote (N4)."""
COARSE_MS = 2 * SECOND
"""Reports at least so long are cut at a change of weights; shorter ones are buckets of a second."""
PAST_MS = 15 * MINUTE


def rollouts(draft: Draft) -> Draft:
    """Fold what was closed since the last turn into the evidence of each rollout, and rule."""
    for name, rollout in draft.world.rollouts.items():
        focus = draft.world.policies.set.focuses.get(name)
        if rollout.live and focus is not None and focus.rollout is not None:
            draft = _judge(draft, focus, rollout)
    return draft


def _judge(draft: Draft, focus: Focus, rollout: Rollout) -> Draft:
    world, spec = draft.world, focus.rollout
    mark = world.counters.watermark(focus.name)
    if isinstance(mark, NoData) or spec is None:
        return draft
    evidence = world.evidence.get(focus.name) or _begin(draft, spec.judge, rollout)
    buckets = world.counters.arms(focus.name, rollout.version, rollout.stable, evidence.folded_to, mark)
    buckets = _cut(buckets, rollout, world.counters.lanes[focus.name].sources.interval())
    if not buckets:
        return draft
    evidence = fold(evidence, buckets)
    age = draft.at - mark
    stale = f"the newest is {format_duration(age)} old" if age > OLD_MS else ""
    verdict = rule(evidence, evidence.spec, rollout.steps[rollout.step], stale)
    before = world.verdicts.get(focus.name)
    draft = draft.put("evidence", focus.name, evidence).put("verdicts", focus.name, verdict)
    if before is not None and before.ruling is verdict.ruling:
        return draft
    if before is None and verdict.ruling is Ruling.HOLD:
        return draft
    return draft.say(
        Kind.ROLLOUT_RULED,
        focus.name,
        rollout.id,
        verdict.reason,
        ruling=str(verdict.ruling),
        version=rollout.version,
        step=rollout.step,
        **said_verdict(verdict),
    )


def _cut(buckets: tuple[ArmBucket, ...], rollout: Rollout, interval_ms: int) -> tuple[ArmBucket, ...]:
    """Without what slow reports say of the time round the last change of weights: one that spans it mixes two splits, and
    the arms of such a bucket were not drawn alike.
    """
    if interval_ms < COARSE_MS:
        return buckets
    return tuple(bucket for bucket in buckets if bucket.at > rollout.step_since + interval_ms)


def _begin(draft: Draft, spec: JudgeSpec, rollout: Rollout) -> Evidence:
    """No evidence yet; the baseline's latencies of the last quarter of an hour set the thresholds."""
    since = rollout.step_since
    past = draft.world.counters.latencies(rollout.focus, since - PAST_MS, since, rollout.stable)
    return begin(spec, since, None if isinstance(past, NoData) else past)
