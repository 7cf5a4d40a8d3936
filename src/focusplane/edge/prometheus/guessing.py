"""What an engine adds up itself: asked once for each minute, on the minute, and counted as an estimate."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from focusplane.define.promql import Estimate
from focusplane.edge.prometheus.client import EngineClient
from focusplane.edge.prometheus.counting import REACH_MS, Counted
from focusplane.edge.prometheus.questions import Guess
from focusplane.instrument.answered import SLICES
from focusplane.instrument.conventions import REGION, ROUTE, SERVICE_VERSION, TENANT_ID
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.errors import DataError
from focusplane.kernel.ids import short_id
from focusplane.kernel.tick import MINUTE, SECOND
from focusplane.plane.ports import Batch, Intake
from focusplane.plane.world import World
from focusplane.wire.promql_answer import Answer

LATER_MS = 35 * SECOND
"""A minute is asked about so long after its end: VictoriaMetrics hides the newest 30 s, and scrapes come late."""
UNITS = 10_000
"""What one minute of a `ratio` weighs, whatever its traffic: a ratio has lost how many requests it was of."""


class Plane(Intake, Protocol):
    @property
    def world(self) -> World: ...


@dataclass(frozen=True, slots=True)
class _Part:
    """Values by slice; a slice whose value is no number had nothing to add up."""

    values: Mapping[Slice, Fraction]


class Guesser:
    """Asks for sums and hands them over. For one engine. What rounding leaves of a count goes into the next one."""

    def __init__(self, client: EngineClient, plane: Plane) -> None:
        self._client = client
        self._plane = plane
        self._rest: dict[tuple[str, str, Slice, str], Fraction] = {}

    async def ask(self, guess: Guess, now_ms: int) -> Counted:
        """Every minute that has not been counted, the oldest first, as far back as it still counts."""
        every = max(MINUTE, self._client.engine.every_ms)
        last = (now_ms - LATER_MS) // every * every
        first = max(self._reached(guess), (now_ms - REACH_MS) // every * every) + every
        newest, problem = self._reached(guess), ""
        for at in range(first, last + 1, every):
            parts = {name: await self._part(one, at, every) for name, one in guess.parts}
            signals = tuple(self._signals(guess, parts, at, every))
            if not signals:
                problem = f"no series answers {guess.objective} as of {every // SECOND} s ago"
                continue
            key = short_id(
                "asked", self._client.engine.url, guess.focus, guess.objective, str(guess.parts), at
            )
            await self._plane.accept(Batch(key, signals))
            newest, problem = at, ""
        return Counted(newest, problem)

    def _reached(self, guess: Guess) -> int:
        lane = self._plane.world.counters.lanes.get(guess.focus)
        known = lane.sources.reporters.get((Source.PROMETHEUS, _reporter(guess))) if lane else None
        return known.end if known is not None else 0

    async def _part(self, one: Estimate, at: int, every: int) -> _Part:
        answer = await self._client.ask(one.over(every), at)
        factor = Fraction(every, SECOND) if one.per_second else Fraction(1)
        return _Part({part: value * factor for part, value in _values(answer)})

    def _signals(self, guess: Guess, parts: Mapping[str, _Part], at: int, every: int) -> Iterator[Signal]:
        """One for each slice of the whole; where nothing was counted, that is said by a count of none."""
        whole = parts["ratio"] if "ratio" in parts else parts["total"]
        for part, value in whole.values.items():
            total, bad = self._counts(guess, parts, part, value)
            yield Signal(
                guess.focus,
                guess.environment,
                Source.PROMETHEUS,
                _reporter(guess),
                at - every,
                at,
                part,
                Outcome(),
                total,
                objective=guess.objective,
                failed=bad,
            )

    def _counts(
        self, guess: Guess, parts: Mapping[str, _Part], part: Slice, value: Fraction
    ) -> tuple[int, int]:
        who = (guess.focus, guess.objective, part)
        if "ratio" in parts:
            if value < 0:  # nothing was there to take a share of
                return 0, 0
            if value > 1:
                raise DataError(
                    f"the ratio of {guess.objective} is {float(value):g}: a share lies between 0 and 1"
                )
            return UNITS, self._whole((*who, "bad"), value * UNITS)
        side = "good" if "good" in parts else "bad"
        some = self._whole((*who, side), max(parts[side].values.get(part, Fraction(0)), Fraction(0)))
        total = self._whole((*who, "total"), max(value, Fraction(0)))
        return total, total - some if side == "good" else some

    def _whole(self, key: tuple[str, str, Slice, str], value: Fraction) -> int:
        exact = value + self._rest.get(key, Fraction(0))
        found = int(exact)
        if len(self._rest) > 100_000:
            self._rest.clear()
        self._rest[key] = exact - found
        return found


_NOTHING = Fraction(-1)


def _values(answer: Answer) -> Iterator[tuple[Slice, Fraction]]:
    """NaN is 0/0: nothing happened."""
    for row in answer.rows:
        text = row.samples[-1][1] if row.samples else "NaN"
        value = float(text)
        if math.isinf(value) or value < 0:
            raise DataError(f"it answers {text}, which is no count")
        yield _slice(row.labels), _NOTHING if math.isnan(value) else Fraction(text)


def _slice(labels: Mapping[str, str]) -> Slice:
    said = {key: next((labels[at] for at in places if labels.get(at)), "") for key, places in SLICES.items()}
    return Slice(said[TENANT_ID], said[SERVICE_VERSION], said[ROUTE[0]], said[REGION])


def _reporter(guess: Guess) -> str:
    return f"engine/{guess.objective}"
