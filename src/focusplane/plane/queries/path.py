"""How the evidence of a rollout went, as columns of numbers; the same from the world and from the journal."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from focusplane.act.fact import Fact, Kind
from focusplane.observe.path import told
from focusplane.plane.queries.shown import Shown
from focusplane.plane.world import World

OPEN = 1e12
"""An end of the interval that the evidence leaves open."""


def path_of(world: World, name: str, rollout: str) -> Shown | None:
    """Of that rollout of a focus; None before the first verdict."""
    path = world.paths.get(name)
    return None if path is None or path.of != rollout else shown_path(told(path))


def path_told(facts: Sequence[Fact], rollout: str) -> Shown | None:
    """The same of a rollout that is over, from what the journal says of its end."""
    for fact in reversed(facts):
        path = fact.body.get("path")
        if fact.kind is Kind.ROLLOUT_MOVED and fact.subject == rollout and isinstance(path, Mapping):
            return shown_path(path)
    return None


def shown_path(path: Mapping[str, Any]) -> Shown:
    """An open end of the interval is null."""
    return {
        "rollout": path["rollout"],
        "every": path["every"],
        "at": list(path["at"]),
        "step": list(path["step"]),
        **{key: _numbers(path[key]) for key in ("harm", "safe", "low", "high")},
        "times": times(*(float(path[end][-1]) for end in ("low", "high"))) if path["at"] else "",
        "metrics": {
            name: {"harm": _numbers(one["harm"]), "safe": _numbers(one["safe"]), "worst": one["worst"]}
            for name, one in path["metrics"].items()
        },
        "strata": {name: _numbers(one) for name, one in path["strata"].items()},
    }


def times(low: float, high: float) -> str:
    """How many times as often the new version fails, by the interval that holds at any look; empty if both ends are open."""
    most = "" if high >= OPEN else f"{high:.3g}"
    if low <= 0:
        return most and f"at most {most}"
    return f"{low:.3g} to {most}" if most else f"at least {low:.3g}"


def _numbers(values: Sequence[str]) -> list[float | None]:
    read = (float(value) for value in values)
    return [value if math.isfinite(value) and value < OPEN else None for value in read]
