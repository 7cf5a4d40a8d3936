"""Changes of single values in the text of a policy: everything else, comments too, stays as it was written."""

from dataclasses import dataclass

from focusplane.define.yaml_nodes import Items, Node, Table, Word, documents


@dataclass(frozen=True, slots=True)
class Amendment:
    """A value of an objective. `key` is one of its own keys, such as `target` or `minBad`."""

    focus: str
    objective: str
    key: str
    value: str


def amend(path: str, text: str, wanted: Amendment) -> str | None:
    """The text with that value; None where the objective does not stand in it, or its name and target do not. A key that is
    not there yet is put before the target.
    """
    found = _objective(path, text, wanted)
    target = found.get("target") if found is not None else None
    if found is None or not isinstance(target, Word):
        return None
    there = found.get(wanted.key)
    if isinstance(there, Word):
        at = _offset(text, there)
        length = len(there.text) if there.plain else len(there.text) + 2
        return text[:at] + wanted.value + text[at + length :]
    key = next(word for word, _ in found.entries if word.text == "target")
    flow = text[_offset(text, found)] == "{"
    after = ", " if flow else "\n" + " " * (key.place.column - 1)
    at = _offset(text, key)
    return f"{text[:at]}{wanted.key}: {wanted.value}{after}{text[at:]}"


def _objective(path: str, text: str, wanted: Amendment) -> Table | None:
    for document in documents(path, text)[0]:
        if _word(document, "kind") != "Focus" or _word(_at(document, "metadata"), "name") != wanted.focus:
            continue
        objectives = _at(_at(document, "spec"), "objectives")
        for one in objectives.items if isinstance(objectives, Items) else ():
            if isinstance(one, Table) and _word(one, "name") == wanted.objective:
                return one
    return None


def _at(node: Node | None, key: str) -> Node | None:
    return node.get(key) if isinstance(node, Table) else None


def _word(node: Node | None, key: str) -> str:
    found = _at(node, key)
    return found.text if isinstance(found, Word) else ""


def _offset(text: str, node: Node) -> int:
    lines = text.splitlines(keepends=True)
    return sum(len(line) for line in lines[: node.place.line - 1]) + node.place.column - 1
