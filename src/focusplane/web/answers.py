"""How an answered request is shown: what was made or moved, why, and how it stands now."""

from focusplane.act.request import Done
from focusplane.plane import queries
from focusplane.plane.queries import Shown
from focusplane.plane.world import World


def shown(world: World, done: Done) -> Shown:
    """The action itself if one was made, and always `id` and `reason`."""
    made = queries.action(world, done.subject) if done.subject in world.actions else {}
    return {**made, "id": done.subject, "reason": done.reason, **done.body}
