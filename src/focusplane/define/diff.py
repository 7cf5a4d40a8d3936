"""What changed between two policy sets, in plain words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum, IntEnum
from fractions import Fraction
from typing import Any

from focusplane.define.focus import PolicySet
from focusplane.define.targeting import Crowd, Rule
from focusplane.define.wording import worded
from focusplane.kernel.quantity import Rate, format_duration, format_percent, format_rate

NOTHING = ""
_NUMBERS = frozenset({"burn", "factor", "tolerance"})
"""Fractions that are no shares."""
_SPELT = {"table": "rules"}
"""Fields that policies spell otherwise."""
_WHOLE = (Rate, Crowd)
"""Said as a whole, also where only a part of it changed."""
_DERIVED = frozenset({"digest", "rules", "name", "key"})


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """`before` or `after` is empty for what was added or taken away; `focus` may also be `team/x`, `runbook/x` or `calendar/x`."""

    focus: str
    path: str
    before: str
    after: str

    def __str__(self) -> str:
        where = f"{self.focus} {self.path}".strip()
        if not self.before:
            return f"{where}: added {self.after}"
        if not self.after:
            return f"{where}: removed; it was: {self.before}"
        return f"{where}: {self.before} -> {self.after}"


def diff(old: PolicySet, new: PolicySet) -> tuple[Change, ...]:
    """Every difference, sorted by focus and path. Sets with the same digest have none."""
    found: list[Change] = []
    for prefix, before, after in (
        ("", old.focuses, new.focuses),
        ("team/", old.teams, new.teams),
        ("runbook/", old.runbooks, new.runbooks),
        ("calendar/", old.calendars, new.calendars),
    ):
        for name in {**before, **after}:
            for path, one, other in _walk("", before.get(name), after.get(name)):
                found.append(Change(f"{prefix}{name}", path, one, other))
    for name in old.removed ^ new.removed:
        gone = name in new.removed
        found.append(
            Change(name, "tombstone", NOTHING if gone else "removed", "removed" if gone else NOTHING)
        )
    return tuple(sorted(found))


def say(value: Any) -> str:
    """A declared value as people write it."""
    match value:
        case None:
            return NOTHING
        case bool():
            return "true" if value else "false"
        case IntEnum():
            return value.name.lower()
        case Enum():
            return str(value.value)
        case Fraction():
            return format_percent(value) if value <= 1 else f"{float(value):g}"
        case Rate():
            return format_rate(value)
        case _:
            return _say_composite(value)


def _say_composite(value: Any) -> str:
    if is_dataclass(value):
        told = worded(value)
        if told:
            return told
        named = getattr(value, "name", "") or getattr(value, "key", "")
        if named:
            return str(named)
        if _speaks(value):
            return str(value)
        parts = [f"{key} {text}" for key, text in _shown(value) if text]
        return ", ".join([_words(type(value).__name__), *parts])
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {say(item)}" for key, item in value.items()) or "nothing"
    if isinstance(value, tuple | list):
        between = "; " if any(isinstance(item, Rule) for item in value) else ", "
        return between.join(say(item) for item in value) or "nothing"
    return str(value)


def _speaks(value: Any) -> bool:
    """It has words of its own, as an address has."""
    return "__str__" in vars(type(value))


def _shown(value: Any) -> Iterator[tuple[str, str]]:
    for field in fields(value):
        yield _key(field.name), _text(field.name, getattr(value, field.name))


def _walk(path: str, before: Any, after: Any) -> Iterator[tuple[str, str, str]]:
    if before == after:
        return
    if is_dataclass(before) and type(before) is type(after) and not isinstance(before, _WHOLE):
        for field in fields(before):
            if field.name not in _DERIVED:
                one, other = getattr(before, field.name), getattr(after, field.name)
                yield from _walk_field(path, field.name, one, other)
    elif _keyed(before) is not None and _keyed(after) is not None:
        ours, theirs = _keyed(before) or {}, _keyed(after) or {}
        for name in {**ours, **theirs}:
            yield from _walk(f"{path}.{name}", ours.get(name), theirs.get(name))
    else:
        yield path.lstrip("."), say(before) or NOTHING, say(after) or NOTHING


def _walk_field(path: str, name: str, before: Any, after: Any) -> Iterator[tuple[str, str, str]]:
    inner = f"{path}.{_key(name)}"
    if name.endswith("_ms") and before != after:
        yield inner.lstrip("."), format_duration(before), format_duration(after)
    elif name in _NUMBERS and before != after and before is not None and after is not None:
        yield inner.lstrip("."), f"{float(before):g}", f"{float(after):g}"
    else:
        yield from _walk(inner, before, after)


def _text(name: str, value: Any) -> str:
    return format_duration(value) if name.endswith("_ms") and value else say(value)


def _keyed(value: Any) -> Mapping[str, Any] | None:
    """Things that are known by name or number: a mapping, a list of named things, a list of records."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, tuple) and all(getattr(item, "name", "") for item in value):
        return {item.name: item for item in value}
    if isinstance(value, tuple) and all(is_dataclass(item) and not _speaks(item) for item in value):
        return {str(number): item for number, item in enumerate(value)}
    return None


def _key(name: str) -> str:
    first, *rest = _SPELT.get(name, name).removesuffix("_ms").split("_")
    return first + "".join(word.capitalize() for word in rest)


def _words(name: str) -> str:
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
