"""A flagd document compiled: evaluated from any thread without a lock, and swapped by one assignment.

A flag that is wrong stops no other: it stands in `faults`, and the last good one under its key goes on.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from focusplane.control.flags.answer import Evaluated, Reason
from focusplane.control.flags.drawing import Generation
from focusplane.control.flags.entry import Entry, Part, entry, generation_of
from focusplane.control.flags.node import MOST_PIECES, RuleError
from focusplane.control.flags.rule import REFERENCE
from focusplane.control.flags.trace import Explanation, explained

MOST_FLAGS = 10_000
MOST_OCTETS = 16 * 2**20
MOST_ALL_PIECES = 1_000_000
"""Of the rules of one document, with what `$ref` names spelt out in each: compiling them takes some seconds."""
MOST_ALL_STEPS = 20_000_000
"""Of one evaluation of all flags of a document."""
NO_CONTEXT: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All flags of one document. Never changes."""

    flags: Mapping[str, Entry] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    """Key -> where it is wrong, and why."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What the document says of itself: `flagSetId`, `version`."""
    changed: frozenset[str] = frozenset()
    """The keys that came, went or changed since the one before."""
    pieces: Mapping[str, int] = field(default_factory=dict)
    """Key -> pieces of its rule in the document, also of a flag that is refused."""

    @staticmethod
    def of(document: Mapping[str, Any] | str | bytes, previous: "Ruleset | None" = None) -> "Ruleset":
        """Compile a flag set; what is the same as in `previous` is taken from there.

        Raises `ValueError` if it is no flag set at all; then the previous one is the last good one.
        """
        told = _object(document)
        metadata, evaluators = _mapping(told, "metadata"), _mapping(told, "$evaluators")
        part = Part(generation_of(metadata, Generation.V2), evaluators)
        before = previous.flags if previous is not None else {}
        flags: dict[str, Entry] = {}
        every = list(_flags(told))
        kept = {key: before[key] for key, data in every if _kept(before.get(key), data, part)}
        known = previous.pieces_of(kept) if previous is not None else {}
        pieces = {key: known.get(key) or _size(data, evaluators) for key, data in every}
        faults = over(pieces, MOST_ALL_PIECES, "pieces")
        for key, data in every:
            if key in faults:
                flags |= {key: before[key]} if key in before else {}
                continue
            try:
                flags[key] = kept[key] if key in kept else entry(key, data, part)
            except (RuleError, RecursionError) as fault:
                faults[key] = str(fault) if isinstance(fault, RuleError) else "flag: is nested too deep"
                if key in before:
                    flags[key] = before[key]
        fresh = {key: flag.steps for key, flag in flags.items() if flag is not before.get(key)}
        old = sum(flag.steps for key, flag in flags.items() if key not in fresh)
        dear = over(fresh, MOST_ALL_STEPS, "steps", old)
        last = {key: before[key] for key in dear if key in before}
        flags = {key: flag for key, flag in flags.items() if key not in dear} | last
        faults |= dear
        changed = {key for key in before.keys() | flags.keys() if before.get(key) is not flags.get(key)}
        return Ruleset(flags, faults, metadata, frozenset(changed), pieces)

    def evaluate(
        self, key: str, context: Mapping[str, Any] = NO_CONTEXT, at_s: int | None = None
    ) -> Evaluated:
        """One evaluation. The context holds `targetingKey` and attributes; `at_s` is Unix time, for rules that ask."""
        flag = self.flags.get(key)
        return self._unknown(key) if flag is None else flag.evaluate(context, at_s)

    def explain(
        self, key: str, context: Mapping[str, Any] = NO_CONTEXT, at_s: int | None = None
    ) -> Explanation:
        """The same evaluation and what was looked at on the way. Slow: for people."""
        flag = self.flags.get(key)
        if flag is None:
            return Explanation(key, self._unknown(key))
        return explained(flag, context, at_s)

    def metadata_of(self, key: str) -> Mapping[str, Any]:
        """The metadata of a flag, with that of the set behind it."""
        flag = self.flags.get(key)
        return self.metadata if flag is None else {**self.metadata, **flag.metadata}

    def pieces_of(self, kept: Iterable[str]) -> Mapping[str, int]:
        """Of flags that are the same again. Of one whose last good form goes on, the document had another form."""
        return {key: self.pieces[key] for key in kept if key not in self.faults}

    @property
    def timed(self) -> bool:
        """Whether a flag changes with the time alone."""
        return any(flag.timed for flag in self.flags.values())

    def _unknown(self, key: str) -> Evaluated:
        fault = self.faults.get(key)
        return Evaluated(None, "", Reason.ERROR, f"no flag {key}" if fault is None else fault)


def over(costs: Mapping[str, int], most: int, what: str, old: int = 0) -> dict[str, str]:
    """The flags that are refused, the dearest first, so that all others together stay within the bound; and why. What cost `old`
    before goes on, whatever is new.
    """
    left, refused = sum(costs.values()) + old, dict[str, str]()
    if left <= most:
        return refused
    for key in sorted(costs, key=lambda each: (-costs[each], each)):
        if left <= most:
            break
        left -= costs[key]
        refused[key] = (
            f"flag: with its {costs[key]:,} {what} all flags of the document have more than {most:,}"
        )
    return refused


def _size(data: Any, evaluators: Mapping[str, Any]) -> int:
    """Pieces of the rule of a flag, with what it refers to, as far as a single flag may have them."""
    waiting, count = [data.get("targeting") if isinstance(data, dict) else None], 0
    while waiting and count <= MOST_PIECES:
        item = waiting.pop()
        count += 1
        if isinstance(item, dict):
            name = item.get(REFERENCE)
            waiting += [evaluators.get(name)] if isinstance(name, str) else item.values()
        elif isinstance(item, list):
            waiting += item
    return count


def _kept(before: Entry | None, data: Any, part: Part) -> bool:
    """Whether it is the same as before; what is wrong in it is told where it is compiled."""
    try:
        return before is not None and isinstance(data, dict) and before.same(data, part)
    except (RuleError, RecursionError):
        return False


def _object(document: Mapping[str, Any] | str | bytes) -> Mapping[str, Any]:
    if isinstance(document, str | bytes):
        if len(document) > MOST_OCTETS:
            raise ValueError(f"the document has more than {MOST_OCTETS:,} bytes")
        try:
            document = json.loads(document, parse_constant=_refuse)
        except (ValueError, RecursionError) as fault:
            raise ValueError(f"the document is no JSON: {fault}") from fault
    if not isinstance(document, Mapping):
        raise ValueError("the document is not an object")
    return document


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON number")


def _mapping(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise ValueError(f"`{name}` is not an object")
    return found


def _flags(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Key and flag: of an object, or of a list as the daemon also reads it."""
    flags = document.get("flags")
    if not isinstance(flags, Mapping | list):
        raise ValueError("`flags` is not an object")
    if len(flags) > MOST_FLAGS:
        raise ValueError(f"the document has more than {MOST_FLAGS:,} flags")
    if isinstance(flags, Mapping):
        yield from flags.items()
        return
    for at, flag in enumerate(flags):
        key = flag.get("key") if isinstance(flag, dict) else None
        yield (key if isinstance(key, str) else f"#{at}"), flag
