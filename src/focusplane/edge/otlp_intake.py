"""The core of all doors for telemetry: bytes in, a Batch to the plane, and what to answer."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from typing import TypeVar

from focusplane.define.focus import Focus
from focusplane.edge.otlp_room import Room
from focusplane.instrument.asked import keys_of
from focusplane.instrument.cumulative import Cumulative, Rows
from focusplane.instrument.gather import Gathered, Judges, gather_points, gather_spans
from focusplane.instrument.point import Point, Points, Spans, Temporality
from focusplane.instrument.precedence import Precedence
from focusplane.instrument.recognise import FREE, Bound, Recogniser
from focusplane.instrument.scrape import Samples, Scrapes
from focusplane.instrument.signal import Dropped, Signal, Source
from focusplane.instrument.tagging import Index
from focusplane.kernel.errors import DataError, FocusplaneError
from focusplane.kernel.tick import NS_PER_MS
from focusplane.plane.identity import ANYBODY, Sender
from focusplane.plane.ports import Batch, Clock, Intake
from focusplane.wire import access_log, otlp_logs, otlp_metrics, otlp_traces
from focusplane.wire.access_log import AccessLog, Naming
from focusplane.wire.otlp_answer import Encoding, Telemetry
from focusplane.wire.otlp_attributes import Interner
from focusplane.wire.remote_write import RemoteWriteReader, Version, identities

_LOCKS = 64
_BINDINGS = 64
"""So many differently bound senders are remembered apart."""
ASKED = Sender("", Bound(edge=False, engine=True))
"""What our own questions are answered with."""
CAUSES = {
    400: "refused: damaged body",
    401: "refused: no known token",
    403: "refused: a token that may not send",
    413: "refused: body too large",
    499: "refused: the sender left in the middle",
    415: "refused: unknown content type or encoding",
}
"""What is counted for a refusal with that status; the queue counts its own."""
Decoded = TypeVar("Decoded")


@dataclass(frozen=True, slots=True)
class OtlpSettings:
    """`default_environment` takes telemetry that names none. Sizes in bytes."""

    default_environment: str = "production"
    max_body: int = 20 * 1024 * 1024
    """Before and after decompression (OTLP specification: 20 MiB for HTTP)."""
    max_message: int = 4 * 1024 * 1024
    """Of one gRPC message."""
    thread_above: int = 128 * 1024
    """A larger body is decoded in a thread, so that the event loop is not held up."""
    retry_after_s: int = 2
    """What a refused sender is told to wait."""
    max_series: int = 100_000
    """Cumulative series that are remembered."""
    max_held: int = 128 * 1024 * 1024
    """Of all bodies that are read, decoded or waiting for their commit at one time."""
    max_signals: int = 100_000
    """Signals that one request may become."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What was rejected, by cause; whether any of it belonged to a focus."""

    rejected: Mapping[str, int]
    focused: bool = False


class ForbiddenError(FocusplaneError):
    """A known token whose role may not send."""

    http_status = 403


class TooMuchError(DataError):
    """One request says more than can wait for a turn."""

    http_status = 413


class OtlpIntake:
    """Decodes, tags, hands over. One for all receivers of a plane, in one event loop: it owns the last points of cumulative series.

    Decoding is serialised, because its caches belong to one thread at a time. Requests that hold cumulative points
    of the same series wait for each other until the plane has taken them.
    """

    def __init__(
        self, intake: Intake, clock: Clock, settings: OtlpSettings, known: Cumulative | None = None
    ) -> None:
        """`known` is what the journal holds of cumulative series: they go on where they were acknowledged last."""
        self._intake = intake
        self._clock = clock
        self.settings = settings
        self.room = Room(settings.max_held, intake.refused)
        self.inflating = asyncio.Semaphore(2)
        self._interner = Interner()
        self._remote_write = RemoteWriteReader()
        self._decoding = asyncio.Lock()
        self._series = tuple(asyncio.Lock() for _ in range(_LOCKS))
        since, rows = (0, ()) if known is None else (known.since, known.rows())
        self.cumulative = Cumulative(since or clock.now_ms() * NS_PER_MS, settings.max_series, rows)
        self._scrapes = Scrapes(last=self.cumulative.last)
        self._precedence = Precedence()
        self._policies: Mapping[str, Focus] = {}
        self._asked_for: Mapping[str, Focus] = {}
        self._asked: frozenset[str] = frozenset()
        self._index = Index({}, settings.default_environment)
        self._recognisers: dict[Bound, Recogniser] = {}

    async def take(self, kind: Telemetry, encoding: Encoding, body: bytes, sender: Sender = ANYBODY) -> Taken:
        """What was rejected, by cause, once the rest is safe in the journal. Senders with names never share a series.

        Raises `DataError` for damaged bytes and `RefusedError` when the plane has no room: nothing was taken then.
        """
        match kind:
            case Telemetry.METRICS:
                points = _apart(await self._decode(self._points(encoding), body), sender)
                return await self._metrics(body, points, sender)
            case Telemetry.TRACES:
                spans = await self._decode(self._spans(encoding), body)
                return await self._traces(body, spans, sender)
            case Telemetry.LOGS:
                return await self._logs(encoding, body, sender)

    async def take_samples(
        self, version: Version, body: bytes, sender: Sender = ANYBODY
    ) -> tuple[Samples, Taken]:
        """The same for a remote-write request that is decompressed already."""
        mark = sender.name.encode()

        def decode(body: bytes) -> Samples:
            return self._remote_write.read(version, body, mark)

        samples = await self._decode(decode, body)
        return samples, await asyncio.shield(self._scraped(body, samples, sender))

    async def take_asked(self, samples: Samples) -> Taken:
        """The same for what a PromQL engine answered: it counts for focuses that ask an engine, and for no other."""
        body = b"".join(identities(samples))
        return await asyncio.shield(self._scraped(body, samples, ASKED))

    async def take_log(
        self, body: bytes, naming: Naming, sender: Sender = ANYBODY
    ) -> tuple[AccessLog, Taken]:
        """The same for an access log. Its batch is named by its lines, in any order."""
        log = await self._decode(lambda body: access_log.decode(body, naming, self._asked), body)
        gathered = gather_spans(log.spans, self._current(sender.bound), self._clock.now_ms(), Source.EDGE)
        return log, await self._hand_over(batch_key((log.spans.identity,), sender), gathered)

    def refused(self, cause: str) -> None:
        """A door turned a request away."""
        self._intake.refused(cause)

    async def _metrics(self, body: bytes, points: Points, sender: Sender) -> Taken:
        """Shielded, because a sender that leaves must not part what the plane took from what the tracker remembers."""
        return await asyncio.shield(self._count(body, points, sender))

    async def _count(self, body: bytes, points: Points, sender: Sender) -> Taken:
        key = batch_key(otlp_metrics.identities(points) if points.points else (body,), sender)
        names = (point.series for point in points.points if _is_cumulative(point))
        async with self._alone(names):
            return await self._add(key, points, sender)

    async def _scraped(self, body: bytes, samples: Samples, sender: Sender) -> Taken:
        """A histogram may be complete only with the next request: until then nothing of it is lost, it is cumulative. So the
        same request may say more when it comes again, and is another batch then.
        """
        async with self._alone(sample.series.name for sample in samples.samples):
            turn = self._scrapes.begin()
            found = turn.points(samples.samples)
            said = (*identities(samples), *otlp_metrics.identities(found)) or (body,)
            key = batch_key(said, sender)
            rejected = {**samples.rejected, **found.rejected}
            dropped = (*samples.dropped, *found.dropped)
            taken = await self._add(key, Points(found.points, rejected, dropped), sender)
            turn.commit()
            return taken

    @asynccontextmanager
    async def _alone(self, series: Iterable[bytes]) -> AsyncIterator[None]:
        """Nobody else has a turn over these series meanwhile."""
        async with AsyncExitStack() as stack:
            for place in sorted({name[0] % _LOCKS for name in series}):
                await stack.enter_async_context(self._series[place])
            yield

    async def _add(self, key: str, points: Points, sender: Sender) -> Taken:
        turn = self.cumulative.begin()
        judges = Judges(self._current(sender.bound), turn, self._precedence)
        gathered = gather_points(points, judges, self._clock.now_ms())
        if sender.bound.engine:
            gathered = replace(gathered, signals=self._of_asking(gathered.signals))
        taken = await self._hand_over(key, gathered, turn.moved)
        turn.commit()
        return taken

    async def _traces(self, body: bytes, spans: Spans, sender: Sender) -> Taken:
        gathered = gather_spans(spans, self._current(sender.bound), self._clock.now_ms())
        return await self._hand_over(batch_key((spans.identity if spans.groups else body,), sender), gathered)

    async def _logs(self, encoding: Encoding, body: bytes, sender: Sender) -> Taken:
        count = otlp_logs.count_records(body, encoding)
        if count:
            dropped = (Dropped("logs are not read yet", count),)
            await self._intake.accept(Batch(batch_key((body,), sender), (), dropped))
        return Taken({})

    async def _hand_over(self, key: str, gathered: Gathered, moved: Rows = ()) -> Taken:
        if len(gathered.signals) > self.settings.max_signals:
            raise TooMuchError(f"the request holds more than {self.settings.max_signals} different counts")
        invalid = tuple(Dropped(cause, count) for cause, count in gathered.rejected.items())
        if gathered.signals or gathered.dropped or invalid or moved:
            await self._intake.accept(
                Batch(key, gathered.signals, gathered.dropped + invalid, gathered.spans, moved)
            )
        return Taken(gathered.rejected, bool(gathered.signals))

    def _of_asking(self, signals: Iterable[Signal]) -> tuple[Signal, ...]:
        policies = self._intake.policies()
        asking = {name for name, focus in policies.items() if focus.engine is not None}
        return tuple(signal for signal in signals if signal.focus in asking)

    def _current(self, bound: Bound = FREE) -> Recogniser:
        """What recognises the focuses of the policies in force for such a sender, made again when they are others."""
        policies = self._intake.policies()
        if policies is not self._policies and _digests(policies) != _digests(self._policies):
            self._policies = policies
            self._index = Index(policies, self.settings.default_environment)
            self._recognisers.clear()
        if bound not in self._recognisers:
            if len(self._recognisers) >= _BINDINGS:
                self._recognisers.clear()
            self._recognisers[bound] = Recogniser(self._index, bound=bound)
        return self._recognisers[bound]

    async def _decode(self, decode: Callable[[bytes], Decoded], body: bytes) -> Decoded:
        async with self._decoding:
            self._ask()
            if len(body) > self.settings.thread_above:
                return await asyncio.to_thread(decode, body)
            return decode(body)

    def _ask(self) -> None:
        """Attributes that the policies in force ask for are read from now on. Only while nothing is decoded."""
        policies = self._intake.policies()
        if policies is not self._asked_for:
            self._asked_for, self._asked = policies, keys_of(policies.values())
            self._interner.ask(self._asked)
            self._remote_write.ask(self._asked)

    def _points(self, encoding: Encoding) -> Callable[[bytes], Points]:
        if encoding is Encoding.JSON:
            return lambda body: otlp_metrics.decode_json(body, self._interner.keys)
        return partial(otlp_metrics.decode_protobuf, interner=self._interner)

    def _spans(self, encoding: Encoding) -> Callable[[bytes], Spans]:
        if encoding is Encoding.JSON:
            return lambda body: otlp_traces.decode_json(body, self._interner.keys)
        return partial(otlp_traces.decode_protobuf, interner=self._interner)


def _apart(points: Points, sender: Sender) -> Points:
    """What a named sender calls its series is its own affair: it cannot continue, or stop, the series of another."""
    if not sender.name:
        return points
    mark = sender.name.encode()
    return replace(
        points, points=tuple(replace(point, series=point.series + mark) for point in points.points)
    )


def batch_key(identities: Iterable[bytes], sender: Sender = ANYBODY) -> str:
    """The name of a request for deduplication: what it is about (series, start, end; span ids), not how it was written.

    The order of the points does not matter. A request without a usable point is named by its body.
    """
    named = sha256(f"{sender.name}\0".encode() if sender.name else b"")
    for identity in sorted(identities):
        named.update(identity)
    return named.hexdigest()[:32]


def _digests(policies: Mapping[str, Focus]) -> Mapping[str, str]:
    return {name: focus.digest for name, focus in policies.items()}


def _is_cumulative(point: Point) -> bool:
    return point.temporality is Temporality.CUMULATIVE
