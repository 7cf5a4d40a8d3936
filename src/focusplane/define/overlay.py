"""Overlay: a directory of policies after another set was put over it and names were taken out of it, as text."""

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from focusplane.define.envelope import open_document
from focusplane.define.form_focus import API_VERSION, ITEM
from focusplane.define.log import Log
from focusplane.define.yaml_nodes import documents

_SEPARATOR = re.compile(r"^(?=---(?:\s|$))", re.MULTILINE)
_PREFIXES = {"Focus": "", "Team": "team/", "Runbook": "runbook/", "Calendar": "calendar/"}
Document = tuple[str, str]
"""Kind and name."""


@dataclass(frozen=True, slots=True)
class Overlaid:
    """`files` is the whole result, path -> text; `kept` are items that stand there and are not in the upper set."""

    files: Mapping[str, str]
    kept: tuple[str, ...]


def overlay(below: Mapping[str, str], above: Mapping[str, str], removed: AbstractSet[str]) -> Overlaid:
    """`above` wins by path and by document; what is `removed` goes, and a tombstone says that this is meant.

    What `above` declares in another file than `below` leaves its old place, and so does the tombstone of what is back.
    """
    mine = {found for text in above.values() for _, found in _parts(text) if found is not None}
    removed_there = {name for kind, name in mine if kind == "Removed"}
    leaves = mine | {("Removed", item(one)) for one in mine}
    leaves |= {_document(name) for name in removed | removed_there}
    files, kept, buried = dict(above), set[str](), set(removed_there)
    for path in below.keys() - above.keys():
        parts = list(_parts(below[path]))
        stay = [part for part in parts if part[1] not in leaves]
        if len(stay) < len(parts) and not any(found for _, found in stay):
            continue
        files[path] = "".join(text for text, _ in stay)
        kept |= {item(found) for _, found in stay if found is not None and found[0] in _PREFIXES}
        buried |= {found[1] for _, found in stay if found is not None and found[0] == "Removed"}
    for name in removed - buried:
        files[f"removed-{name.replace('/', '.')}.yaml"] = tombstone(name)
    return Overlaid(dict(sorted(files.items())), tuple(sorted(kept)))


def tombstone(name: str) -> str:
    return f"apiVersion: {API_VERSION}\nkind: Removed\nmetadata: {{name: {name}}}\n"


def is_item(name: str) -> bool:
    """Whether that may be the name of something to remove: `checkout`, `team/payments`, `checkout/flag.new-pricing`."""
    return re.fullmatch(ITEM, name) is not None


def item(document: Document) -> str:
    """The name under which a tombstone removes it."""
    kind, name = document
    return _PREFIXES.get(kind, "") + name


def _document(name: str) -> Document:
    for kind in ("Team", "Runbook", "Calendar"):
        if name.startswith(_PREFIXES[kind]):
            return kind, name.removeprefix(_PREFIXES[kind])
    return "Focus", name


def _parts(text: str) -> Iterator[tuple[str, Document | None]]:
    """The text of each document and what it is; None for what is none, such as comments, or cannot be read."""
    for part in _SEPARATOR.split(text):
        nodes, problems = documents("", part)
        opened = open_document(nodes[0], Log()) if len(nodes) == 1 and not problems else None
        if part:
            yield part, None if opened is None else (opened.kind, opened.metadata.name)
