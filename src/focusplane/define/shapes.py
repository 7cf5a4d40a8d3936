"""The shapes that records are made of: words, choices, names, lists, maps and alternatives."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from focusplane.define.log import Log, did_you_mean
from focusplane.define.shape import BROKEN, Broken, Record, Schema, Shape, misplaced
from focusplane.define.yaml_nodes import Items, Node, Table, Word
from focusplane.kernel.ids import Json

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True)
class Scalar(Shape[T]):
    """One word; `parse` raises `ValueError` for what does not fit."""

    words: str
    parse: Callable[[str], T]
    json: Schema
    hint: str = ""
    most: int = 200
    """Characters."""

    def read(self, node: Node, path: str, log: Log) -> T | Broken:
        if not isinstance(node, Word) or (node.plain and not node.text):
            return misplaced(self, node, log)
        if len(node.text) > self.most:
            log.error(
                node.place, "D013", f"the text has {len(node.text)} characters; at most {self.most} fit"
            )
            return BROKEN
        try:
            return self.parse(node.text)
        except ValueError as error:
            log.error(node.place, "D012", str(error), self.hint)
            return BROKEN

    def schema(self) -> Schema:
        return self.json


@dataclass(frozen=True)
class Choice(Shape[T]):
    """One of a few words."""

    values: Mapping[str, T]

    @property
    def words(self) -> str:  # type: ignore[override]
        return " | ".join(self.values)

    def read(self, node: Node, path: str, log: Log) -> T | Broken:
        if not isinstance(node, Word) or (node.plain and not node.text):
            return misplaced(self, node, log)
        if node.text not in self.values:
            hint = did_you_mean(node.text, list(self.values))
            log.error(node.place, "D014", f"{node.text!r} is not one of {self.words}", hint)
            return BROKEN
        return self.values[node.text]

    def schema(self) -> Schema:
        return {"enum": list(self.values)}


def one_of(kind: type[E]) -> Choice[E]:
    """The choice among the members of an enumeration."""
    return Choice({str(member.value): member for member in kind})


@dataclass(frozen=True)
class Name(Shape[str]):
    """A name that is declared here and may be used elsewhere."""

    kind: str
    pattern: str = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
    words: str = "a name of small letters, digits and dashes"

    def read(self, node: Node, path: str, log: Log) -> str | Broken:
        if not isinstance(node, Word):
            return misplaced(self, node, log)
        log.declare(self.kind, path, node.text)
        if re.fullmatch(self.pattern, node.text) is None:
            log.error(node.place, "D017", f"{node.text!r} is not {self.words}", "at most 63 characters")
            return BROKEN
        return node.text

    def schema(self) -> Schema:
        return {"type": "string", "pattern": f"^{self.pattern}$"}


@dataclass(frozen=True)
class Reference(Shape[str]):
    """The name of something that must be declared: checked when all files were read."""

    kind: str

    @property
    def words(self) -> str:  # type: ignore[override]
        return f"the name of a {self.kind}"

    def read(self, node: Node, path: str, log: Log) -> str | Broken:
        if not isinstance(node, Word) or not node.text:
            return misplaced(self, node, log)
        log.use(self.kind, path, node.text, node.place)
        return node.text

    def schema(self) -> Schema:
        return {"type": "string"}


@dataclass(frozen=True)
class ListOf(Shape[tuple[T, ...]]):
    """A list; items with a `name` are known by it and must differ. With `single`, one item may stand alone."""

    item: Shape[T]
    least: int = 0
    single: bool = False

    @property
    def words(self) -> str:  # type: ignore[override]
        return f"a list, each item {self.item.words}"

    def read(self, node: Node, path: str, log: Log) -> tuple[T, ...] | Broken:
        if self.single and not isinstance(node, Items):
            alone = self.item.read(node, path, log)
            return BROKEN if alone is BROKEN else (alone,)
        if not isinstance(node, Items):
            return misplaced(self, node, log)
        if len(node.items) < self.least:
            log.error(node.place, "D013", f"the list needs at least {self.least} item(s)")
            return BROKEN
        _refuse_twins(node, log)
        read: list[T] = []
        for number, child in enumerate(node.items):
            own = f"{path}.{_label(child, number)}"
            log.places.setdefault(own, child.place)
            value = self.item.read(child, own, log)
            if value is not BROKEN:
                read.append(value)
        return tuple(read)

    def schema(self) -> Schema:
        many: Schema = {"type": "array", "items": self.item.schema()}
        if self.least:
            many["minItems"] = self.least
        return {"anyOf": [self.item.schema(), many]} if self.single else many


@dataclass(frozen=True)
class MapOf(Shape[Mapping[str, T]]):
    """A mapping from names that the author chooses."""

    key: Shape[str]
    item: Shape[T]

    @property
    def words(self) -> str:  # type: ignore[override]
        return f"a mapping from {self.key.words} to {self.item.words}"

    def read(self, node: Node, path: str, log: Log) -> Mapping[str, T] | Broken:
        if not isinstance(node, Table):
            return misplaced(self, node, log)
        read: dict[str, T] = {}
        for word, child in node.entries:
            own = f"{path}.{word.text}"
            log.places.setdefault(own, word.place)
            name = self.key.read(word, own, log)
            value = self.item.read(child, own, log)
            if value is not BROKEN and name is not BROKEN:
                read[name] = value
        return read

    def schema(self) -> Schema:
        return {
            "type": "object",
            "propertyNames": self.key.schema(),
            "additionalProperties": self.item.schema(),
        }


@dataclass(frozen=True)
class Either(Shape[T]):
    """A short form that is a word, or a long one that is a mapping."""

    short: Shape[T]
    long: Shape[T]

    @property
    def words(self) -> str:  # type: ignore[override]
        return f"{self.short.words}, or {self.long.words}"

    def read(self, node: Node, path: str, log: Log) -> T | Broken:
        match node:
            case Word():
                return self.short.read(node, path, log)
            case Table():
                return self.long.read(node, path, log)
            case Items():
                return misplaced(self, node, log)

    def schema(self) -> Schema:
        return {"anyOf": [self.short.schema(), self.long.schema()]}


@dataclass(frozen=True)
class Keyed(Shape[T]):
    """One of several records, told apart by the key that each of them alone has (its first field)."""

    title: str
    records: Sequence[Record[Any]]

    @property
    def words(self) -> str:  # type: ignore[override]
        return f"a mapping with one of {', '.join(record.fields[0].key for record in self.records)}"

    def read(self, node: Node, path: str, log: Log) -> T | Broken:
        if not isinstance(node, Table):
            return misplaced(self, node, log)
        there = [record for record in self.records if node.get(record.fields[0].key) is not None]
        if len(there) == 1:
            value: T | Broken = there[0].read(node, path, log)
            return value
        keys = [record.fields[0].key for record in there or self.records]
        if there:
            what, hint = f"{self.title} has {' and '.join(keys)} at once", "keep one of them"
        else:
            found = node.entries[0][0].text if node.entries else ""
            what, hint = f"{self.title} has none of {', '.join(keys)}", did_you_mean(found, keys)
        log.error(node.place, "D018", what, hint)
        return BROKEN

    def schema(self) -> Schema:
        return {"oneOf": [record.schema() for record in self.records]}


@dataclass(frozen=True)
class Refused(Shape[str]):
    """A key that people try and that must not be: it has words of its own."""

    code: str
    what: str
    hint: str
    words: str = "nothing"

    def read(self, node: Node, path: str, log: Log) -> str | Broken:
        log.error(node.place, self.code, self.what, self.hint)
        return ""

    def schema(self) -> Schema:
        return {"not": {}}


@dataclass(frozen=True)
class AnyJson(Shape[Json]):
    """Any value, kept as JSON without fractions (a journal holds integers and strings)."""

    words: str = "any value"

    def read(self, node: Node, path: str, log: Log) -> Json | Broken:
        match node:
            case Word():
                return self._word(node, log)
            case Items(items=items):
                read = [self.read(child, f"{path}.{number}", log) for number, child in enumerate(items)]
                return [value for value in read if value is not BROKEN]
            case Table(entries=entries):
                pairs = [(word.text, self.read(child, f"{path}.{word.text}", log)) for word, child in entries]
                return {key: value for key, value in pairs if value is not BROKEN}

    def schema(self) -> Schema:
        return {}

    def _word(self, word: Word, log: Log) -> Json | Broken:
        if not word.plain:
            return word.text
        if word.text in _CONSTANTS:
            return _CONSTANTS[word.text]
        if re.fullmatch(r"[-+]?[0-9]{1,18}", word.text):
            return int(word.text)
        if re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+)([eE][-+]?[0-9]+)?", word.text):
            hint = f'write it as text ("{word.text}") or as an integer of a smaller unit'
            log.error(word.place, "D012", f"{word.text} is a fraction; values are kept exactly", hint)
            return BROKEN
        return word.text


_CONSTANTS: dict[str, Json] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def _label(node: Node, number: int) -> str:
    name = node.get("name") if isinstance(node, Table) else None
    return name.text if isinstance(name, Word) else str(number)


def _refuse_twins(node: Items, log: Log) -> None:
    seen: set[str] = set()
    for child in node.items:
        name = child.get("name") if isinstance(child, Table) else None
        if isinstance(name, Word) and name.text in seen:
            log.error(name.place, "D103", f"the name {name.text!r} stands here twice", "names must differ")
        if isinstance(name, Word):
            seen.add(name.text)
