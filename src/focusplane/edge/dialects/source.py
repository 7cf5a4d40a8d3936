"""Part: a mapping in somebody else's file that remembers which of its keys were understood, so that none is dropped in silence."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from focusplane.define.yaml_nodes import Items, Node, Place, Table, Word, documents
from focusplane.edge.dialects.notes import LOST, NOT_THEIRS, UNUSABLE, Notes, RefusedError

LONGEST_TEXT = 10_000
TRUTHS = {"true": True, "false": False, "yes": True, "no": False, "on": True, "off": False}
"""As YAML 1.1 reads them: these files are read by programs in Go and Python that do."""


@dataclass(slots=True)
class Part:
    """`name` is the path of keys that leads to it, such as `spec.indicator.ratio`."""

    table: Table
    name: str
    notes: Notes
    known: set[str] = field(default_factory=set)
    below: dict[str, "Part"] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        return self.table.place

    def at(self, key: str) -> Place:
        node = self.table.get(key)
        return self.place if node is None else node.place

    def has(self, key: str) -> bool:
        """Whether something stands there; a key without a value is as good as none."""
        node = self.table.get(key)
        empty = isinstance(node, Word) and node.plain and node.text in {"", "~", "null"}
        if empty:
            self.known.add(key)
        return node is not None and not empty

    def text(self, key: str, default: str = "") -> str:
        """One word, as it was written."""
        node = self._node(key)
        if node is None:
            return default
        if not isinstance(node, Word) or len(node.text) > LONGEST_TEXT:
            raise RefusedError(node.place, UNUSABLE, f"{self._called(key)} should be one short text")
        return node.text

    def need(self, key: str) -> str:
        found = self.text(key).strip()
        if not found:
            raise RefusedError(self.place, UNUSABLE, f"{self._called(key)} is missing")
        return found

    def truth(self, key: str, default: bool) -> bool:
        found = self.text(key)
        if found and found.lower() not in TRUTHS:
            raise RefusedError(self.at(key), UNUSABLE, f"{self._called(key)} should be true or false")
        return TRUTHS[found.lower()] if found else default

    def part(self, key: str) -> "Part":
        """The mapping under that key; an empty one if nothing stands there."""
        node = self._node(key)
        if node is None:
            return self._opened(Table(self.place, ()), key)
        if not isinstance(node, Table):
            raise RefusedError(node.place, UNUSABLE, f"{self._called(key)} should be a mapping")
        return self._opened(node, key)

    def parts(self, key: str) -> list["Part"]:
        """The mappings of the list under that key."""
        node = self._node(key)
        if node is None:
            return []
        if not isinstance(node, Items) or not all(isinstance(one, Table) for one in node.items):
            raise RefusedError(node.place, UNUSABLE, f"{self._called(key)} should be a list of mappings")
        return [
            self._opened(one, f"{key}[{number}]")
            for number, one in enumerate(node.items)
            if isinstance(one, Table)
        ]

    def words(self, key: str) -> list[str]:
        node = self._node(key)
        if node is None:
            return []
        if not isinstance(node, Items) or not all(isinstance(one, Word) for one in node.items):
            raise RefusedError(node.place, UNUSABLE, f"{self._called(key)} should be a list of words")
        return [one.text for one in node.items if isinstance(one, Word)]

    def texts(self, key: str) -> dict[str, str]:
        """A mapping of words."""
        part = self.part(key)
        return {word.text: part.text(word.text) for word, _ in part.table.entries if part.has(word.text)}

    def ignore(self, key: str, why: str, hint: str = "") -> None:
        """Say why nothing becomes of this key, if it stands there."""
        if self.has(key):
            self.notes.say(self.at(key), LOST, f"{self._called(key)} is left out: {why}", hint)
            self.known.add(key)

    def silent(self, *keys: str) -> None:
        """These carry no meaning that could be lost, such as `status` of what a cluster answered."""
        self.known.update(keys)

    def give_up(self) -> None:
        """It was refused as a whole: its parts need no word of their own."""
        self.known.update(word.text for word, _ in self.table.entries)
        self.below.clear()

    def close(self) -> None:
        """Tell each key that nobody asked for, here and below."""
        for word, node in self.table.entries:
            if word.text not in self.known and self.has(word.text):
                self.notes.say(
                    node.place, LOST, f"{self._called(word.text)} is not known here and is left out"
                )
        for part in self.below.values():
            part.close()

    def _called(self, key: str) -> str:
        return f"`{self.name}.{key}`" if self.name else f"`{key}`"

    def _node(self, key: str) -> Node | None:
        self.known.add(key)
        return self.table.get(key) if self.has(key) else None

    def _opened(self, table: Table, key: str) -> "Part":
        """The same part each time, so that it knows all that was asked of it."""
        name = f"{self.name}.{key}" if self.name else key
        return self.below.setdefault(key, Part(table, name, self.notes))


def open_all(files: Mapping[str, str], notes: Notes) -> Iterator[Part]:
    """Each document of each file that is a mapping; what is no YAML, or unfolds without bound, is told."""
    for path in sorted(files):
        nodes, problems = documents(path, files[path], aliases=True)
        notes.problems.extend(problems)
        for node in nodes:
            if isinstance(node, Table):
                yield from _unlisted(Part(node, "", notes))
            elif not (isinstance(node, Word) and not node.text):
                notes.say(node.place, NOT_THEIRS, "this document is no mapping")


def _unlisted(part: Part) -> Iterator[Part]:
    """`kubectl get -o yaml` wraps what it found into a list."""
    kind = part.table.get("kind")
    if not isinstance(kind, Word) or not kind.text.endswith("List") or part.table.get("items") is None:
        yield part
        return
    part.silent("apiVersion", "kind", "metadata")
    try:
        yield from part.parts("items")
    except RefusedError as refused:
        part.notes.say(refused.place, refused.code, str(refused), refused.hint)
