"""Counts of a past from a PromQL engine: the questions of the present asked about a past time, piece by piece, and counted by
the very same code.

What an engine does not answer is asked again in smaller pieces; a time of which nothing comes is blind, and said. Counting
begins anew behind it, so that nothing of the hole is laid on what was seen.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from focusplane.define.engine import Engine
from focusplane.define.focus import Focus
from focusplane.edge.prometheus.client import EngineClient
from focusplane.edge.prometheus.counting import Counting, Sampler
from focusplane.edge.prometheus.questions import Guess, Samples, questions
from focusplane.instrument.cumulative import BASELINE, REPEATED
from focusplane.instrument.signal import Signal, Slice
from focusplane.kernel.errors import FocusplaneError, UnreachableError, UsageError
from focusplane.kernel.tick import HOUR, MINUTE, SECOND
from focusplane.learn.counted import MOST_ROWS, Row
from focusplane.observe.watermark import LONGEST_INTERVAL_MS
from focusplane.observe.weigh import weigh
from focusplane.plane.ports import Batch, Clock, Intake

PIECE_MS, LEAST_MS = HOUR, 5 * MINUTE
"""One question is about an hour at most; a piece that is not answered is made smaller, down to this."""
LEAD_MS = 10 * MINUTE
"""Asked for before the beginning: the first sample of a counter is only what the next one is compared with, and a series that
appears is known to be new when its target was scraped before.
"""
PATIENCE_MS = 10 * SECOND
"""An engine has at least so long for an answer about a past: it may have to read it from disk."""
MOST_MISSES = 12
"""So many of the smallest pieces one after the other, and the engine is taken for gone."""
MOST_QUESTIONS = 100_000
Core = Callable[[Intake, Clock], Counting]
"""Makes anew what counts: where its counts go, and the time that is asked about."""
Counts = dict[tuple[str, str, Slice], dict[tuple[int, int], tuple[int, int]]]
"""focus, objective, slice -> interval -> requests and failures"""


@dataclass(frozen=True, slots=True)
class History:
    """What was counted, in the order of starts, and everything that makes it less than the whole, in words."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


async def read_engine(
    engine: Engine,
    focuses: Sequence[Focus],
    span: tuple[int, int],
    clock: Clock,
    core: Core,
    told: Callable[[int, int], None] = lambda done, whole: None,
) -> History:
    """What the focuses that name this engine would have counted in (since, until], Unix ms on the minute. `told` hears how
    many milliseconds of how many are done. Raises `UnreachableError` if the engine does not answer, `UsageError` if
    there is nothing that can be asked, or too much.
    """
    asked = questions(engine, focuses)
    groups, notes = _groups(asked)
    if not groups:
        raise UsageError("nothing can be counted from an engine here", "; ".join(notes) or "no objective counts requests")  # fmt: skip
    pieces = -(-(span[1] - span[0]) // PIECE_MS) * sum(len(group) for group in groups)
    if pieces > MOST_QUESTIONS:
        raise UsageError(f"about {pieces:,} questions are too many", "a shorter time")
    patient = replace(engine, timeout_ms=max(engine.timeout_ms, PATIENCE_MS))
    ledger, client = _Ledger({focus.name: focus for focus in focuses}), EngineClient(patient, clock)
    try:
        for number, group in enumerate(groups):
            reading = _Reading(client, group, ledger, core, span, told, (number, len(groups)))
            await reading.all_of_it()
            notes += reading.words()
    finally:
        await client.close()
    return History(ledger.rows(), (*notes, *client.notes, *ledger.gaps(span)))


def _groups(asked: Iterable[Samples | Guess]) -> tuple[list[list[Samples]], list[str]]:
    """Questions that are counted together: each objective's own, and all that ask for native metrics."""
    own, native, notes = [], [], []
    for one in asked:
        if isinstance(one, Guess):
            kind = "a ratio has lost how many requests it was of" if one.parts[0][0] == "ratio" else "the engine only estimates what such an expression adds up"  # fmt: skip
            notes.append(f"{one.focus}/{one.objective} is not asked for: {kind}; name counters, or give the past as CSV")  # fmt: skip
        elif one.parts[0][0].objective:
            own.append([one])
        else:
            native.append(one)
    return [*own, *([native] if native else [])], notes


@dataclass(slots=True)
class _Then:
    """The time that is asked about, for what counts: it refuses what comes from the future."""

    at: int

    def now_ms(self) -> int:
        return self.at


class _Ledger:
    """Takes the signals, and adds them up by minute. Implements the Intake of what counts. Signals wait until every question
    about their time is answered.
    """

    def __init__(self, focuses: Mapping[str, Focus]) -> None:
        self.unused: Counter[str] = Counter()
        self._floor = self._cells = 0
        self._waiting: list[Signal] = []
        self._focuses = focuses
        self._counts: Counts = {}
        self._heard: dict[str, set[tuple[int, int]]] = {}

    async def accept(self, batch: Batch) -> None:
        for dropped in batch.dropped:
            if dropped.cause not in (BASELINE, REPEATED):
                self.unused[dropped.cause] += dropped.count
        self._waiting += batch.signals

    def begin(self, floor: int) -> None:
        """What waits is given up; nothing up to `floor` (Unix ms) is counted."""
        self._floor = floor
        self._waiting.clear()

    def settle(self, end: int) -> None:
        """Everything up to then is answered."""
        waiting, self._waiting = self._waiting, []
        for signal in waiting:
            if signal.end > end:
                self._waiting.append(signal)
            elif signal.end > self._floor:
                self._take(signal)
        if self._cells > MOST_ROWS:
            raise UsageError(f"the engine tells more than {MOST_ROWS:,} counts", "a shorter time, or fewer labels: sum by (...)")  # fmt: skip

    def refused(self, cause: str, count: int = 1) -> None:
        """Nothing is turned away here: nobody sends."""

    def policies(self) -> Mapping[str, Focus]:
        return self._focuses

    def _take(self, signal: Signal) -> None:
        """A report speaks for five minutes at most, as it does in a plane."""
        start = max(signal.start, signal.end - LONGEST_INTERVAL_MS, self._floor)
        span = (start, signal.end)
        if signal.end - start <= MINUTE:
            minute = -(-signal.end // MINUTE) * MINUTE
            span = (minute - MINUTE, minute)
        self._heard.setdefault(signal.focus, set()).add(span)
        for objective in self._focuses[signal.focus].objectives:
            if signal.objective not in ("", objective.name):
                continue
            weight = weigh(signal, objective.sli)
            if weight.total or weight.bad:
                own = self._counts.setdefault((signal.focus, objective.name, signal.slice), {})
                total, bad = own.get(span, (0, 0))
                self._cells += span not in own
                own[span] = (total + weight.total, bad + weight.bad)

    def rows(self) -> tuple[Row, ...]:
        """Where a focus was heard and nothing was counted, that is said by a row of none."""
        found = [row for key, own in self._counts.items() for row in _rows(key, own)]
        said = {(row.focus, row.start, row.end) for row in found}
        leading = {row.focus: row.objective for row in reversed(found)}
        for name, spans in self._heard.items():
            objective = leading.get(name, self._focuses[name].objectives[0].name)
            found += [
                Row(start, end, name, objective, 0, 0, Slice())
                for start, end in spans
                if (name, start, end) not in said
            ]
        return tuple(sorted(found, key=lambda row: (row.start, row.end, row.focus, row.objective, repr(row.part))))  # fmt: skip

    def gaps(self, span: tuple[int, int]) -> list[str]:
        """Of which times nothing was heard, by focus."""
        return [
            f"{name}: nothing was heard from {_iso(start)} to {_iso(end)}: blind"
            for name in sorted(self._heard)
            for start, end in _holes(self._heard[name], span)
        ]


def _rows(key: tuple[str, str, Slice], own: Mapping[tuple[int, int], tuple[int, int]]) -> Iterator[Row]:
    """What a minute takes back of an earlier one (a request that is known to be good only now) is taken from the next."""
    good_debt = bad_debt = 0
    for (start, end), (total, bad) in sorted(own.items()):
        good, bad = total - bad + good_debt, bad + bad_debt
        good_debt, bad_debt = min(good, 0), min(bad, 0)
        yield Row(start, end, key[0], key[1], max(good, 0), max(bad, 0), key[2])


def _holes(spans: Iterable[tuple[int, int]], whole: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Longer than five minutes: shorter ones are between two reports."""
    reached = whole[0]
    for start, end in [*sorted(spans), (whole[1], whole[1])]:
        if start - reached > LONGEST_INTERVAL_MS:
            yield reached, start
        reached = max(reached, end)


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at / SECOND, UTC).strftime("%Y-%m-%d %H:%MZ")


@dataclass(slots=True)
class _Reading:
    """One group of questions through the whole time, oldest first."""

    client: EngineClient
    group: Sequence[Samples]
    ledger: _Ledger
    core: Core
    span: tuple[int, int]
    told: Callable[[int, int], None]
    place: tuple[int, int]
    """which group of how many"""
    lost: list[str] = field(default_factory=list)
    said: Counter[str] = field(default_factory=Counter)
    pieces: int = 0
    _then: _Then = field(init=False)
    _sampler: Sampler = field(init=False)

    async def all_of_it(self) -> None:
        at, length, misses = self.span[0] - LEAD_MS, LEAD_MS, 0
        self._begin(at, self.span[0])
        while at < self.span[1]:
            end = min(at + length, self.span[1])
            why = await self._ask(end)
            if why and end - at > LEAST_MS:
                length = max((end - at) // 4, LEAST_MS)
                continue
            if why:
                misses += 1
                self._lose(at, end, why, misses)
            else:
                misses, length, self.pieces = 0, min(length * 2, PIECE_MS), self.pieces + 1
            at = end
            self._tell(at)

    def _tell(self, at: int) -> None:
        (number, groups), length = self.place, self.span[1] - self.span[0]
        self.told(number * length + max(0, at - self.span[0]), groups * length)

    def words(self) -> list[str]:
        """What was true of every piece, and what was not answered."""
        return [
            *(word for word, count in self.said.items() if count >= self.pieces),
            *self.lost,
            *self._unused(),
        ]

    def _begin(self, since: int, floor: int) -> None:
        """Count from there: nothing before is known, and nothing up to `floor` is counted."""
        self.ledger.begin(floor)
        self._then = _Then(since - LEAD_MS)
        core = self.core(self.ledger, self._then)
        self._sampler = Sampler(self.client, core, PIECE_MS + 2 * LEAD_MS, since - LEAD_MS)

    async def _ask(self, end: int) -> str:
        """Why there was no answer; empty if there was."""
        self._then.at = end
        try:
            heard = [await self._sampler.ask(question, end) for question in self.group]
        except FocusplaneError as error:
            return error.what
        self.said.update({word for one in heard for word in (one.problem, *one.notes) if word})
        self.ledger.settle(end)
        return ""

    def _lose(self, at: int, end: int, why: str, misses: int) -> None:
        if not self.pieces or misses >= MOST_MISSES:
            raise UnreachableError(f"{self.client.engine.url} does not answer about {_iso(at)}: {why}")
        self.lost.append(f"{self.client.engine.url} does not answer about {_iso(at)} to {_iso(end)}, blind: {why}")  # fmt: skip
        self._begin(end, max(end, self.span[0]))

    def _unused(self) -> list[str]:
        found = [f"not counted: {count:,}, {cause}" for cause, count in self.ledger.unused.items()]
        self.ledger.unused.clear()
        return found
