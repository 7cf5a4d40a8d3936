"""Counts requests: a dictionary of cells for each thread, grown on the request path, read by difference elsewhere.

A cell only grows and has one writer, so that reading it needs no lock and loses nothing; each second's delta is what
grew since the last reading. Cells that have gone quiet leave by rotation: a thread gets an empty dictionary, and
the old one is still read for one more period.
"""

import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from focusplane.instrument.conventions import CLIENT, OTHER, TENANT_CLASS
from focusplane.sdk.attempts import Attempts
from focusplane.sdk.cells import BoundsNs, Given, Key, Marks, Plain

DEFAULT_BOUNDS_MS = (
    5.0,
    10.0,
    25.0,
    50.0,
    75.0,
    100.0,
    250.0,
    500.0,
    750.0,
    1000.0,
    2500.0,
    5000.0,
    7500.0,
    10000.0,
)
"""OpenTelemetry's buckets for `http.server.request.duration`, until a snapshot says better."""
MAX_TENANTS = 1_000
"""Tenants of one focus, and as many clients, that get cells of their own between two rotations; the others share `other`."""
MAX_CELLS = 20_000
"""Cells of one thread; beyond them only the outcome is kept."""
MAX_EXPOSURES = 4_000
"""Cells of one thread that say who had which variant."""
MAX_KINDS = 20
"""Kinds of tenants (`tenant.class`) of one focus."""

Of = TypeVar("Of")
Cell = list[int]
"""The sum of the durations in nanoseconds, then one count for each bucket."""


@dataclass(frozen=True, slots=True)
class Delta:
    """What one cell gained: `counts[i]` lie in (bounds[i-1], bounds[i]] nanoseconds, the last above all bounds.

    With `given` it says of requests that are counted elsewhere which variant of a flag they had.
    """

    key: Key
    bounds_ns: BoundsNs
    sum_ns: int
    counts: tuple[int, ...]
    given: Given | None = None


Exposure = tuple[Given, Key]


@dataclass(slots=True)
class _Page:
    """One dictionary of cells, and what of it has been read."""

    cells: dict[Key, tuple[BoundsNs, Cell]] = field(default_factory=dict)
    read: dict[Key, Cell] = field(default_factory=dict)
    exposed: dict[Exposure, tuple[BoundsNs, Cell]] = field(default_factory=dict)
    exposed_read: dict[Exposure, Cell] = field(default_factory=dict)
    tenants: dict[str, set[str]] = field(default_factory=dict)
    clients: dict[str, set[str]] = field(default_factory=dict)
    kinds: dict[str, set[str]] = field(default_factory=dict)


class _Shard:
    """The pages of one thread: the one it writes, and the one it wrote before."""

    __slots__ = ("old", "page", "thread")

    def __init__(self) -> None:
        self.thread = threading.current_thread()
        self.page = _Page()
        self.old = _Page()


class Meter:
    """`record` is for every thread, all else for the one thread that sends."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start from nothing, as a forked child does: its parent still sends what was counted before."""
        self._local = threading.local()
        self._shards: list[_Shard] = []
        self.attempts = Attempts()

    def record(self, key: Key, bounds_ns: BoundsNs, duration_ns: int) -> None:
        """Count one request. No lock, no allocation after the first request of a kind."""
        try:
            page = self._local.shard.page
            bounds_ns, cell = page.cells[key]
        except (AttributeError, KeyError):
            bounds_ns, cell = self._first(key, bounds_ns)
        cell[0] += duration_ns
        cell[bisect_left(bounds_ns, duration_ns) + 1] += 1

    def expose(self, flags: Iterable[Given], key: Key, bounds_ns: BoundsNs, duration_ns: int) -> None:
        """Say of a request that `record` counts which variants it had; `key` names nobody."""
        for given in flags:
            try:
                bounds, cell = self._local.shard.page.exposed[given, key]
            except (AttributeError, KeyError):
                shard = getattr(self._local, "shard", None) or self._new_shard()
                bounds, cell = _new_exposure(shard.page, given, key, bounds_ns)
            cell[0] += duration_ns
            cell[bisect_left(bounds, duration_ns) + 1] += 1

    def settle(self, now_ns: int) -> None:
        """Count the logical requests of which no attempt can come any more (monotonic ns)."""
        for waiting in self.attempts.due(now_ns):
            self.record(*waiting.outcome)
            self.expose(*waiting.exposure)

    def collect(self) -> Iterator[Delta]:
        """What was counted since the last call."""
        for shard in list(self._shards):
            for page in (shard.old, shard.page):
                yield from _grown(page)
                yield from _exposed(page)

    def rotate(self) -> None:
        """Let go of cells that are no longer written. Call `collect` first, and at least seconds apart."""
        alive = [shard for shard in self._shards if shard.thread.is_alive() or shard.page.cells]
        for shard in alive:
            shard.old, shard.page = shard.page, _Page()
        # A thread may have appended itself meanwhile; keep whatever was not looked at.
        self._shards[:] = [shard for shard in self._shards if shard in alive or shard.thread.is_alive()]

    def _first(self, key: Key, bounds_ns: BoundsNs) -> tuple[BoundsNs, Cell]:
        """The cell of a request that is the first of its kind in this thread and period."""
        shard = getattr(self._local, "shard", None) or self._new_shard()
        return _new_cell(shard.page, key, bounds_ns)

    def _new_shard(self) -> _Shard:
        shard = _Shard()
        self._shards.append(shard)
        self._local.shard = shard
        return shard


def _new_cell(page: _Page, key: Key, bounds_ns: BoundsNs) -> tuple[BoundsNs, Cell]:
    """A cell for this key, or the one of `other` if its budget is spent."""
    focus, tenant, method, route, status, error, synthetic, resend = key[:8]
    marks: Marks = key[8] if len(key) > 8 else ()
    if tenant:
        tenant = _admitted(page.tenants.setdefault(focus, set()), MAX_TENANTS, tenant)
    if marks:
        marks = _bounded(page, focus, marks)
    if len(page.cells) >= MAX_CELLS:
        method, route, tenant = "", OTHER, OTHER
        marks = tuple((name, OTHER if name == CLIENT else said) for name, said in marks)
        if error and len(page.cells) >= 2 * MAX_CELLS:
            error = OTHER
    plain: Plain = (focus, tenant, method, route, status, error, synthetic, resend)
    bounded: Key = (*plain, marks) if marks else plain
    return page.cells.setdefault(bounded, (bounds_ns, [0] * (len(bounds_ns) + 2)))


def _bounded(page: _Page, focus: str, marks: Marks) -> Marks:
    """Clients and kinds of tenants are kept as they are said, and so have budgets."""
    clients, kinds = page.clients.setdefault(focus, set()), page.kinds.setdefault(focus, set())
    known = {CLIENT: (clients, MAX_TENANTS), TENANT_CLASS: (kinds, MAX_KINDS)}
    return tuple((name, _admitted(*known[name], said) if name in known else said) for name, said in marks)


def _admitted(known: set[str], most: int, value: str) -> str:
    """The value itself while there is room for it, else `other`."""
    if value not in known and len(known) >= most:
        return OTHER
    known.add(value)
    return value


def _new_exposure(page: _Page, given: Given, key: Key, bounds_ns: BoundsNs) -> tuple[BoundsNs, Cell]:
    """A cell for this flag and kind of request; without its route where there are too many, then without its flag and
    the name of its error, which an application may make up for each request.
    """
    if len(key) > 8:
        marks = _bounded(page, key[0], key[8])
        key = (*key[:8], marks)
    if len(page.exposed) >= MAX_EXPOSURES:
        key = (*key[:3], OTHER, *key[4:8])
        if len(page.exposed) >= 2 * MAX_EXPOSURES:
            given = (OTHER, OTHER, "", "")
            key = (*key[:5], OTHER if key[5] else "", *key[6:8])
    return page.exposed.setdefault((given, key), (bounds_ns, [0] * (len(bounds_ns) + 2)))


def _grown(page: _Page) -> Iterator[Delta]:
    for key, bounds, grown in _gained(page.cells, page.read):
        yield Delta(key, bounds, grown[0], tuple(grown[1:]))


def _exposed(page: _Page) -> Iterator[Delta]:
    for (given, key), bounds, grown in _gained(page.exposed, page.exposed_read):
        yield Delta(key, bounds, grown[0], tuple(grown[1:]), given)


def _gained(
    cells: Mapping[Of, tuple[BoundsNs, Cell]], read: dict[Of, Cell]
) -> Iterator[tuple[Of, BoundsNs, Cell]]:
    for key, (bounds, cell) in list(cells.items()):
        now = cell.copy()
        was = read.get(key)
        if now == was:
            continue
        read[key] = now
        grown = now if was is None else [new - old for new, old in zip(now, was, strict=True)]
        if any(grown[1:]):
            yield key, bounds, grown


def merged(deltas: Iterator[Delta]) -> Mapping[tuple[Key, BoundsNs, Given | None], Delta]:
    """One delta for each key, bucket layout and flag, summed over threads."""
    total: dict[tuple[Key, BoundsNs, Given | None], Delta] = {}
    for delta in deltas:
        place = (delta.key, delta.bounds_ns, delta.given)
        other = total.get(place)
        if other is not None:
            counts = tuple(map(sum, zip(other.counts, delta.counts, strict=True)))
            delta = Delta(delta.key, delta.bounds_ns, other.sum_ns + delta.sum_ns, counts, delta.given)
        total[place] = delta
    return total


def nanoseconds(bounds_ms: tuple[float, ...]) -> BoundsNs:
    """Millisecond bounds as the whole nanoseconds that durations are measured in."""
    return tuple(round(bound * 1_000_000) for bound in bounds_ms)
