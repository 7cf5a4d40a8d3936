"""YAML text as nodes that know their place; what is no YAML becomes a problem, never an exception."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from focusplane.define.problem import Problem, Severity

MAX_CHARACTERS = 512 * 1024
MAX_EVENTS = 40_000
MAX_DEPTH = 40
_PARSER_FAULTS = (ValueError, TypeError, LookupError, AttributeError, AssertionError, ArithmeticError)
"""What ruamel.yaml lets slip through besides its own errors, such as `chr()` of an escape beyond Unicode."""


@dataclass(frozen=True, slots=True)
class Place:
    """Lines and columns count from 1."""

    path: str
    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True)
class Word:
    """A scalar. `plain` is false for a quoted one, which is always text."""

    place: Place
    text: str
    plain: bool = True


@dataclass(frozen=True, slots=True)
class Items:
    place: Place
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping; its keys are words, each at most once."""

    place: Place
    entries: tuple[tuple[Word, "Node"], ...]

    def get(self, key: str) -> "Node | None":
        return next((node for word, node in self.entries if word.text == key), None)


Node = Word | Items | Table


@dataclass(slots=True)
class _Open:
    """A collection that is still being read; `key` waits for its value."""

    place: Place
    keyed: bool
    children: list[Node] = field(default_factory=list)
    anchor: str | None = None
    since: int = 0
    """How many values had been read before it: what it holds is the difference."""


@dataclass(slots=True)
class _Anchors:
    """What was named in this document, and how many values it holds."""

    named: dict[str, tuple[Node, int]] = field(default_factory=dict)


def documents(path: str, text: str, aliases: bool = False) -> tuple[tuple[Node, ...], tuple[Problem, ...]]:
    """The documents that could be read before the first syntax error, and every problem on the way.

    Bounded: at most `MAX_CHARACTERS`, `MAX_EVENTS` and `MAX_DEPTH`. Policies have no anchors. With `aliases`, for
    files of other tools, an alias counts as much as what it repeats, so that nothing can unfold beyond `MAX_EVENTS`.
    """
    if len(text) > MAX_CHARACTERS:
        what = f"the file has {len(text)} characters; at most {MAX_CHARACTERS} are read"
        return (), (Problem(path, 1, 1, Severity.ERROR, "D002", what, "split it into several files"),)
    reader = _Reader(path, _Anchors() if aliases else None)
    try:
        for event in _events(text):
            reader.take(event)
    except _TooMuchError as error:
        reader.report(error.place, "D002", error.what, "split the file, or nest less deeply")
    except (YAMLError, RecursionError, *_PARSER_FAULTS) as error:
        reader.problems.append(_syntax(path, text, error))
    return tuple(reader.documents), tuple(reader.problems)


class _TooMuchError(Exception):
    def __init__(self, place: Place, what: str) -> None:
        super().__init__(what)
        self.place = place
        self.what = what


class _Reader:
    """Builds nodes from parser events with a stack of its own, so that depth is a number and not a crash."""

    def __init__(self, path: str, anchors: _Anchors | None) -> None:
        self.path = path
        self._anchors = anchors
        self.documents: list[Node] = []
        self.problems: list[Problem] = []
        self._open: list[_Open] = []
        self._seen = 0

    def report(self, place: Place, code: str, what: str, hint: str = "") -> None:
        self.problems.append(Problem(place.path, place.line, place.column, Severity.ERROR, code, what, hint))

    def take(self, event: Event) -> None:
        place = self._place(event)
        self._seen += 1
        if self._seen > MAX_EVENTS:
            raise _TooMuchError(place, f"the file holds more than {MAX_EVENTS} values")
        if isinstance(event, DocumentStartEvent):
            self._open.clear()
            if self._anchors is not None:
                self._anchors.named.clear()
        elif isinstance(event, CollectionEndEvent):
            done = self._open.pop()
            self._add(self._named(done.anchor, self._closed(done), self._seen - done.since))
        elif isinstance(event, AliasEvent):
            self._add(self._repeated(str(event.anchor), place))
        elif isinstance(event, NodeEvent):
            self._node(event, place)

    def _node(self, event: NodeEvent, place: Place) -> None:
        anchor = None if event.anchor is None else str(event.anchor)
        if anchor is not None and self._anchors is None:
            self._refuse_anchor(place)
        tag = getattr(event, "tag", None)
        if tag is not None and str(tag) not in {"!", "tag:yaml.org,2002:str"}:
            self.report(place, "D004", f"the tag {tag} has no meaning here", "take it away")
        if isinstance(event, ScalarEvent):
            plain = event.style in {None, ""} and tag is None
            word = Word(place, self._readable(str(event.value), place), plain)
            self._add(self._named(anchor, word, 1))
        elif isinstance(event, MappingStartEvent | SequenceStartEvent):
            if len(self._open) >= MAX_DEPTH:
                raise _TooMuchError(place, f"the file nests more than {MAX_DEPTH} levels deep")
            opened = _Open(place, isinstance(event, MappingStartEvent), anchor=anchor, since=self._seen)
            self._open.append(opened)

    def _readable(self, text: str, place: Place) -> str:
        clean = text.encode(errors="replace").decode()
        if clean != text:
            self.report(place, "D001", "the text escapes half a character (a lone surrogate)")
        return clean

    def _add(self, node: Node) -> None:
        (self._open[-1].children if self._open else self.documents).append(node)

    def _named(self, anchor: str | None, node: Node, size: int) -> Node:
        if anchor is not None and self._anchors is not None:
            self._anchors.named[anchor] = (node, size)
        return node

    def _repeated(self, anchor: str, place: Place) -> Node:
        """What an alias stands for; shared, not copied, yet counted in full."""
        if self._anchors is None:
            self._refuse_anchor(place)
        elif anchor in self._anchors.named:
            node, size = self._anchors.named[anchor]
            self._seen += size
            if self._seen > MAX_EVENTS:
                raise _TooMuchError(place, f"its aliases unfold to more than {MAX_EVENTS} values")
            return node
        else:
            self.report(place, "D001", f"the alias *{anchor} repeats nothing that stands before it")
        return Word(place, f"*{anchor}")

    def _closed(self, done: _Open) -> Node:
        if not done.keyed:
            return Items(done.place, tuple(done.children))
        entries: dict[str, tuple[Word, Node]] = {}
        merged: list[Node] = []
        for key, node in zip(done.children[::2], done.children[1::2], strict=True):
            if isinstance(key, Word) and key.text == "<<" and self._anchors is not None:
                merged.extend(node.items if isinstance(node, Items) else (node,))
            elif not isinstance(key, Word):
                self.report(key.place, "D005", "a key must be a word, not a list or a mapping")
            elif key.text in entries:
                line = entries[key.text][0].place.line
                what = f"the key {key.text!r} stands here a second time; first in line {line}"
                self.report(key.place, "D003", what, "keep one of them")
            else:
                entries[key.text] = (key, node)
        self._merge(merged, entries)
        return Table(done.place, tuple(entries.values()))

    def _merge(self, merged: list[Node], entries: dict[str, tuple[Word, Node]]) -> None:
        """What `<<` names lies under what is written out."""
        for table in merged:
            if not isinstance(table, Table):
                self.report(table.place, "D005", "only a mapping can be merged by `<<`")
                continue
            for key, node in table.entries:
                entries.setdefault(key.text, (key, node))

    def _refuse_anchor(self, place: Place) -> None:
        hint = "write the value out, or put what focuses share into a `kind: Defaults` document"
        self.report(place, "D004", "anchors and aliases are not used in policies", hint)

    def _place(self, event: Event) -> Place:
        mark = event.start_mark
        return Place(self.path, mark.line + 1, mark.column + 1)


def _events(text: str) -> Iterator[Event]:
    events: Iterator[Event] = YAML(typ="safe", pure=True).parse(text)
    return events


def _syntax(path: str, text: str, error: Exception) -> Problem:
    line, column = 1, 1
    what = "the file cannot be read as YAML"
    if isinstance(error, ReaderError):
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        what = f"the character {_visible(text, error.position)} may not stand in YAML"
    elif isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        if isinstance(mark, StringMark):
            line, column = mark.line + 1, mark.column + 1
        what = " ".join(filter(None, (error.problem, error.context)))
    elif str(error):
        what = f"{what}: {error}"
    hint = "indent with spaces, not tabs" if "\\t" in what else "check indentation, quotes and brackets"
    return Problem(path, line, column, Severity.ERROR, "D001", re.sub(r"\s+", " ", what), hint)


def _visible(text: str, position: int) -> str:
    return f"U+{ord(text[position]):04X}" if position < len(text) else "at the end"
