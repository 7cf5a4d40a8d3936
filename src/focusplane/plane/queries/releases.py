"""Releases as people see them: all members as one."""

from focusplane.control.release import Release, Stage
from focusplane.kernel.errors import NotFoundError
from focusplane.plane.queries.rollouts import rollout
from focusplane.plane.queries.shown import Shown
from focusplane.plane.world import World


def releases(world: World) -> list[Shown]:
    """The newest first."""
    newest = sorted(world.releases.values(), key=lambda one: (-one.asked_at, one.id))
    return [_shown(one) for one in newest]


def release(world: World, key: str) -> Shown:
    """Raises `NotFoundError` for one that is unknown, or so long over that it was forgotten."""
    found = world.releases.get(key)
    if found is None:
        hint = f"known: {', '.join(world.releases) or 'none'}"
        raise NotFoundError(f"there is no release {key!r}", hint)
    known = world.policies.set.focuses
    parts = [rollout(world, name) for name in found.members if name in known]
    mine = [part if part.get("id") == found.rollouts.get(part["focus"]) else _apart(part) for part in parts]
    return {**_shown(found), "rollouts": mine}


def _apart(part: Shown) -> Shown:
    """A rollout of another time says nothing of this release."""
    return {
        "focus": part["focus"],
        "phase": "idle",
        "reason": part["reason"],
        "weight_text": "0%",
        "verdict": None,
    }


def _shown(one: Release) -> Shown:
    return {
        "id": one.id,
        "members": dict(one.members),
        "stage": str(one.stage),
        "why": one.why,
        "by": one.by,
        "reason": one.reason,
        "asked_at": one.asked_at,
        "since": one.since,
        "waits_for": [name for name in one.members if name not in one.ready]
        if one.stage is Stage.ASKING
        else [],
    }
