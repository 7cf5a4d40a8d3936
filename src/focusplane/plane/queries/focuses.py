"""A focus as people see it: health, objectives, budget, burn, age of its data."""

from collections import Counter
from collections.abc import Iterable

from focusplane.act.action import Phase
from focusplane.act.incident import LIVE, rank
from focusplane.define.burn import period_ms
from focusplane.define.focus import Focus
from focusplane.define.slo import Level, Objective
from focusplane.instrument.conventions import OTHER
from focusplane.kernel.errors import NotFoundError
from focusplane.kernel.quantity import format_duration, format_percent
from focusplane.observe.health import GRAVITY, Budget, Burn, Health, State, Windowed
from focusplane.observe.judge_health import windowed
from focusplane.observe.reading import NoData
from focusplane.plane.queries.actions import actions
from focusplane.plane.queries.budgets import spending
from focusplane.plane.queries.measures import measures
from focusplane.plane.queries.shown import Shown, level, number, reading, seen, window
from focusplane.plane.queries.sources import sources, untold
from focusplane.plane.queries.units import unit
from focusplane.plane.queries.unmatched import unmatched
from focusplane.plane.world import World

MOST_GROUPS = 20
"""Groups of one objective that are shown; how many there are is said besides."""


def find(world: World, name: str) -> Focus:
    """Raises `NotFoundError` that names what there is."""
    focus = world.policies.set.focuses.get(name)
    if focus is None:
        known = ", ".join(sorted(world.policies.set.focuses)[:8]) or "none at all"
        raise NotFoundError(f"there is no focus {name!r}", f"declared are: {known}")
    return focus


def focuses(world: World) -> list[Shown]:
    """All of them, those in trouble first, then by name."""
    rows = [summary(world, each) for each in world.policies.set.focuses.values()]
    return sorted(rows, key=lambda row: (-GRAVITY.index(State(row["health"])), row["id"]))


def summary(world: World, focus: Focus) -> Shown:
    """One line of the list."""
    judged = [world.health.get(f"{focus.name}/{objective.name}") for objective in focus.objectives]
    state, reason = overall(judged)
    rollout = world.rollouts.get(focus.name)
    live = [one for one in world.incidents.values() if one.focus == focus.name and one.stage in LIVE]
    worst = max(live, key=rank, default=None)
    return {
        "id": focus.name,
        "owner": focus.owner,
        "environment": focus.environment,
        "tier": str(focus.tier),
        "pattern": focus.pattern,
        "labels": dict(focus.labels),
        "description": focus.description,
        "health": str(state),
        "reason": reason,
        "level": level(max((one.level for one in judged if one is not None), default=Level.NONE)),
        "objectives": [objective_row(world, focus, objective) for objective in focus.objectives],
        "data_age_ms": _age(world, focus.name),
        "sources": sources(world, focus),
        "untold": untold(world, focus),
        "stable": world.stable.get(focus.name, ""),
        "rollout": None
        if rollout is None
        else {
            "id": rollout.id,
            "version": rollout.version,
            "flag": rollout.flag,
            "what": rollout.what,
            "phase": str(rollout.phase),
            "weight": float(rollout.weight),
        },
        "incident": None
        if worst is None
        else {"id": worst.id, "stage": str(worst.stage), "title": worst.title},
        "frozen": world.frozen.get(focus.name) or world.frozen.get("*"),
    }


def _source(world: World, name: str) -> Shown:
    """Which telemetry counts now, and why that one."""
    lane = world.counters.lanes.get(name)
    if lane is None:
        return {"counted": "", "why": "nothing is counted yet"}
    active = lane.sources.active
    return {"counted": "" if active is None else str(active), "why": lane.sources.reason}


def _age(world: World, name: str) -> int | None:
    """Milliseconds since the data watermark; None before the first telemetry, which is not an age of zero."""
    mark = world.counters.watermark(name)
    return None if isinstance(mark, NoData) else max(world.tick.at - mark, 0)


def focus(world: World, name: str) -> Shown:
    """Everything about one focus. Raises `NotFoundError`."""
    found = find(world, name)
    return {
        **summary(world, found),
        "source": {
            "declared": str(found.source),
            **_source(world, name),
            "environment": world.environment,
        },
        "measures": measures(world, found),
        "waiting": [one for one in actions(world, name) if one["phase"] == Phase.AWAITING_APPROVAL],
        "depends_on": list(found.depends_on),
        "runbooks": list(found.runbooks),
        "boundary": [{"service": edge.service, "routes": list(edge.routes)} for edge in found.boundary],
        "objectives": [
            {**objective_row(world, found, each), **spending(world, found, each)} for each in found.objectives
        ],
        "mitigations": [_mitigation(world, found, at) for at in range(len(found.mitigations))],
    }


def overall(judged: Iterable[Health | None]) -> tuple[State, str]:
    """The gravest state and its reason; blind when nothing was judged, for silence is never success."""
    known = [one for one in judged if one is not None]
    if not known:
        return State.BLIND, "nothing has been judged yet"
    worst = max(known, key=lambda one: (GRAVITY.index(one.state), one.level))
    return worst.state, f"{worst.objective}: {worst.reason}"


def objective_row(world: World, focus: Focus, objective: Objective) -> Shown:
    health = world.health.get(f"{focus.name}/{objective.name}")
    row: Shown = {
        "name": objective.name,
        "kind": str(objective.sli.kind),
        "under_ms": objective.sli.under_ms or None,
        "target": format_percent(objective.target),
        "target_ratio": float(objective.target),
        "window": window(objective.window),
        "unmatched": unmatched(world, focus, objective) or None,
    }
    if health is None:
        nothing = NoData("nothing has been judged yet")
        return {
            **row,
            **reading(nothing),
            **seen(nothing, 0),
            **unit(world, focus.name, objective, nothing),
            **_groups(world, focus, objective),
            "budget": budget(nothing),
            "windows": [],
            "burn": [],
            "state": "blind",
            "level": "none",
            "reason": nothing.why,
        }
    return {
        **row,
        **reading(health.reading),
        **seen(health.reading, period_ms(objective.window)),
        **unit(world, focus.name, objective, health.reading),
        "budget": budget(_known(health)),
        "windows": [_window(health, each) for each in health.windows],
        "burn": [burn(one) for one in health.burns],
        "state": str(health.state),
        "level": level(health.level),
        "reason": health.reason,
        "age_ms": health.age_ms,
        **_groups(world, focus, objective),
    }


def _groups(world: World, focus: Focus, objective: Objective) -> Shown:
    """The groups of an objective that is judged apart by something, the worst first; none for any other."""
    if objective.by is None:
        return {"by": None, "groups": []}
    judged = world.groups.get(f"{focus.name}/{objective.name}", ())
    states = Counter(str(one.state) for one in judged)
    return {
        "by": str(objective.by.dimension),
        "most": objective.by.most,
        "groups_known": len(judged),
        "groups_failing": states[State.BURNING] + states[State.EXHAUSTED],
        "groups_overflow": any(one.group == f"{objective.by.dimension}={OTHER}" for one in judged),
        "groups": [_group(one) for one in judged[:MOST_GROUPS]],
    }


def _group(health: Health) -> Shown:
    return {
        "group": health.group,
        **reading(health.reading),
        "budget": budget(_known(health)),
        "burn": [burn(one) for one in health.burns if one.firing],
        "state": str(health.state),
        "level": level(health.level),
        "reason": health.reason,
    }


def _known(health: Health) -> Budget | NoData:
    """What is left of a budget nobody knows while nothing is heard, or when no event was ever counted."""
    if health.state is State.BLIND:
        return NoData(health.reason)
    if isinstance(health.reading, NoData) or not health.reading.total:
        return NoData("no event was counted")
    return health.budget


def budgets_at(world: World, name: str, at: int) -> Shown:
    """Every window of every objective as it stood at an instant, as far as counts of then are remembered. Raises
    `NotFoundError`.
    """
    found = find(world, name)
    return {
        "items": [
            {"objective": objective.name, **_windowed(each, each.budget)}
            for objective in found.objectives
            for each in windowed(world.counters, name, objective, at=at)
        ],
        "next": None,
    }


def _window(health: Health, one: Windowed) -> Shown:
    """One window with its own counts, coverage, watermark and budget; the first of them leads."""
    return _windowed(one, NoData(health.reason) if health.state is State.BLIND else one.budget)


def _windowed(one: Windowed, left: Budget | NoData) -> Shown:
    return {
        "window": window(one.window),
        "since": one.since,
        "until": one.until,
        "ends_at": one.since + one.length_ms,
        "left_out_ms": one.left_out_ms,
        **reading(one.reading),
        **seen(one.reading, one.until - one.since),
        "budget": budget(left),
    }


def budget(value: Budget | NoData) -> Shown:
    """`left` below zero is overspent. Always the same keys."""
    if isinstance(value, NoData):
        nothing = dict.fromkeys(("left", "spent", "allowed", "exhausts_at"))
        return {**nothing, "left_text": "–", "no_data": value.why}
    return {
        "left": number(value.left),
        "left_text": format_percent(value.left, 2),
        "spent": value.spent,
        "allowed": number(value.allowed),
        "exhausts_at": value.exhausts_at,
        "no_data": None,
    }


def burn(value: Burn) -> Shown:
    """`rate` is the lower of the two windows: the rule fires only when both exceed its factor."""
    known = [rate for rate in (value.long_rate, value.short_rate) if rate is not None]
    rule = value.rule
    return {
        "level": level(rule.level),
        "windows": [format_duration(rule.long_ms), format_duration(rule.short_ms)],
        "factor": number(rule.factor),
        "ratio": number(rule.ratio),
        "rate": float(min(known)) if len(known) == 2 else None,
        "long_rate": number(value.long_rate),
        "short_rate": number(value.short_rate),
        "state": "firing" if value.firing else "quiet",
        "reason": value.reason,
    }


def _mitigation(world: World, focus: Focus, at: int) -> Shown:
    one = focus.mitigations[at]
    score = world.scores.get(f"{focus.name}/{one.name}")
    return {
        "name": one.name,
        "mode": str(one.mode),
        "cooldown": format_duration(one.cooldown_ms),
        "last_acted_at": world.fired.get(f"{focus.name}/{one.name}"),
        "would_have": score.would_have if score else 0,
        "confirmed": score.confirmed if score else 0,
        "passed": score.passed if score else 0,
        "unseen": score.unseen if score else 0,
    }
