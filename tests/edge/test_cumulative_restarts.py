"""Cumulative series go on where they were acknowledged last, whenever the plane dies: nothing is lost or counted twice (N5)."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.edge.test_remote_write import Row, first

from focusplane.define.focus import Focus
from focusplane.edge.otlp_intake import OtlpIntake, OtlpSettings
from focusplane.instrument.cumulative import BASELINE, RESHAPED, Cumulative
from focusplane.instrument.signal import Latencies
from focusplane.kernel.errors import RefusedError
from focusplane.kernel.tick import NS_PER_MS, SECOND, Tick
from focusplane.observe.reading import Measured
from focusplane.plane.arrival import Arrival, Counted, PolicyRead, Started
from focusplane.plane.ports import Batch, Turn
from focusplane.plane.recover import recover, replay
from focusplane.plane.snapshot import preserve
from focusplane.plane.step import step
from focusplane.testing.memory_journal import Disk, MemoryJournal
from focusplane.wire import codec
from focusplane.wire.otlp_answer import Encoding, Telemetry
from focusplane.wire.remote_write import Version

POLICY = """\
apiVersion: focusplane/v1
kind: Team
metadata: {name: crew}
spec: {members: [ana@example.org]}
---
apiVersion: focusplane/v1
kind: Focus
metadata: {name: checkout}
spec:
  owner: crew
  boundary: [{service: payment, routes: ["POST /checkout"]}]
  objectives:
    - {name: availability, target: 99%, window: 30d, sli: {bad: {status: 5xx}}}
"""
T0 = 1_767_225_600_000
RESOURCE = {"service.name": "payment", "service.instance.id": "i-1"}
REQUEST = {"http.request.method": "POST", "http.route": "/checkout"}


class KilledError(Exception):
    """The plane died before it could answer."""


@dataclass
class Mortal:
    """A plane whose journal outlives it, and its one door; `dies` before the next answer, or it is `full`."""

    at: int = T0
    disk: Disk = field(default_factory=Disk)
    dies: bool = False
    full: bool = False

    def __post_init__(self) -> None:
        self.start()

    def start(self, *, remembers: bool = True) -> None:
        """Begin, or begin again, with nothing but the journal."""
        self.journal = MemoryJournal(self.disk)
        self.world = recover(self.journal)
        self._turn(
            Started("p-1", 1, "production", remembers=remembers),
            PolicyRead({"a.yaml": POLICY}, "2026-01-01"),
        )
        self.door = OtlpIntake(self, self, OtlpSettings(), self.world.series)

    def save(self) -> None:
        self.journal.save(self.world.tick.number, preserve(self.world))

    def now_ms(self) -> int:
        return self.at

    def policies(self) -> Mapping[str, Focus]:
        return self.world.policies.set.focuses

    def refused(self, cause: str, count: int = 1) -> None:
        raise AssertionError(cause)

    async def accept(self, batch: Batch) -> None:
        if self.full:
            raise RefusedError("no room")
        self._turn(Counted(batch.key, batch.signals, batch.dropped, batch.moved))
        if self.dies:
            raise KilledError

    def _turn(self, *arrivals: Arrival) -> None:
        """Written down as the journal writes it: what cannot be read back does not count."""
        tick = Tick(self.at, self.world.tick.number + 1)
        made = step(self.world, arrivals, tick)
        written = codec.encode(arrivals, tuple[Arrival, ...])
        self.journal.commit(Turn(tick, codec.decode(written, tuple[Arrival, ...]), made.facts))
        self.world = made.world

    async def send(self, body: bytes) -> bool:
        """Whether it was acknowledged."""
        with suppress(RefusedError, KilledError):
            await self.door.take(Telemetry.METRICS, Encoding.JSON, body)
            return True
        return False

    def counted(self) -> int:
        self.at += SECOND
        self._turn()
        found = self.world.counters.over("checkout", "availability", 3_600 * SECOND, self.at)
        return found.total if isinstance(found, Measured) else 0


@dataclass
class Exporter:
    """Counts in several series since it began."""

    began: int
    counts: dict[int, int] = field(default_factory=lambda: {200: 0, 503: 0})
    last: bytes = b""

    def body(self, now: int) -> bytes:
        points = [
            {
                "attributes": _said({**REQUEST, "http.response.status_code": str(status)}),
                "startTimeUnixNano": str(self.began * NS_PER_MS),
                "timeUnixNano": str(now * NS_PER_MS),
                "asInt": str(count),
            }
            for status, count in self.counts.items()
        ]
        total = {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": points}
        metric = {"name": "focus.requests", "unit": "1", "sum": total}
        resource = {"resource": {"attributes": _said(RESOURCE)}, "scopeMetrics": [{"metrics": [metric]}]}
        self.last = json.dumps({"resourceMetrics": [resource]}).encode()
        return self.last


def _said(attributes: Mapping[str, str]) -> list[object]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]


class Life:
    """A plane, an exporter, and what happened since the plane first listened. Each event takes a second."""

    def __init__(self) -> None:
        self.plane = Mortal()
        self.exporter = Exporter(T0 + 500)
        self.truth = 0

    async def begun_before(self) -> None:
        """What the exporter held when the plane was new is its baseline."""
        self.exporter = Exporter(T0 - 60 * SECOND, {200: 1_000, 503: 0})
        await self.export()

    async def count(self, status: int, count: int) -> None:
        self.exporter.counts[status] += count
        self.truth += count

    async def export(self) -> None:
        assert await self.plane.send(self.exporter.body(self.plane.at))

    async def export_refused(self) -> None:
        self.plane.full = True
        assert not await self.plane.send(self.exporter.body(self.plane.at))
        self.plane.full = False

    async def export_killed(self) -> None:
        """It was written down, and nobody said so: it is sent again."""
        self.plane.dies = True
        assert not await self.plane.send(self.exporter.body(self.plane.at))
        self.plane.dies = False
        self.plane.start()
        assert await self.plane.send(self.exporter.last)

    async def repeat(self) -> None:
        assert await self.plane.send(self.exporter.last or self.exporter.body(self.plane.at))

    async def restart(self) -> None:
        self.plane.start()

    async def save(self) -> None:
        self.plane.save()

    async def reset(self) -> None:
        await self.export()
        self.exporter = Exporter(self.plane.at + 1)


COUNT = st.tuples(st.just(Life.count), st.sampled_from([200, 503]), st.integers(0, 90))
OTHERS = (
    Life.export,
    Life.export_refused,
    Life.export_killed,
    Life.repeat,
    Life.restart,
    Life.save,
    Life.reset,
)
EVENTS = st.lists(COUNT | st.tuples(st.sampled_from(OTHERS)), max_size=25)


async def lived(events: Sequence[Any], early: bool) -> tuple[int, int]:
    """What the plane counted and what happened, through all these events."""
    life = Life()
    for event, *more in [*[(Life.begun_before,)] * early, *events, (Life.export,)]:
        life.plane.at += SECOND
        await event(life, *more)
    counted = life.plane.counted()
    assert [one.mismatch for one in replay(life.plane.journal) if one.mismatch] == []
    assert recover(life.plane.journal).series == life.plane.world.series
    return counted, life.truth


@settings(max_examples=60, deadline=None)
@given(EVENTS, st.booleans())
def test_whenever_the_plane_dies_cumulative_series_are_counted_exactly(
    events: Sequence[Any], early: bool
) -> None:
    counted, truth = asyncio.run(lived(events, early))
    assert counted == truth


def test_what_was_counted_while_the_plane_was_away_comes_in_with_the_next_point() -> None:
    async def story() -> None:
        plane, exporter = Mortal(), Exporter(T0 - 60 * SECOND, {200: 100})
        plane.at += SECOND
        assert await plane.send(exporter.body(plane.at))
        plane.at += 120 * SECOND
        plane.start()
        exporter.counts[200] = 600
        assert await plane.send(exporter.body(plane.at))
        young = Exporter(plane.at - 90 * SECOND, {503: 3})  # a series that began meanwhile
        assert await plane.send(young.body(plane.at))
        assert plane.counted() == 500 + 3
        assert not plane.world.unused.keys() - {f"/{BASELINE}"}

    asyncio.run(story())


def test_a_zero_that_was_acknowledged_is_where_a_series_goes_on() -> None:
    async def story() -> None:
        plane, exporter = Mortal(), Exporter(T0 - 60 * SECOND, {503: 0})
        plane.at += SECOND
        assert await plane.send(exporter.body(plane.at))
        plane.start()
        exporter.counts[503] = 5
        plane.at += SECOND
        assert await plane.send(exporter.body(plane.at))
        assert plane.counted() == 5

    asyncio.run(story())


def test_a_journal_from_before_series_were_kept_counts_nothing_twice() -> None:
    async def story() -> None:
        plane, exporter = Mortal(), Exporter(T0 + SECOND, {200: 70})
        plane.disk.turns.clear()
        plane.start(remembers=False)
        plane.door = OtlpIntake(plane, plane, OtlpSettings(), Cumulative(T0 * NS_PER_MS))
        plane.at += 2 * SECOND
        assert await plane.send(exporter.body(plane.at))
        stored = codec.encode(plane.disk.turns[-1].arrivals, tuple[Arrival, ...])
        old = json.loads(stored)
        assert old[0].pop("moved")
        [arrival] = codec.decode(json.dumps(old).encode(), tuple[Arrival, ...])
        assert isinstance(arrival, Counted)
        assert arrival.moved == ()
        plane.disk.turns[-1] = Turn(plane.disk.turns[-1].tick, (arrival,), plane.disk.turns[-1].facts)
        plane.at += SECOND
        plane.start()
        assert len(plane.world.series) == 0
        exporter.counts[200] = 100
        plane.at += SECOND
        assert await plane.send(exporter.body(plane.at))
        assert plane.counted() == 70
        assert plane.world.unused[f"/{BASELINE}"] == 100

    asyncio.run(story())


BUCKETS = {
    "__name__": "http_request_duration_seconds_bucket",
    "instance": "10.0.0.1:80",
    "job": "payment",
    "method": "POST",
    "route": "/checkout",
    "status": "200",
}


BOUNDS = ("0.1", "0.3", "1", "+Inf")


def scraped(total: int, at: int) -> list[Row]:
    """All buckets of one histogram, then the counter beside it."""
    buckets: list[Row] = [({**BUCKETS, "le": le}, [(float(total), at)]) for le in BOUNDS]
    return [*buckets, ({**BUCKETS, "__name__": "http_requests_total"}, [(float(total), at)])]


async def write(plane: Mortal, rows: Sequence[Row]) -> None:
    with suppress(KilledError):
        await plane.door.take_samples(Version.V1, first(*rows))


async def watched(plane: Mortal, *totals: int) -> None:
    """Scrapes that come as a whole."""
    for total in totals:
        plane.at += 15 * SECOND
        await write(plane, scraped(total, plane.at))


def timed(plane: Mortal) -> int:
    found = plane.world.counters.latencies("checkout", T0, plane.at)
    return sum(found.counts) if isinstance(found, Latencies) else 0


@pytest.mark.parametrize("cut", range(5))
def test_a_scraped_histogram_of_which_a_restart_lost_a_part_goes_on_with_the_next_scrape(cut: int) -> None:
    """Its buckets come in two requests, and the plane dies between them."""

    async def story() -> None:
        plane = Mortal()
        await watched(plane, 10, 20)
        plane.at += 15 * SECOND
        rows = scraped(30, plane.at)
        await write(plane, rows[:cut])
        plane.start()
        await write(plane, rows[cut:])
        await watched(plane, 40, 50)
        assert (plane.counted(), timed(plane)) == (40, 40)
        assert f"/{RESHAPED}" not in plane.world.unused

    asyncio.run(story())


def test_a_request_that_says_more_when_it_comes_again_is_not_taken_for_the_same() -> None:
    """Its half of a histogram was read by the plane that died, the other half by the next one."""

    async def story() -> None:
        plane = Mortal()
        await watched(plane, 10, 20)
        plane.at += 15 * SECOND
        rows = scraped(30, plane.at)
        plane.dies = True
        await write(plane, rows[2:])
        plane.dies = False
        plane.start()
        await write(plane, rows[:2])
        await write(plane, rows[2:])
        await watched(plane, 40)
        assert (plane.counted(), timed(plane)) == (30, 30)

    asyncio.run(story())
