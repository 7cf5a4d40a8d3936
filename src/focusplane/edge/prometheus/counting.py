"""Raw samples of counters, with their own times: what is counted from them is exact."""

import math
from dataclasses import dataclass
from typing import Protocol

from focusplane.edge.prometheus.client import EngineClient
from focusplane.edge.prometheus.questions import Samples
from focusplane.instrument import scrape
from focusplane.instrument.answered import Asking, SeriesBook, told_by_all
from focusplane.instrument.scrape import Sample
from focusplane.instrument.signal import Dropped
from focusplane.kernel.tick import MINUTE, NS_PER_MS, SECOND
from focusplane.wire.promql_answer import Answer

REACH_MS = 270 * SECOND
"""So far back it is asked after a silence: what is older comes too late to be counted at its own time."""
OVERLAP_MS = MINUTE
"""Asked for once more each time: samples reach an engine late, and one that hides the newest shows them later."""
MOST_COUNT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Counted:
    """What came of one question: the time of the newest sample (Unix ms, 0 without one), or why nothing was counted."""

    newest: int = 0
    problem: str = ""
    notes: tuple[str, ...] = ()


class Counting(Protocol):
    """Where samples become counts: the core of all doors for telemetry."""

    async def take_asked(self, samples: scrape.Samples) -> object: ...


class Sampler:
    """Asks for samples and hands them over. For one engine."""

    def __init__(
        self, client: EngineClient, core: Counting, reach_ms: int = REACH_MS, since: int = 0
    ) -> None:
        """`reach_ms`: so far back one question goes at most; the first one back to `since` (Unix ms)."""
        self._client = client
        self._core = core
        self._reach_ms = reach_ms
        self._since = since
        self._book = SeriesBook()
        self._asked_to: dict[tuple[str, ...], int] = {}

    async def ask(self, question: Samples, now_ms: int) -> Counted:
        """All parts as of one time, the whole before what failed of it (`told_by_all` says why)."""
        key = tuple(text for _, text in question.parts) + question.focuses
        before = self._asked_to.get(key, self._since)
        again = max(OVERLAP_MS, 2 * self._client.engine.every_ms)
        reach = min(now_ms - before + again, self._reach_ms)
        samples: list[Sample] = []
        odd: dict[str, int] = {}
        empty: list[str] = []
        for asking, text in question.parts:
            answer = await self._client.ask(f"{text}[{reach}ms]", now_ms)
            if not answer.rows and asking.objective:
                empty.append(f"{asking.part} ({text})")
            samples += self._read(asking, answer, odd)
        asked = question.parts[0][0]
        if asked.objective:
            samples = told_by_all(samples)
        dropped = tuple(Dropped(why, count) for why, count in odd.items())
        if samples or dropped:
            await self._core.take_asked(scrape.Samples(tuple(samples), {}, dropped, len(samples)))
        self._asked_to[key] = now_ms
        newest = max((sample.at for sample in samples), default=0) // NS_PER_MS
        return Counted(newest, *_words(asked, empty))

    def _read(self, asking: Asking, answer: Answer, odd: dict[str, int]) -> list[Sample]:
        found = []
        for row in answer.rows:
            series = self._book.series(asking, row.labels)
            if series is None:
                continue
            for at, text in row.samples:
                count = _count(text)
                if isinstance(count, int):
                    found.append(Sample(series, at * NS_PER_MS, 0, count))
                elif count:
                    odd[f"{row.labels.get('__name__', '')[:100]}: {count}"] = odd.get(count, 0) + 1
        return found


def _words(asked: Asking, empty: list[str]) -> tuple[str, tuple[str, ...]]:
    """A whole without a series is no data. Errors without one may be none at all: said, because it may be a typo as well."""
    if not asked.objective or not empty:
        return "", ()
    if empty[0].startswith(f"{asked.part} "):
        return f"no series answers {asked.objective}: {empty[0]}", ()
    where = f"{asked.focus}/{asked.objective}"
    return "", (f"{where}: no series yet for {empty[0]}: read as none; is its name right?",)


def _count(text: str) -> int | str:
    """A whole number, or why it is none; empty for the end of a series."""
    try:
        value = float(text)
    except ValueError:
        return "no number"
    if math.isnan(value):
        return ""
    if not math.isfinite(value) or value != int(value):
        return "not a whole number"
    return int(value) if 0 <= value <= MOST_COUNT else "negative or too large"
