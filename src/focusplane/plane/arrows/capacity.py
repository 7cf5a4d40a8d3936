"""Capacity: before a step raises the weight, so many instances of the new version must be ready (N15)."""

from dataclasses import replace

from focusplane.act.effect import Probe
from focusplane.control.rollout import RAISES, Cause, Rollout, Saw
from focusplane.define.focus import Focus
from focusplane.define.rollout import RolloutSpec
from focusplane.kernel.ids import short_id
from focusplane.kernel.tick import SECOND
from focusplane.plane.arrival import Probed
from focusplane.plane.draft import Draft
from focusplane.plane.world import Capacity

FRESH_MS = 5 * SECOND
"""An answer counts so long; then the instances are asked again."""


def gate(
    draft: Draft, focus: Focus, spec: RolloutSpec, rollout: Rollout, cause: Cause | str
) -> tuple[Draft, Cause | str]:
    """The same cause, or why the next step does not begin yet."""
    traffic = focus.controls.traffic
    if (
        isinstance(cause, str)
        or cause.saw not in RAISES
        or not spec.min_instances
        or traffic is None
        or rollout.flag
    ):
        return draft, cause
    known = draft.world.capacity.get(focus.name)
    stale = known is None or known.rollout != rollout.id or known.step != rollout.step
    if known is None or stale or (known.at and draft.at - known.at > FRESH_MS):
        key = short_id("probe", rollout.id, rollout.step, draft.tick.number)
        draft = draft.put("capacity", focus.name, Capacity(rollout.id, rollout.step, key))
        draft = draft.cause(
            Probe(key, focus.name, rollout.version, traffic.versions.get(rollout.version, ()))
        )
        return draft, f"asking how many instances of {rollout.version} are ready for the next step"
    if not known.at:
        return draft, f"asking how many instances of {rollout.version} are ready for the next step"
    if not known.missing or (traffic.driver is None and known.ready >= spec.min_instances):
        return draft, cause
    missing = "; ".join(known.missing)
    counted = f", {known.ready} ready" if traffic.driver is None else ""
    why = f"the next step needs {spec.min_instances} instances of {rollout.version}{counted}: {missing}"
    return draft, Cause(Saw.NO_EVIDENCE, why)


def answered(draft: Draft, arrival: Probed) -> Draft | None:
    """What the instances said, if it was asked for a step; None if it was asked for something else."""
    known = draft.world.capacity.get(arrival.focus)
    if known is None or known.probe != arrival.key:
        return None
    missing = tuple(f"{address}: {why}" for address, why in arrival.results.items() if why)
    ready = len(arrival.results) - len(missing)
    return draft.put("capacity", arrival.focus, replace(known, at=draft.at, ready=ready, missing=missing))
