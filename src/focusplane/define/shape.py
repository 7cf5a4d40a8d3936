"""Shapes: one table of keys that reads a policy, prints its JSON Schema and writes its reference page."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar, cast

from focusplane.define.log import Log, did_you_mean
from focusplane.define.yaml_nodes import Items, Node, Place, Table, Word
from focusplane.kernel.ids import Json

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
U = TypeVar("U")
Schema = dict[str, Json]


class Broken(Enum):
    """The value could not be read, and the log says why."""

    BROKEN = "broken"


class Absent(Enum):
    """There is no default: without the key there is no value."""

    ABSENT = "absent"


BROKEN = Broken.BROKEN
ABSENT = Absent.ABSENT


class Shape(ABC, Generic[T_co]):
    """What may stand in one place of a policy."""

    words: str
    """As in `a percentage such as 99.9%`: what a person reads when something else stands there."""

    @abstractmethod
    def read(self, node: Node, path: str, log: Log) -> T_co | Broken:
        """The value, or `BROKEN` after the log was told every reason."""

    @abstractmethod
    def schema(self) -> Schema:
        """JSON Schema 2020-12 of what `read` accepts (it may accept less than this says, never more)."""


@dataclass(frozen=True)
class Field(Generic[T]):
    """One key of a record. A `required` key with a default lets reading go on after its absence was reported."""

    key: str
    shape: Shape[T]
    doc: str
    default: T | Absent = ABSENT
    required: bool = False
    code: str = "D011"
    hint: str = ""
    hidden: bool = False
    """Known only to be refused with its own words; stands in no schema."""


@dataclass(frozen=True, slots=True)
class Values:
    """The fields of one record that was read. `name` is the key or name it stands under."""

    path: str
    place: Place
    log: Log
    read: dict[str, Any]

    def __getitem__(self, field: Field[U]) -> U:
        value = self.read.get(field.key, field.default)
        if value is ABSENT:
            raise KeyError(field.key)
        return cast(U, value)

    def has(self, field: Field[Any]) -> bool:
        return field.key in self.read

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]

    def at(self, field: Field[Any]) -> Place:
        return self.log.places.get(f"{self.path}.{field.key}", self.place)

    def error(self, field: Field[Any], code: str, what: str, hint: str = "") -> None:
        self.log.error(self.at(field), code, what, hint)


@dataclass(frozen=True)
class Record(Shape[T_co]):
    """A mapping with known keys; `build` makes the value out of them."""

    title: str
    fields: tuple[Field[Any], ...]
    build: Callable[[Values], T_co | Broken]

    @property
    def words(self) -> str:  # type: ignore[override]
        return f"a mapping with {', '.join(field.key for field in self.fields if not field.hidden)}"

    def read(self, node: Node, path: str, log: Log) -> T_co | Broken:
        if not isinstance(node, Table):
            return misplaced(self, node, log)
        log.places.setdefault(path, node.place)
        known = {field.key: field for field in self.fields}
        for word, _ in node.entries:
            if word.text not in known:
                visible = [field.key for field in self.fields if not field.hidden]
                log.error(
                    word.place,
                    "D010",
                    f"unknown key {word.text!r} in {self.title}",
                    did_you_mean(word.text, visible),
                )
        values = Values(path, node.place, log, {})
        usable = [self._field(field, node, values) for field in self.fields]
        return self.build(values) if all(usable) else BROKEN

    def _field(self, field: Field[Any], node: Table, values: Values) -> bool:
        """Read one field; false when the record cannot be built without it."""
        child, path = node.get(field.key), f"{values.path}.{field.key}"
        if child is None:
            if field.required:
                what = f"{self.title} needs {field.key!r}: {field.shape.words}"
                values.log.error(node.place, field.code, what, field.hint or field.doc)
                return field.default is not ABSENT
            return True
        values.log.places[path] = child.place
        value = field.shape.read(child, path, values.log)
        if value is not BROKEN:
            values.read[field.key] = value
            return True
        return field.default is not ABSENT or not field.required

    def schema(self) -> Schema:
        properties: Schema = {
            field.key: {**field.shape.schema(), "description": field.doc}
            for field in self.fields
            if not field.hidden
        }
        required = [field.key for field in self.fields if field.required]
        body: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
        return {**body, "required": required} if required else body


def misplaced(shape: Shape[Any], node: Node, log: Log) -> Broken:
    """Say what stands where something else was expected."""
    log.error(node.place, "D012", f"here stands {describe(node)}, expected {shape.words}")
    return BROKEN


def describe(node: Node) -> str:
    match node:
        case Word(text="", plain=True):
            return "nothing"
        case Word(text=text):
            return repr(text if len(text) <= 60 else text[:57] + "...")
        case Items():
            return "a list"
        case Table():
            return "a mapping"
