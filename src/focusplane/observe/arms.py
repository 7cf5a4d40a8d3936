"""Per second, version and stratum: first tries, failures and latencies; what the canary judge and the percentiles read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from focusplane.instrument.conventions import OTHER
from focusplane.instrument.signal import Latencies
from focusplane.kernel.ids import Json
from focusplane.kernel.tick import HOUR, MINUTE, SECOND

KEEP_SECONDS_MS = 15 * MINUTE
KEEP_MINUTES_MS = 6 * HOUR
MOST_STRATA = 200
MOST_VERSIONS = 20


@dataclass(frozen=True, slots=True)
class Pair:
    """Both arms in one stratum of one bucket: requests, and failures among them."""

    stratum: str
    canary_total: int
    canary_bad: int
    baseline_total: int
    baseline_bad: int


@dataclass(frozen=True, slots=True)
class ArmBucket:
    """One closed second (`at` is its end): the strata in order of name, and the latencies of both arms if they were timed."""

    at: int
    pairs: tuple[Pair, ...]
    canary: Latencies | None = None
    baseline: Latencies | None = None


def merge(one: Latencies | None, other: Latencies | None) -> Latencies | None:
    """The sum of an older and a newer histogram; where the bounds differ the newer wins, nothing is interpolated.

    Bounds change when another source begins to count, or a threshold is edited: what was timed before says nothing then.
    """
    if one is None or other is None:
        return one or other
    if one.bounds_ms != other.bounds_ms:
        return other
    return Latencies(one.bounds_ms, tuple(a + b for a, b in zip(one.counts, other.counts, strict=True)))


@dataclass(slots=True)
class Histogram:
    """A histogram that grows in place."""

    bounds: tuple[float, ...]
    counts: list[int]

    def add(self, bounds: tuple[float, ...], counts: Sequence[int]) -> None:
        """Add counts; with other bounds the newer win (see `merge`)."""
        if bounds != self.bounds:
            self.bounds, self.counts = bounds, list(counts)
            return
        mine = self.counts
        for place, count in enumerate(counts):
            if count:
                mine[place] += count

    def latencies(self) -> Latencies:
        return Latencies(self.bounds, tuple(self.counts))


Timings = dict[int, dict[str, Histogram]]
"""Slot -> version -> durations."""


@dataclass(slots=True)
class Arms:
    """The table of one focus: seconds for 15 minutes, and latencies by the minute for 6 hours after that."""

    exposures: dict[int, dict[tuple[str, str], list[int]]] = field(default_factory=dict)
    seconds: Timings = field(default_factory=dict)
    minutes: Timings = field(default_factory=dict)
    strata: set[str] = field(default_factory=set)
    versions: set[str] = field(default_factory=set)

    def expose(self, slot: int, version: str, stratum: str, total: int, bad: int) -> None:
        """Count requests of a version in a stratum of a second."""
        cell = self.exposures.setdefault(slot, {}).setdefault(
            (_bounded(version, self.versions, MOST_VERSIONS), _bounded(stratum, self.strata, MOST_STRATA)),
            [0, 0],
        )
        cell[0] += total
        cell[1] += bad

    def time(self, slot: int, version: str, latencies: Latencies) -> None:
        """Count the durations of a version in a second."""
        name = _bounded(version, self.versions, MOST_VERSIONS)
        _put(self.seconds, slot, name, latencies.bounds_ms, latencies.counts)

    def between(self, canary: str, baseline: str, since: int, until: int) -> tuple[ArmBucket, ...]:
        """The seconds in (since, until] in which either version answered, oldest first."""
        return tuple(
            bucket
            for slot in range(since // SECOND * SECOND + SECOND, until + 1, SECOND)
            if (bucket := self._bucket(slot, canary, baseline)).pairs
        )

    def _bucket(self, slot: int, canary: str, baseline: str) -> ArmBucket:
        cells = self.exposures.get(slot, {})
        strata = sorted({stratum for version, stratum in cells if version in (canary, baseline)})
        timed = {version: each.latencies() for version, each in self.seconds.get(slot, {}).items()}
        pairs = tuple(
            Pair(stratum, *cells.get((canary, stratum), (0, 0)), *cells.get((baseline, stratum), (0, 0)))
            for stratum in strata
        )
        return ArmBucket(slot, pairs, timed.get(canary), timed.get(baseline))

    def latencies(self, since: int, until: int, version: str = "") -> Latencies | None:
        """All durations in (since, until] of a version, or of all; what is older than 15 minutes by whole minutes."""
        found: Latencies | None = None
        first_minute = -(-since // MINUTE) * MINUTE
        for table, low in ((self.minutes, first_minute), (self.seconds, since)):
            for slot in sorted(slot for slot in table if low < slot <= until):
                for name, each in sorted(table[slot].items()):
                    if version in ("", name):
                        found = merge(found, each.latencies())
        return found

    def forget_before(self, mark: int) -> None:
        """Let go of what is older than its table keeps; seconds of latencies become minutes."""
        for slot in [slot for slot in self.exposures if slot <= mark - KEEP_SECONDS_MS]:
            del self.exposures[slot]
        for slot in [slot for slot in self.seconds if slot <= mark - KEEP_SECONDS_MS]:
            for name, each in self.seconds.pop(slot).items():
                _put(self.minutes, -(-slot // MINUTE) * MINUTE, name, each.bounds, each.counts)
        for slot in [slot for slot in self.minutes if slot <= mark - KEEP_MINUTES_MS]:
            del self.minutes[slot]

    def state(self) -> Json:
        """Everything, in plain values."""
        return {
            "exposures": [
                [slot, version, stratum, *cell]
                for slot, cells in self.exposures.items()
                for (version, stratum), cell in cells.items()
            ],
            "seconds": _plain(self.seconds),
            "minutes": _plain(self.minutes),
            "strata": sorted(self.strata),
            "versions": sorted(self.versions),
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> "Arms":
        """The inverse of `state`."""
        arms = cls(strata=set(state["strata"]), versions=set(state["versions"]))
        for slot, version, stratum, total, bad in state["exposures"]:
            arms.exposures.setdefault(slot, {})[version, stratum] = [total, bad]
        for name, table in (("seconds", arms.seconds), ("minutes", arms.minutes)):
            for slot, version, bounds, counts in state[name]:
                _put(table, slot, version, tuple(map(float.fromhex, bounds)), counts)
        return arms


def _bounded(name: str, known: set[str], most: int) -> str:
    if name not in known:
        if len(known) >= most:
            return OTHER
        known.add(name)
    return name


def _put(table: Timings, slot: int, version: str, bounds: tuple[float, ...], counts: Sequence[int]) -> None:
    row = table.setdefault(slot, {})
    known = row.get(version)
    if known is None:
        row[version] = Histogram(bounds, list(counts))
    else:
        known.add(bounds, counts)


def _plain(table: Timings) -> Json:
    return [
        [slot, version, [float(bound).hex() for bound in each.bounds], each.counts]
        for slot, row in table.items()
        for version, each in row.items()
    ]
