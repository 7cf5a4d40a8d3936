"""What is on its way to users, all of it: rollouts, releases and comparisons, those that go on before those that are over."""

from focusplane.control.rollout import Rollout
from focusplane.plane.queries.comparisons import comparisons
from focusplane.plane.queries.releases import releases
from focusplane.plane.queries.rollouts import rollout
from focusplane.plane.queries.shown import Shown
from focusplane.plane.world import World

MOST_OVER = 20
MOST = 100


def moving(world: World) -> Shown:
    """`running` and `over` are rollouts, the newest first; `asked` those whose destination has not answered yet."""
    known = world.policies.set.focuses
    mine = [one for name, one in world.rollouts.items() if name in known]
    running = sorted((one for one in mine if one.live), key=lambda one: (-one.started_at, one.focus))
    over = sorted((one for one in mine if not one.live), key=lambda one: (-_ended(one), one.focus))
    asked = sorted(name for name in world.waiting if name in known)
    compared = comparisons(world)
    return {
        "running": [rollout(world, one.focus) for one in running[:MOST]],
        "asked": [rollout(world, name) for name in asked[:MOST]],
        "over": [{**rollout(world, one.focus), "ended_at": _ended(one)} for one in over[:MOST_OVER]],
        "releases": releases(world)[:MOST_OVER],
        "comparisons": compared[:MOST],
        "beyond": {
            "running": max(len(running) - MOST, 0),
            "over": max(len(over) - MOST_OVER, 0),
            "comparisons": max(len(compared) - MOST, 0),
        },
    }


def _ended(one: Rollout) -> int:
    return one.ended_at or one.step_since
