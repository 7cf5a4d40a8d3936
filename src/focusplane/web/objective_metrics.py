"""What `/metrics` says of objectives, budgets, incidents and changes, for dashboards of any Prometheus that scrapes it.

Names no tenant: the page may be open. The budget that is left is a share of the budget, 1 minus what failed over what may
fail; it is not the SLI, with which it is easily confused.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from focusplane.act.incident import LIVE
from focusplane.kernel.quantity import format_duration
from focusplane.observe.health import Budget, Health, State
from focusplane.observe.reading import NoData
from focusplane.plane.world import World

Sample = tuple[str, dict[str, str], float]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: a gauge with its samples."""

    name: str
    what: str
    samples: tuple[Sample, ...]


def families(world: World) -> tuple[Family, ...]:
    """In a fixed order; a sample that is not known is left out, never zero."""
    rows = [(_labels(one), one) for one in world.health.values()]
    return (
        Family(
            "focus_objective_target_ratio", "Share of good events that is promised.", tuple(_targets(world))
        ),
        Family("focus_objective_good_ratio", "Share of good events in the window.", tuple(_good(rows))),
        Family("focus_objective_window_events", "Events in the window, by outcome.", tuple(_events(rows))),
        Family(
            "focus_objective_budget_left_ratio", "Share of the error budget that is left.", tuple(_left(rows))
        ),
        Family(
            "focus_objective_burn_rate",
            "Burn rate over the long window of a rule.",
            tuple(_burns(rows, False)),
        ),
        Family(
            "focus_objective_burn_threshold", "Burn rate above which it fires.", tuple(_burns(rows, True))
        ),
        Family("focus_incidents_live", "Incidents of the focus that are not over.", tuple(_incidents(world))),
        Family("focus_tenants_hurt", "Tenants hurt by incidents that are not over.", tuple(_tenants(world))),
        Family(
            "focus_incident_opened_timestamp_seconds",
            "When one opened that is not over.",
            tuple(_opened(world)),
        ),
        Family(
            "focus_change_timestamp_seconds", "When something last changed, by kind.", tuple(_changes(world))
        ),
    )


def _labels(health: Health) -> dict[str, str]:
    return {"focus": health.focus, "objective": health.objective}


def _targets(world: World) -> Iterator[Sample]:
    for focus in world.policies.set.focuses.values():
        for objective in focus.objectives:
            yield "", {"focus": focus.name, "objective": objective.name}, float(objective.target)


def _good(rows: Iterable[tuple[dict[str, str], Health]]) -> Iterator[Sample]:
    for labels, health in rows:
        reading = health.reading
        if not isinstance(reading, NoData) and reading.total and health.state is not State.BLIND:
            yield "", labels, reading.good / reading.total


def _events(rows: Iterable[tuple[dict[str, str], Health]]) -> Iterator[Sample]:
    for labels, health in rows:
        reading = health.reading
        if not isinstance(reading, NoData):
            yield "", {**labels, "outcome": "good"}, reading.good
            yield "", {**labels, "outcome": "bad"}, reading.total - reading.good


def _left(rows: Iterable[tuple[dict[str, str], Health]]) -> Iterator[Sample]:
    for labels, health in rows:
        counted = not isinstance(health.reading, NoData) and health.reading.total
        if isinstance(health.budget, Budget) and counted and health.state is not State.BLIND:
            yield "", labels, float(health.budget.left)


def _burns(rows: Iterable[tuple[dict[str, str], Health]], limits: bool) -> Iterator[Sample]:
    """One sample for each long window and level; of two rules with both the same, the first."""
    for labels, health in rows:
        seen: set[tuple[str, str]] = set()
        for burn in health.burns:
            window, level = format_duration(burn.rule.long_ms), burn.rule.level.name.lower()
            value = burn.rule.factor if limits else burn.long_rate
            if burn.rule.factor is None or value is None or (window, level) in seen:
                continue
            seen.add((window, level))
            yield "", {**labels, "window": window, "level": level}, float(value)


def _incidents(world: World) -> Iterator[Sample]:
    counts = {name: 0 for name in world.policies.set.focuses}
    for one in world.incidents.values():
        if one.stage in LIVE:
            counts[one.focus] = counts.get(one.focus, 0) + 1
    yield from (("", {"focus": name}, count) for name, count in sorted(counts.items()))


def _tenants(world: World) -> Iterator[Sample]:
    hurt: dict[str, int] = {}
    for one in world.incidents.values():
        found = one.impact.get("tenants_hurt")
        if one.stage in LIVE and isinstance(found, int):
            hurt[one.focus] = max(hurt.get(one.focus, 0), found)
    yield from (("", {"focus": name}, count) for name, count in sorted(hurt.items()))


def _opened(world: World) -> Iterator[Sample]:
    newest: dict[str, int] = {}
    for one in world.incidents.values():
        if one.stage in LIVE:
            newest[one.focus] = max(newest.get(one.focus, 0), one.opened_at)
    yield from (("", {"focus": name}, at / 1000) for name, at in sorted(newest.items()))


def _changes(world: World) -> Iterator[Sample]:
    newest: dict[tuple[str, str], int] = {}
    for one in world.changes:
        newest[one.focus, one.kind] = max(newest.get((one.focus, one.kind), 0), one.at)
    for (focus, kind), at in sorted(newest.items()):
        yield "", {"focus": focus, "kind": kind}, at / 1000
