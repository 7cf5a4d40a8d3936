"""Both sides of the operation on top of an expression of PromQL, word for word as they were written.

The parser says what the expression is; its own way of writing it again loses escapes, so the text is cut instead.
"""

from collections.abc import Iterator
from typing import Any

import promql_parser as parser

from focusplane.define.promql import WINDOW as SLOT

_STAND_IN = "23h59m59s"
_OPENING, _CLOSING, _QUOTES = "([{", ")]}", "\"'`"


def sides(text: str, op: str) -> tuple[str, str] | None:
    """Left and right of `op` if that is on top and matches no labels; None for anything else."""
    inside = bare(text)
    tree = _tree(inside)
    if not isinstance(tree, parser.BinaryExpr) or str(tree.op) != op or tree.modifier is not None:
        return None
    for at in _at_top(inside, op):
        left, right = bare(inside[:at]), bare(inside[at + len(op) :])
        if _same(left, tree.lhs) and _same(right, tree.rhs):
            return left, right
    return None


def bare(text: str) -> str:
    """Without brackets around the whole."""
    found = text.strip()
    while found.startswith("(") and _closes(found) == len(found) - 1:
        found = found[1:-1].strip()
    return found


def _tree(text: str) -> Any:
    try:
        return parser.parse(SLOT.sub(_STAND_IN, text))
    except ValueError:
        return None


def _same(text: str, tree: Any) -> bool:
    while isinstance(tree, parser.ParenExpr):
        tree = tree.expr
    found = _tree(text)
    return found is not None and str(found) == str(tree)


def _closes(text: str) -> int:
    """Where the bracket is closed with which the text begins."""
    return next((at for at, depth in _depths(text) if depth == 0 and text[at] == ")"), -1)


def _at_top(text: str, op: str) -> Iterator[int]:
    return (at for at, depth in _depths(text) if depth == 0 and text.startswith(op, at))


def _depths(text: str) -> Iterator[tuple[int, int]]:
    """Each place outside of quotes, and in how many brackets it lies."""
    depth, quote, at = 0, "", 0
    while at < len(text):
        letter = text[at]
        if quote:
            at += 1 if letter == "\\" and quote != "`" else 0
            quote = "" if letter == quote else quote
        elif letter in _QUOTES:
            quote = letter
        else:
            depth += (letter in _OPENING) - (letter in _CLOSING)
            yield at, depth
        at += 1
