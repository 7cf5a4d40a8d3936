"""The outside of a document: apiVersion, kind, metadata, spec, and the defaults laid under it."""

from dataclasses import dataclass

from focusplane.define.form_focus import (
    API_VERSION,
    KINDS,
    LATER_KINDS,
    METADATA,
    TOMBSTONE,
    Metadata,
)
from focusplane.define.log import Log, did_you_mean
from focusplane.define.shape import BROKEN, describe
from focusplane.define.yaml_nodes import Node, Place, Table, Word

KEYS = ("apiVersion", "kind", "metadata", "spec")


@dataclass(frozen=True, slots=True)
class Document:
    """One document whose kind is known; one whose name cannot stand is read on under a name of its place."""

    kind: str
    metadata: Metadata
    spec: Table
    place: Place


def open_document(node: Node, log: Log) -> Document | None:
    """What kind of document this is; None after the log was told why it is none."""
    if isinstance(node, Word) and node.plain and not node.text:
        return None
    if not isinstance(node, Table):
        log.error(node.place, "D005", f"a document is a mapping, here stands {describe(node)}", _EXAMPLE)
        return None
    for word, _ in node.entries:
        if word.text not in KEYS:
            log.error(
                word.place,
                "D010",
                f"unknown key {word.text!r} in a document",
                did_you_mean(word.text, list(KEYS)),
            )
    _check_version(node, log)
    kind = _kind(node, log)
    if kind is None:
        return None
    return Document(kind, _metadata(kind, node, log), _spec(kind, node, log), node.place)


def lay_under(under: Node, over: Node) -> Node:
    """Mappings are joined key by key and `over` wins; lists and words replace."""
    if not isinstance(under, Table) or not isinstance(over, Table):
        return over
    joined = {word.text: (word, node) for word, node in under.entries}
    for word, node in over.entries:
        below = joined.get(word.text)
        joined[word.text] = (word, node if below is None else lay_under(below[1], node))
    return Table(over.place, tuple(joined.values()))


_EXAMPLE = f"begin with `apiVersion: {API_VERSION}` and `kind: Focus`"


def _check_version(node: Table, log: Log) -> None:
    version = node.get("apiVersion")
    if version is None:
        log.error(node.place, "D011", "the document needs 'apiVersion'", f"apiVersion: {API_VERSION}")
    elif not isinstance(version, Word) or version.text != API_VERSION:
        log.error(version.place, "D015", f"unknown apiVersion {describe(version)}", f"write {API_VERSION}")


def _kind(node: Table, log: Log) -> str | None:
    kind = node.get("kind")
    if kind is None:
        log.error(node.place, "D011", "the document needs 'kind'", f"one of {', '.join(KINDS)}")
        return None
    if not isinstance(kind, Word) or kind.text not in KINDS:
        text = kind.text if isinstance(kind, Word) else ""
        what, hint = f"unknown kind {describe(kind)}", did_you_mean(text, list(KINDS))
        if text in LATER_KINDS:
            what = f"the kind {text} ({LATER_KINDS[text]}) is not known to this version"
            hint = "it comes with its feature; keep the document out of the directory until then"
        log.error(kind.place, "D016", what, hint)
        return None
    return kind.text


def _metadata(kind: str, node: Table, log: Log) -> Metadata:
    metadata = node.get("metadata")
    if metadata is None:
        if kind == "Defaults":
            return Metadata("defaults", {})
        log.error(node.place, "D011", f"the {kind} needs 'metadata'", "metadata: {name: ...}")
        return _stand_in(node)
    record = TOMBSTONE if kind == "Removed" else METADATA
    read = record.read(metadata, f"({kind})", log)
    return _stand_in(node) if read is BROKEN else read


def _stand_in(node: Table) -> Metadata:
    """A wrong name must not hide the other mistakes of its document; the set is refused for it anyway."""
    metadata = node.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Table) else None
    said = name.text if isinstance(name, Word) else ""
    text = said or f"unnamed in line {node.place.line} of {node.place.path}"
    return Metadata(text[:80].replace(".", "_").replace("/", "_"), {})


def _spec(kind: str, node: Table, log: Log) -> Table:
    spec = node.get("spec")
    if isinstance(spec, Table):
        if kind == "Removed":
            log.error(spec.place, "D010", "a tombstone has no 'spec'", "only metadata: {name: ...}")
        return spec
    if spec is not None:
        log.error(spec.place, "D012", f"here stands {describe(spec)}, expected a mapping")
    elif kind != "Removed":
        log.error(node.place, "D011", f"the {kind} needs 'spec'", "spec: {...}")
    return Table(node.place, ())
