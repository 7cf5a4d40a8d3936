"""The latency buckets of a focus: a fixed fine grid, and every threshold that one of its objectives asks about."""

from focusplane.define.focus import Focus
from focusplane.define.sli import SliKind

GRID_MS: tuple[float, ...] = tuple(round(2 ** (step / 4), 3) for step in range(65))
"""1 ms to 65.5 s, each bound 1.19 times the one before: the judge refuses buckets coarser than 1.5 times."""


def bounds_for(focus: Focus) -> tuple[float, ...]:
    """Upper bounds in milliseconds, growing. Thresholds are among them, so that latency objectives are counted exactly."""
    thresholds = {
        float(objective.sli.under_ms)
        for objective in focus.objectives
        if objective.sli.kind is SliKind.LATENCY and objective.sli.under_ms > 0
    }
    return tuple(sorted(thresholds.union(GRID_MS)))
