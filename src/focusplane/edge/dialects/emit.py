"""Documents as YAML text: the same for the same, readable, and safe for readers of YAML 1.1, too."""

import re
from collections.abc import Iterable
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

_AMBIGUOUS = re.compile(
    r"y|n|yes|no|on|off|true|false|null|~|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+|[-+]?(0[0-7]+|0x[0-9a-f]+|0b[01]+)"
    r"|[-+.]?[0-9][0-9_.]*(e[-+]?[0-9]+)?|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*|",
    re.IGNORECASE,
)
"""Words that YAML 1.1 takes for something else than text."""
FLOW_WIDTH = 90


def text_of(documents: Iterable[dict[str, Any]], heading: str = "") -> str:
    """One YAML stream; `heading` stands on top as comments."""
    yaml = YAML()
    yaml.width = 4_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.explicit_start = False
    texts = []
    for document in documents:
        out = StringIO()
        yaml.dump(_node(document), out)
        texts.append(out.getvalue())
    top = "".join(f"# {line}\n" for line in heading.splitlines())
    return top + "---\n".join(texts)


def _node(value: Any) -> Any:
    """A value with the style it is written in: small leaves in one line, long texts as blocks."""
    if isinstance(value, dict):
        table = CommentedMap((_word(key), _node(one)) for key, one in value.items())
        if _small(value):
            table.fa.set_flow_style()
        return table
    if isinstance(value, list | tuple):
        items = CommentedSeq([_node(one) for one in value])
        if value and _small(value):
            items.fa.set_flow_style()
        return items
    return _word(value)


def _word(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if "\n" in value and all(line == line.rstrip() for line in value.split("\n")) and not value[0].isspace():
        return LiteralScalarString(value)
    return DoubleQuotedScalarString(value) if _AMBIGUOUS.fullmatch(value) else value


def _small(value: Any) -> bool:
    """Leaves alone, short, and without what would need quotes inside brackets."""
    leaves = list(value.values() if isinstance(value, dict) else value)
    flat = all(
        not isinstance(one, dict | list | tuple) or (isinstance(one, list) and _small(one)) for one in leaves
    )
    words = [str(one) for one in leaves]
    return (
        flat
        and len(repr(value)) <= FLOW_WIDTH
        and not any(set(word) & set("{}[]\n") - _lists(leaves) for word in words)
    )


def _lists(leaves: list[Any]) -> set[str]:
    return set("[]") if any(isinstance(one, list) for one in leaves) else set()
