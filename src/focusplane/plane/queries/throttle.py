"""May work in the background go on now? For backfills and migrations that ask many times a second, and slow down for it."""

from fractions import Fraction

from focusplane.define.focus import Focus
from focusplane.define.slo import Level, Objective
from focusplane.kernel.quantity import format_duration, format_percent
from focusplane.kernel.tick import SECOND
from focusplane.observe.health import Budget
from focusplane.observe.reading import Measured
from focusplane.plane.arrows import expose
from focusplane.plane.arrows.judge import old_after
from focusplane.plane.queries.focuses import find
from focusplane.plane.queries.shown import Shown
from focusplane.plane.world import World

RECENT_MS = 10 * SECOND
"""What is looked at besides the alert windows: a migration that hurts must stop in seconds."""
RECENT_BURN = Fraction(10)
LEAST_BAD = 5
"""So few failures are no sign yet."""


def throttle(world: World, name: str, tenant: str = "") -> Shown:
    """`run` is whether it may; `harm` whether somebody is hurt now. `tenant` is looked at besides the whole. What cannot be
    seen may not run. Raises `NotFoundError` for a focus that is not declared.
    """
    focus = find(world, name)
    hurt = _harm(world, focus, tenant)
    held = hurt or _held(world, focus)
    return {"focus": name, "run": not held, "harm": bool(hurt), "reason": held or "nothing stands in the way"}


def _harm(world: World, focus: Focus, tenant: str) -> str:
    """What fails now, by the alert windows or in the last seconds."""
    for objective in focus.objectives:
        health = world.health.get(f"{focus.name}/{objective.name}")
        if health is not None and health.level >= Level.ACT:
            return f"{objective.name}: {health.reason}"
        for part in ("", f"tenant={tenant}") if tenant else ("",):
            if why := _fails_now(world, focus, objective, part):
                return why
    return ""


def _fails_now(world: World, focus: Focus, objective: Objective, part: str) -> str:
    mark = world.counters.watermark(focus.name)
    if not isinstance(mark, int) or objective.sli.unit_ms:
        return ""
    seen = world.counters.over(focus.name, objective.name, RECENT_MS, mark, part)
    if not isinstance(seen, Measured) or seen.bad < LEAST_BAD:
        return ""
    burn = Fraction(seen.bad, seen.total) / objective.budget
    if burn <= RECENT_BURN:
        return ""
    whose = f" of {part}" if part else ""
    share = format_percent(Fraction(seen.bad, seen.total), 1)
    return f"{objective.name}: {share}{whose} failed in the last {format_duration(RECENT_MS)}, {float(burn):.3g} times what may"


def _held(world: World, focus: Focus) -> str:
    """Why nothing may run although nobody is hurt: a freeze, nothing to be seen, no budget left."""
    frozen = world.frozen.get("*") or world.frozen.get(focus.name)
    if frozen:
        return f"frozen: {frozen}"
    old = old_after(world.counters, focus.name)
    for objective in focus.objectives:
        health = world.health.get(f"{focus.name}/{objective.name}")
        if health is None:
            return f"{objective.name}: nothing was ever seen of it"
        if why := expose.unseen(health, old):
            return f"{objective.name}: {why}"
        least = focus.rollout.freeze.budget_below if focus.rollout is not None else Fraction(0)
        if isinstance(health.budget, Budget) and health.budget.left <= least:
            return f"{objective.name}: {format_percent(health.budget.left, 1)} of the error budget is left"
    return ""
