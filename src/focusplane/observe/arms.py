"""Per second, version and stratum: first tries, failures and latencies; what the canary judge and the percentiles read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from focusplane.instrument.signal import Latencies
from focusplane.kernel.ids import Json
from focusplane.kernel.tick import HOUR, MINUTE, SECOND
from focusplane.observe.histogram import Histogram, merged
from focusplane.observe.names import Names
from focusplane.observe.pace import WIDEST_MS, Pace
from focusplane.observe.reading import Measured

KEEP_SECONDS_MS = 15 * MINUTE
KEEP_MINUTES_MS = 6 * HOUR
MOST_STRATA = 200
MOST_VERSIONS = 20
"""So many versions and strata have a place at a time, besides the declared versions, which always have one."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Both arms in one stratum of one bucket: requests, and failures among them.

    `least` and `most` bound the failures of the baseline in exactly the time that the canary's reports speak of; they are
    `baseline_bad` itself where both arms report each second.
    """

    stratum: str
    canary_total: int
    canary_bad: int
    baseline_total: int
    baseline_bad: int
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class ArmBucket:
    """One closed bucket (`at` is its end): the strata in order of name, and the latencies of both arms if they were timed.

    `seconds` is its width. `around` are the latencies of the baseline in all the time that the canary's may come from.
    """

    at: int
    pairs: tuple[Pair, ...]
    canary: Latencies | None = None
    baseline: Latencies | None = None
    seconds: int = 1
    around: Latencies | None = None


Table = dict[int, dict[tuple[str, str], "Cell"]]
"""Slot -> version and stratum -> what was counted."""
Timings = dict[int, dict[str, Histogram]]
"""Slot -> version -> durations."""


@dataclass(slots=True)
class Cell:
    """Requests of a version in a stratum of a second, failures among them, and how long a time (ms) their reports speak of."""

    total: int = 0
    bad: int = 0
    span: int = SECOND


@dataclass(slots=True)
class Arms:
    """The table of one focus: seconds for 15 minutes, and latencies by the minute for 6 hours after that."""

    exposures: Table = field(default_factory=dict)
    seconds: Timings = field(default_factory=dict)
    minutes: Timings = field(default_factory=dict)
    strata: Names = field(default_factory=lambda: Names(MOST_STRATA))
    versions: Names = field(default_factory=lambda: Names(MOST_VERSIONS))
    extras: dict[str, Table] = field(default_factory=dict)
    """The same of each further metric that the policy has the judge compare."""

    def expose(
        self, slot: int, arm: tuple[str, str], counts: tuple[int, int], span: int = SECOND, metric: str = ""
    ) -> None:
        """Count (total, bad) of a (version, stratum) in a second; `span` is how long a time they were reported for, ms."""
        version, stratum = arm
        place = self.versions.admit(version, slot), self.strata.admit(stratum, slot)
        table = self.extras.setdefault(metric, {}) if metric else self.exposures
        row = table.setdefault(slot, {})
        cell = row.get(place)
        if cell is None:
            cell = row[place] = Cell()
        cell.total += counts[0]
        cell.bad += counts[1]
        cell.span = max(cell.span, span)

    def time(self, slot: int, version: str, latencies: Latencies) -> None:
        """Count the durations of a version in a second."""
        name = self.versions.admit(version, slot)
        _put(self.seconds, slot, name, latencies.bounds_ms, latencies.counts)

    def table(self, metric: str) -> Table:
        """What is counted of a further metric, or of errors if none is named."""
        return self.extras.get(metric, {}) if metric else self.exposures

    def between(
        self, arms: tuple[str, str], since: int, until: int, pace: Pace, metric: str = ""
    ) -> tuple[ArmBucket, ...]:
        """The closed buckets in (since, until] in which the canary or the baseline answered, oldest first."""
        table = self.table(metric)
        if pace.width <= SECOND:
            buckets = [self._second(table, slot, arms) for slot in _slots(since, until)]
        elif pace.width > WIDEST_MS:
            buckets = []
        else:
            begin = -(-max(since, pace.begin) // SECOND) * SECOND
            ends = range(begin + pace.width, until - pace.reach + 1, pace.width)
            buckets = [self._wide(table, arms, (end - pace.width, end), pace.reach) for end in ends]
        return tuple(bucket for bucket in buckets if bucket.pairs)

    def pace(self, arms: tuple[str, str], since: int, cut: int, longest: int, metric: str = "") -> Pace:
        """How wide the buckets after `since` are: as the longest time that a report of either arm speaks of, if that is
        not longer than the `longest` interval in which anybody reports now (a first report may claim a whole past).
        """
        spans = [
            cell.span
            for slot, row in self.table(metric).items()
            if slot > since
            for (version, _), cell in row.items()
            if version in arms
        ]
        return Pace(max(SECOND, (min(max(spans, default=0), longest) + SECOND // 2) // SECOND * SECOND), cut)

    def first_bad(self, version: str, since: int, until: int) -> int | None:
        """The first second in (since, until] in which a request of the version failed."""
        for slot in _slots(since, until):
            row = self.exposures.get(slot, {})
            if any(cell.bad for (name, _), cell in row.items() if name == version):
                return slot
        return None

    def counts(self, since: int, until: int) -> dict[str, Measured]:
        """Every version with requests in (since, until], as far back as seconds are kept."""
        sums: dict[str, tuple[int, int]] = {}
        for slot in _slots(max(since, until - KEEP_SECONDS_MS), until):
            for (version, _), cell in self.exposures.get(slot, {}).items():
                total, bad = sums.get(version, (0, 0))
                sums[version] = total + cell.total, bad + cell.bad
        return {name: Measured(total - bad, total) for name, (total, bad) in sorted(sums.items()) if total}

    def _second(self, table: Table, slot: int, arms: tuple[str, str]) -> ArmBucket:
        canary, baseline = arms
        cells = table.get(slot, {})
        strata = sorted({stratum for version, stratum in cells if version in (canary, baseline)})
        timed = self.seconds.get(slot, {})
        pairs = tuple(
            Pair(stratum, *_counts(cells, canary, stratum), *_counts(cells, baseline, stratum))
            for stratum in strata
        )
        one, other = (timed[arm].latencies() if arm in timed else None for arm in (canary, baseline))
        return ArmBucket(slot, pairs, one, other)

    def _wide(self, table: Table, arms: tuple[str, str], inside: tuple[int, int], reach: int) -> ArmBucket:
        """A bucket of many seconds. The failures of the baseline that the canary's reports surely or possibly share:
        those reported wholly within the time that every one of them covers, and all that overlap what any of them does.
        """
        canary, baseline = arms
        begin, end = inside
        middle = _sums(table, canary, _slots(begin, end)), _sums(table, baseline, _slots(begin, end))
        most = _sums(table, baseline, _slots(begin - reach, end + reach))
        least = _sums(table, baseline, _slots(begin + reach, end - reach))
        pairs = tuple(
            Pair(
                stratum,
                *middle[0].get(stratum, (0, 0)),
                *middle[1].get(stratum, (0, 0)),
                least.get(stratum, (0, 0))[1],
                most.get(stratum, (0, 0))[1],
            )
            for stratum in sorted(middle[0].keys() | middle[1].keys())
        )
        one, other = (self._timed(arm, _slots(begin, end)) for arm in arms)
        around = self._timed(baseline, _slots(begin - reach, end + reach))
        return ArmBucket(end, pairs, one, other, (end - begin) // SECOND, around)

    def _timed(self, version: str, slots: Iterable[int]) -> Latencies | None:
        rows = (self.seconds.get(slot, {}) for slot in slots)
        return merged(row[version].latencies() for row in rows if version in row)

    def latencies(self, since: int, until: int, version: str = "") -> Latencies | None:
        """All durations in (since, until] of a version, or of all; what is older than 15 minutes by whole minutes."""
        first_minute = -(-since // MINUTE) * MINUTE
        return merged(
            each.latencies()
            for table, low in ((self.minutes, first_minute), (self.seconds, since))
            for slot in sorted(slot for slot in table if low < slot <= until)
            for name, each in sorted(table[slot].items(), key=lambda row: row[0])
            if version in ("", name)
        )

    def forget_before(self, mark: int) -> None:
        """Let go of what is older than its table keeps, and of the names that were used there last; seconds of latencies
        become minutes.
        """
        before = mark - KEEP_SECONDS_MS
        for table in (self.exposures, *self.extras.values()):
            for slot in [slot for slot in table if slot <= before]:
                del table[slot]
        self.extras = {name: table for name, table in self.extras.items() if table}
        for slot in [slot for slot in self.seconds if slot <= before]:
            for name, each in self.seconds.pop(slot).items():
                _put(self.minutes, -(-slot // MINUTE) * MINUTE, name, each.bounds, each.counts)
        for slot in [slot for slot in self.minutes if slot <= mark - KEEP_MINUTES_MS]:
            del self.minutes[slot]
        self.strata.forget_before(before)
        self.versions.forget_before(before)

    def state(self) -> Json:
        """Everything, in plain values."""
        return {
            "exposures": _told(self.exposures),
            "extras": {name: _told(table) for name, table in self.extras.items()},
            "seconds": _plain(self.seconds),
            "minutes": _plain(self.minutes),
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> "Arms":
        """The inverse of `state`. Which names have a place is seen from the seconds in which they were used."""
        arms = cls()
        further: Mapping[str, Any] = state.get("extras", {})
        arms.extras = {name: {} for name in further}
        for metric, rows in (("", state["exposures"]), *further.items()):
            for slot, version, stratum, *cell in rows:
                arms.table(metric).setdefault(slot, {})[version, stratum] = Cell(*cell)
                arms.versions.note(version, slot)
                arms.strata.note(stratum, slot)
        for name, table in (("seconds", arms.seconds), ("minutes", arms.minutes)):
            for slot, version, bounds, counts in state[name]:
                _put(table, slot, version, tuple(map(float.fromhex, bounds)), counts)
        for slot, row in arms.seconds.items():
            for version in row:
                arms.versions.note(version, slot)
        return arms


def _sums(table: Table, version: str, slots: Iterable[int]) -> dict[str, tuple[int, int]]:
    """Stratum -> total and bad of a version."""
    sums: dict[str, tuple[int, int]] = {}
    for slot in slots:
        for (name, stratum), cell in table.get(slot, {}).items():
            if name == version:
                total, bad = sums.get(stratum, (0, 0))
                sums[stratum] = total + cell.total, bad + cell.bad
    return sums


def _slots(since: int, until: int) -> range:
    """The seconds that end in (since, until]; an instant within a second counts as its beginning."""
    return range(since // SECOND * SECOND + SECOND, until + 1, SECOND)


def _counts(cells: Mapping[tuple[str, str], Cell], version: str, stratum: str) -> tuple[int, int]:
    cell = cells.get((version, stratum))
    return (0, 0) if cell is None else (cell.total, cell.bad)


def _put(table: Timings, slot: int, version: str, bounds: tuple[float, ...], counts: Sequence[int]) -> None:
    row = table.setdefault(slot, {})
    known = row.get(version)
    if known is None:
        row[version] = Histogram(bounds, list(counts))
    else:
        known.add(bounds, counts)


def _told(table: Table) -> Json:
    return [
        [slot, version, stratum, cell.total, cell.bad, cell.span]
        for slot, cells in table.items()
        for (version, stratum), cell in cells.items()
    ]


def _plain(table: Timings) -> Json:
    return [
        [slot, version, [float(bound).hex() for bound in each.bounds], each.counts]
        for slot, row in table.items()
        for version, each in row.items()
    ]
