"""Synthetic requests of a rollout as people see them: how many of all they were, what they met, whether some are sent now."""

from focusplane.control.rollout import Rollout
from focusplane.define.rollout import RolloutSpec
from focusplane.kernel.quantity import format_rate
from focusplane.plane.queries.shown import Shown
from focusplane.plane.world import World


def synthetic_of(world: World, running: Rollout, spec: RolloutSpec | None) -> Shown | None:
    """None where none were sent, and the policy asks for none."""
    known = world.supplies.get(running.focus)
    asked = spec.synthetic if spec is not None else None
    if known is None or known.rollout != running.id:
        return None
    evidence = world.evidence.get(running.focus)
    made = evidence.synthetic if evidence is not None else None
    canary, canary_bad, baseline, baseline_bad = made.metric.counts if made is not None else (0, 0, 0, 0)
    users = evidence.errors.counts[0] if evidence is not None else 0
    failed = f"{canary_bad} of them failed, {baseline_bad} of {baseline} of {running.stable}"
    now = f"none are sent: {known.off}"
    if not known.off and asked is not None:
        now = f"{format_rate(asked.rate)} go to each, for users send fewer than {format_rate(asked.below)} to one"
    left = ", ".join(f"{count}: {why}" for why, count in known.left.items())
    return {
        "requests": canary,
        "of": users + canary,
        "failed": canary_bad,
        "baseline_requests": baseline,
        "baseline_failed": baseline_bad,
        "sending": not known.off,
        "promotes": evidence is not None and evidence.promotes,
        "left_out": dict(known.left),
        "last": known.last,
        "text": f"of {users + canary} requests of {running.version}, {canary} were synthetic; {failed}",
        "now": now,
        "left": f"rounds not counted, {left}; the last: {known.last}" if left else "",
    }
