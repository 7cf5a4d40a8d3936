"""The keys of targeting: conditions over attributes, segments, rules, schedules."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from focusplane.define.log import Log
from focusplane.define.quantities import PERCENT
from focusplane.define.shape import BROKEN, Broken, Field, Record, Schema, Shape, Values, misplaced
from focusplane.define.shapes import Either, ListOf, MapOf, Name, Reference, Scalar
from focusplane.define.targeting import Clause, Crowd, Rule, Segment, Timed, Trait, When, comparisons
from focusplane.define.yaml_nodes import Items, Node, Table

MOST_TESTS, MOST_VALUES, MOST_CLAUSES = 16, 200, 16
"""Attributes of one condition, values of one attribute, and clauses of one `any` or `not`."""
MOST_RULES, MOST_STEPS = 50, 50
"""Of one flag."""
ATTRIBUTE = Name("attribute", r"[A-Za-z_][A-Za-z0-9_.-]{0,62}", "an attribute such as region or appVersion")
SEGMENT, NOT, ANY = "segment", "not", "any"
_SEGMENTS = ListOf(Reference("segment"), least=1, single=True)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _value(text: str) -> str:
    comparisons(text)
    if not text:
        raise ValueError("an empty value fits nothing")
    if "*" in text.strip("*"):
        raise ValueError(f"{text!r}: a star stands at the beginning or the end")
    return text


VALUE = Scalar(
    'a value such as eu, "*@acme.com" or ">=2.3.0"',
    _value,
    {"type": ["string", "number", "boolean"]},
    "comparisons are >= <= > < = != ^ ~ with whole numbers or versions such as 2.3.0, quoted",
    most=256,
)
_VALUES = ListOf(VALUE, least=1, single=True)


@dataclass(frozen=True)
class Condition(Shape[When]):
    """Attributes with the values that fit, all of them; `any` and `not` hold clauses of attributes, `segment` names."""

    segments: bool
    """Whether segments may be named: inside a segment they may not."""
    words: str = "a mapping from attributes to values, such as {region: eu}"

    def read(self, node: Node, path: str, log: Log) -> When | Broken:
        if not isinstance(node, Table):
            return misplaced(self, node, log)
        if not node.entries:
            log.error(node.place, "D350", "a condition without an attribute", "such as {region: eu}")
            return BROKEN
        clause = _clause(node, path, log)
        either = _clauses(node.get(ANY), f"{path}.{ANY}", log)
        neither = list(_inside(node.get(NOT)))
        named = [one for one in neither if isinstance(one, Table) and one.get(SEGMENT) is not None]
        outside = [segment for one in named for segment in self._outside(one, path, log)]
        none = _clauses([one for one in neither if one not in named], f"{path}.{NOT}", log)
        segments = self._named(node, path, log)
        if clause is BROKEN or either is BROKEN or none is BROKEN or segments is BROKEN:
            return BROKEN
        return When(Crowd(clause, either, none), segments, tuple(outside))

    def _named(self, node: Table, path: str, log: Log) -> tuple[Segment, ...] | Broken:
        child = node.get(SEGMENT)
        if child is None:
            return ()
        if not self.segments:
            log.error(child.place, "D350", "a segment inside a segment", "name both in the rule")
            return BROKEN
        names = _SEGMENTS.read(child, f"{path}.{SEGMENT}", log)
        return BROKEN if names is BROKEN else tuple(Segment(name) for name in names)

    def _outside(self, node: Table, path: str, log: Log) -> tuple[Segment, ...]:
        if len(node.entries) > 1:
            hint = "not: [{segment: beta}, {region: eu}] means neither of both"
            log.error(node.place, "D350", "inside `not`, a segment stands alone", hint)
        found = self._named(node, f"{path}.{NOT}", log)
        return () if found is BROKEN else found

    def schema(self) -> Schema:
        clause: Schema = {
            "type": "object",
            "propertyNames": ATTRIBUTE.schema(),
            "additionalProperties": _VALUES.schema(),
            "minProperties": 1,
        }
        many: Schema = {"anyOf": [clause, {"type": "array", "items": clause, "minItems": 1}]}
        own: Schema = {ANY: many, NOT: many}
        return {**clause, "properties": {**own, SEGMENT: _SEGMENTS.schema()} if self.segments else own}


def _inside(node: Node | None) -> Iterator[Node]:
    if isinstance(node, Items):
        yield from node.items
    elif node is not None:
        yield node


def _clauses(node: Node | list[Node] | None, path: str, log: Log) -> tuple[Clause, ...] | Broken:
    found: list[Clause] = []
    children = node if isinstance(node, list) else list(_inside(node))
    if len(children) > MOST_CLAUSES:
        log.error(
            children[0].place, "D350", f"{len(children)} clauses; at most {MOST_CLAUSES}", "use a segment"
        )
        return BROKEN
    for number, child in enumerate(children):
        if not isinstance(child, Table) or not child.entries:
            log.error(
                child.place, "D350", "a clause is a mapping from attributes to values", "such as {region: eu}"
            )
            return BROKEN
        inner = next((word for word, _ in child.entries if word.text in (ANY, NOT, SEGMENT)), None)
        if inner is not None:
            hint = "give that crowd a name under `segments`"
            log.error(inner.place, "D350", f"{inner.text!r} does not stand inside another condition", hint)
            return BROKEN
        read = _clause(child, f"{path}.{number}", log)
        if read is BROKEN:
            return BROKEN
        found.append(read)
    return tuple(found)


def _clause(node: Table, path: str, log: Log) -> Clause | Broken:
    tests: list[Trait] = []
    broken = False
    own = [pair for pair in node.entries if pair[0].text not in (ANY, NOT, SEGMENT)]
    for word, child in own:
        where = f"{path}.{word.text}"
        log.places.setdefault(where, word.place)
        name, values = ATTRIBUTE.read(word, where, log), _VALUES.read(child, where, log)
        if name is BROKEN or values is BROKEN:
            broken = True
        elif len(values) > MOST_VALUES or len(own) > MOST_TESTS:
            what = f"more than {MOST_TESTS} attributes, or more than {MOST_VALUES} values of one"
            log.error(word.place, "D350", what, "say it shorter: *@acme.com, or an attribute of its own")
            broken = True
        else:
            tests.append(Trait(name, values))
    return BROKEN if broken else Clause(tuple(tests))


@dataclass(frozen=True)
class Body(Shape[Crowd]):
    """What a segment means."""

    words: str = Condition.words

    def read(self, node: Node, path: str, log: Log) -> Crowd | Broken:
        found = Condition(segments=False).read(node, path, log)
        return BROKEN if found is BROKEN else found.crowd

    def schema(self) -> Schema:
        return Condition(segments=False).schema()


SEGMENTS = MapOf(Name("segment"), Body())

SHARES = MapOf(Name("share", r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?", "a variant"), PERCENT)


def _whole(name: str) -> Mapping[str, Fraction]:
    return {name: Fraction(1)}


WHEN = Field(
    "when",
    Condition(segments=True),
    "Whom it is for; the first rule that fits decides.",
    When(),
    required=True,
    hint="what everybody else gets is said by `default` and `percentage`",
)
SERVE = Field[Mapping[str, Fraction]](
    "serve",
    Either(Scalar("a variant", _whole, {"type": "string"}), SHARES),
    "A variant, or shares of several: {new: 50%, old: 50%}.",
    {},
    required=True,
)


def _rule(values: Values) -> Rule:
    serve = values[SERVE]
    total = sum(serve.values(), Fraction(0))
    if total != 1 and values.has(SERVE):
        said = f"{float(total * 100):g}%"
        hint = "give the rest to a variant"
        values.error(SERVE, "D351", f"the shares of a rule sum to {said}, not to 100%", hint)
    return Rule(values[WHEN], {variant: share for variant, share in serve.items() if share})


RULE = Record("a rule", (WHEN, SERVE), _rule)
RULES = ListOf(RULE)


def _instant(text: str) -> tuple[int, str]:
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not an instant such as 2026-12-01T08:00:00Z") from error
    if read.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone: end it with Z or +01:00")
    return (read - _EPOCH) // timedelta(milliseconds=1), text


INSTANT = Scalar(
    "an instant such as 2026-12-01T08:00:00Z",
    _instant,
    {"type": "string", "format": "date-time"},
    "date, time and zone: 2026-12-01T08:00:00Z, or 2026-12-01T09:00:00+01:00",
)
FROM = Field("from", INSTANT, "The exact instant, with its zone.", required=True)
TO = Field("percentage", PERCENT, "So many get `default` from then on.", required=True)
STEP = Record(
    "a step of a schedule", (FROM, TO), lambda values: Timed(values[FROM][0], values[TO], values[FROM][1])
)
SCHEDULE = ListOf(STEP)
