"""Edits the demo's own copy of the policy as a person would: in the text, so that comments and the diff stay readable."""

import difflib
import re
from collections.abc import Mapping, Sequence

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node

from focusplane.kernel.errors import PolicyError

_LOOPBACK = re.compile(r"127\.0\.0\.1:(\d+)")


def ports_in(text: str) -> list[int]:
    """Every port of this machine that a policy names, once, in order."""
    return list(dict.fromkeys(int(port) for port in _LOOPBACK.findall(text)))


def with_ports(text: str, ports: Mapping[int, int]) -> str:
    """The policy with other ports; those that are not listed stay."""
    return _LOOPBACK.sub(lambda found: f"127.0.0.1:{ports.get(int(found[1]), int(found[1]))}", text)


def value_at(text: str, path: Sequence[str]) -> str:
    """The YAML text that stands at `path` in the first Focus. Raises `PolicyError` when nothing stands there."""
    start, end = _span(text, path)
    return text[start:end]


def with_value(text: str, path: Sequence[str], value: str) -> str:
    """The same policy with other YAML text at `path`. Raises `PolicyError` when nothing stands there."""
    start, end = _span(text, path)
    return text[:start] + value + text[end:]


def without_first(items: str) -> str:
    """A block list of YAML, one item a line, without its first item. Raises `PolicyError` if there is no second."""
    _, _, rest = items.partition("\n")
    if not rest.lstrip().startswith("- "):
        raise PolicyError("the steps of the rollout are not a list with two items or more", "one item a line")
    return rest.lstrip()


def _span(text: str, path: Sequence[str]) -> tuple[int, int]:
    for document in YAML().compose_all(text):
        kind = _at(document, ("kind",))
        found = _at(document, path)
        if kind is not None and kind.value == "Focus" and found is not None:
            start, end = found.start_mark.index, found.end_mark.index
            return start, start + len(text[start:end].rstrip())
    raise PolicyError(f"the policy has no {'.'.join(path)}", "the demo edits a copy of examples/checkout")


def diff(before: str, after: str, name: str) -> str:
    """The change as `diff -u` shows it, one line around."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"{name} (before)", f"{name} (after)", lineterm="", n=1
    )
    return "\n".join(lines)


def _at(node: Node | None, path: Sequence[str]) -> Node | None:
    for word in path:
        if not isinstance(node, MappingNode):
            return None
        node = {key.value: item for key, item in node.value}.get(word)
    return node
