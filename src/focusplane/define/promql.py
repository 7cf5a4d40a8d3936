"""PromQL of an SLI -> what can be counted exactly, what can only be estimated, or why it cannot be used.

A counter selector is counted exactly, from its samples. So is `sum by (...) (increase(selector[{{window}}]))`, also with
`rate`: it says the same of the same counters. Everything else that names `{{window}}` is asked as it is written, once for
each interval, and is an estimate: the engine extrapolates.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

import promql_parser as parser

from focusplane.define.sli import PromQl

WINDOW = re.compile(r"\{\{\s*\.?window\s*\}\}")
"""What stands for the interval that is asked about; `{{.window}}` is how Sloth writes it."""
_STAND_IN = timedelta(seconds=86_399)
_STAND_IN_TEXT = "23h59m59s"
_RANGED = {"increase": False, "rate": True}
"""Functions of a counter over a window, and whether they give so much a second."""
_STRING = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`""")
_HUGE = re.compile(r"[0-9.][eE][+-]?[0-9]{2,}|(?:\boffset|[\[:@])[\s+-]*(?:inf|nan)", re.IGNORECASE)
"""Outside of strings: a length of time beyond measure brings the parser down."""
_UNKNOWN = re.compile(r"unknown function with name '([^']*)'")


class PromqlError(ValueError):
    """What is wrong, in the words of the parser; `hint` says what to write."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Matcher:
    label: str
    op: str
    value: str

    def __str__(self) -> str:
        return f"{self.label}{self.op}{quoted(self.value)}"


@dataclass(frozen=True, slots=True)
class Selector:
    """Counters, exactly. `keeps` are the labels that make slices, None for all; `drops` those that do not."""

    metric: str
    matchers: tuple[Matcher, ...] = ()
    keeps: tuple[str, ...] | None = None
    drops: tuple[str, ...] = ()

    def __str__(self) -> str:
        inside = ",".join(map(str, self.matchers))
        return f"{self.metric}{{{inside}}}" if inside else self.metric

    def slices_by(self, label: str) -> bool:
        return label not in self.drops and (self.keeps is None or label in self.keeps)


@dataclass(frozen=True, slots=True)
class Estimate:
    """An expression over `{{window}}`; `per_second` if its value is a rate and is multiplied by the window."""

    text: str
    per_second: bool = False

    def over(self, window_ms: int) -> str:
        return WINDOW.sub(f"{window_ms}ms" if window_ms % 1000 else f"{window_ms // 1000}s", self.text)


Query = Selector | Estimate


def quoted(text: str) -> str:
    """A string of PromQL."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def read_counter(text: str) -> Query:
    """What `bad`, `good` and `total` say. Raises `PromqlError`."""
    tree = _parsed(text)
    selector = _selector(tree)
    if selector is not None:
        return selector
    if WINDOW.search(text) is None:
        raise PromqlError(
            "it is no counter, and names no window: what it adds up cannot be told apart from a restart",
            "write a counter such as http_requests_total{code=~\"5..\"}, or sum(increase(...[{{window}}]))",
        )  # fmt: skip
    used = {node.func.name for node in _walk(tree) if isinstance(node, parser.Call)} & _RANGED.keys()
    if len(used) > 1:
        raise PromqlError("it counts by increase and by rate at once", "use increase alone")
    return Estimate(text, per_second=used == {"rate"})


def read_ratio(text: str) -> Estimate:
    """What `ratio` says: a share between 0 and 1. Raises `PromqlError`."""
    _parsed(text)
    return Estimate(text)


def read_histogram(text: str) -> Selector:
    """What `histogram` says: the buckets of a classic histogram. Raises `PromqlError`."""
    found = _selector(_parsed(text))
    if found is None or not found.metric.endswith("_bucket"):
        raise PromqlError(
            "it does not select buckets", 'such as http_request_duration_seconds_bucket{job="shop"}'
        )
    if any(one.label == "le" for one in found.matchers):
        raise PromqlError("it picks buckets by `le`", "leave `le` out: `under` says which bucket counts")
    return found


@lru_cache(maxsize=10_000)
def estimate_of(promql: PromQl) -> str:
    """Why what is counted by these questions is no exact count; empty if it is one."""
    if promql.ratio:
        return "an estimate: a ratio says nothing of traffic, every minute weighs the same"
    if promql.histogram:
        return ""
    told = (read_counter(text) for text in (promql.bad or promql.good, promql.total))
    return (
        "an estimate: the engine adds up and extrapolates"
        if any(isinstance(one, Estimate) for one in told)
        else ""
    )


def _parsed(text: str) -> Any:
    if _HUGE.search(_STRING.sub('""', text)):
        raise PromqlError("this is no PromQL: a number is too large", "write it out")
    try:
        tree = parser.parse(WINDOW.sub(_STAND_IN_TEXT, text))
    except ValueError as error:
        said = str(error)
        unknown = _UNKNOWN.search(said)
        hint = f"{unknown[1]} is no function of Prometheus" if unknown else "check it with promtool"
        raise PromqlError(f"this is no PromQL: {said}", hint) from None
    if isinstance(tree, parser.NumberLiteral | parser.StringLiteral):
        raise PromqlError("it is a constant", "name a counter")
    return tree


def _selector(tree: Any) -> Selector | None:
    """The one counter selector that the whole expression adds up; None if it does anything else."""
    tree, keeps, drops = _summed(_bare(tree))
    tree = _bare(tree)
    if isinstance(tree, parser.Call) and tree.func.name in _RANGED:
        tree = _bare(tree.args[0])
        if not isinstance(tree, parser.MatrixSelector) or tree.range != _STAND_IN:
            return None
        tree = tree.vector_selector
    elif keeps is not None or drops:
        return None
    if not isinstance(tree, parser.VectorSelector) or _moved(tree):
        return None
    return _plain(tree, keeps, drops)


def _moved(tree: Any) -> bool:
    """Whether it looks at another time than the one that is asked about."""
    try:
        return tree.offset is not None or tree.at is not None
    except (ValueError, OverflowError):  # a length that no `timedelta` holds
        return True


def _plain(tree: Any, keeps: tuple[str, ...] | None, drops: tuple[str, ...]) -> Selector | None:
    if not tree.name or tree.matchers.or_matchers:
        return None
    matchers = tuple(Matcher(one.name, _OPS[str(one.op)], one.value) for one in tree.matchers.matchers)
    return Selector(tree.name, matchers, keeps, drops)


_OPS = {"MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"}


def _summed(tree: Any) -> tuple[Any, tuple[str, ...] | None, tuple[str, ...]]:
    """What is under a `sum`, with the labels that it keeps and those that it drops."""
    if not isinstance(tree, parser.AggregateExpr) or not re.match(r"sum\b", str(tree)):
        return tree, None, ()
    if tree.modifier is None:
        return tree.expr, (), ()
    labels = tuple(tree.modifier.labels)
    if str(tree.modifier.type) == "AggModifierType.By":
        return tree.expr, labels, ()
    return tree.expr, None, labels


def _bare(tree: Any) -> Any:
    while isinstance(tree, parser.ParenExpr):
        tree = tree.expr
    return tree


def _walk(tree: Any) -> Iterator[Any]:
    found: list[Any] = []
    parser.walk(tree, lambda node: found.append(node))
    return iter(found)
