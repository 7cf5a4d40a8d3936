"""The JSON Schema for editors and the reference page, both printed from the tables that `load` reads by."""

from collections.abc import Iterator
from typing import Any

from focusplane.define.form_focus import (
    API_VERSION,
    FOCUS,
    KINDS,
    METADATA,
    SPECS,
    TOMBSTONE,
)
from focusplane.define.shape import Field, Record, Schema, Shape
from focusplane.define.shapes import Either, Keyed, ListOf, MapOf
from focusplane.kernel.ids import Json

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> Schema:
    """One document of a policy file, as JSON Schema 2020-12."""
    return {
        "$schema": DIALECT,
        "title": "focusplane policy",
        "oneOf": [_document(kind) for kind in KINDS],
    }


def reference_markdown() -> str:
    """Every key of every kind: where it stands, what it takes, what it means."""
    parts = ["# Reference of the policy file", "", f"Every document has `apiVersion: {API_VERSION}`."]
    for kind, record in SPECS.items():
        parts += ["", f"## kind: {kind}", "", "| key | takes | meaning |", "|---|---|---|"]
        parts += [_row(path, field) for path, field in _keys("spec", record)]
    parts += ["", "## kind: Defaults", "", "`spec` holds keys of a Focus; it is laid under every focus."]
    parts += ["", "## kind: Removed", "", "A tombstone: `metadata.name` is what is meant to be gone."]
    return "\n".join(parts) + "\n"


def _document(kind: str) -> Schema:
    metadata = (TOMBSTONE if kind == "Removed" else METADATA).schema()
    properties: Schema = {
        "apiVersion": {"const": API_VERSION},
        "kind": {"const": kind},
        "metadata": metadata,
    }
    required = ["apiVersion", "kind"]
    if kind != "Defaults":
        required.append("metadata")
    if kind != "Removed":
        properties["spec"] = _without_required(FOCUS.schema()) if kind == "Defaults" else SPECS[kind].schema()
        required.append("spec")
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": [*required],
    }


def _without_required(node: Json) -> Json:
    """Defaults are parts of a focus: no key of a mapping is needed there."""
    if isinstance(node, dict):
        return {key: _without_required(value) for key, value in node.items() if key != "required"}
    if isinstance(node, list):
        return [_without_required(value) for value in node]
    return node


def _keys(path: str, record: Record[Any]) -> Iterator[tuple[str, Field[Any]]]:
    for field in record.fields:
        if field.hidden:
            continue
        here = f"{path}.{field.key}"
        yield here, field
        for inner, suffix in _records(field.shape):
            yield from _keys(f"{here}{suffix}", inner)


def _records(shape: Shape[Any]) -> Iterator[tuple[Record[Any], str]]:
    """The records inside a shape, with what a path needs to reach them."""
    match shape:
        case Record():
            yield shape, ""
        case Keyed(records=records):
            yield from ((record, "") for record in records)
        case Either(short=short, long=long):
            yield from _records(short)
            yield from _records(long)
        case ListOf(item=item):
            yield from ((record, f"[]{suffix}") for record, suffix in _records(item))
        case MapOf(item=item):
            yield from ((record, f".NAME{suffix}") for record, suffix in _records(item))


def _row(path: str, field: Field[Any]) -> str:
    takes = field.shape.words.replace("|", "\\|")
    must = " **(required)**" if field.required else ""
    return f"| `{path}` | {takes} | {field.doc.replace('|', chr(92) + '|')}{must} |"
