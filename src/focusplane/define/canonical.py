"""Declared values as exact JSON: what digests are made of and what diffs compare."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from fractions import Fraction
from typing import Any

from focusplane.kernel.ids import Json, digest

CAME_LATER: Mapping[str, frozenset[str]] = {
    "Alerts": frozenset({"group_by", "most_pages", "review", "table"}),
    "Calendar": frozenset({"start_day"}),
    "Flag": frozenset({"by", "driver", "exposure", "permanent", "requires", "rollout", "rules", "schedule"}),
    "Focus": frozenset({"engine", "most_others", "segments"}),
    "Extra": frozenset({"pairs"}),
    "JudgeSpec": frozenset({"budget_share", "extras", "latency", "min_instances"}),
    "Match": frozenset({"attributes", "clients"}),
    "Objective": frozenset({"by", "more_windows", "table"}),
    "PolicySet": frozenset({"calendars"}),
    "RolloutSpec": frozenset({"hotfix", "min_instances", "mirror", "rings", "synthetic"}),
    "Sli": frozenset({"composite", "freshness", "good", "probe", "promql", "slices", "throughput", "total"}),
    "Step": frozenset({"by", "mirror", "ring", "tenants"}),
    "Team": frozenset({"escalation"}),
    "Traffic": frozenset({"backends", "driver"}),
}
"""Fields that came after the first version, by the class they stand in: at its default such a field stands in no digest, so
that what was declared before keeps the digest that it had, and old journals replay to the same ids."""


def plain(value: Any) -> Json:
    """Integers, strings, lists and mappings; a fraction becomes `999/1000`, a dataclass names its type.

    Raises `TypeError` for what no policy can hold.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return str(value.name).lower()
    if isinstance(value, int | str):
        return value
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    return _composite(value)


def _composite(value: Any) -> Json:
    if is_dataclass(value):
        held = {
            field.name: plain(getattr(value, field.name))
            for field in fields(value)
            if not _unsaid(field, value)
        }
        return {"is": type(value).__name__, **held}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(str(item) for item in value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} stands in no policy")


def _unsaid(field: Field[Any], value: Any) -> bool:
    if field.name not in CAME_LATER.get(type(value).__name__, ()):
        return False
    default = field.default_factory() if field.default_factory is not MISSING else field.default
    return bool(getattr(value, field.name) == default)


def digest_of(value: Any) -> str:
    """Changes whenever anything inside the value changes."""
    return digest(plain(value))
