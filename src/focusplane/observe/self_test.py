"""Self-test: the stable version against itself. Its instances (else its tenants) are two sides of which neither is worse, so what
the judge would take back of them is a false alarm, counted on real traffic.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import log
from typing import Any
from zlib import crc32

from focusplane.define.rollout import JudgeSpec
from focusplane.instrument.signal import Latencies, Signal
from focusplane.kernel.ids import Json
from focusplane.kernel.quantity import format_percent
from focusplane.kernel.tick import DAY, HOUR, MINUTE, SECOND
from focusplane.observe.arms import ArmBucket, Arms, Pair
from focusplane.observe.canary import begin, fold, together
from focusplane.observe.evidence import Evidence
from focusplane.observe.evidence_json import from_json, to_json
from focusplane.observe.histogram import merged
from focusplane.observe.own_past import at_least

SIDES = ("a", "b")
RUN_MS = 10 * MINUTE
"""How long a run lasts: about as long as the step of a rollout."""
FOLD_MS = 10 * SECOND
"""Seconds are folded so many at a time: a tenth of the work, and as valid."""
FEWEST = 100
"""A run with fewer requests on one of its sides says nothing, and is not counted."""
KEEP_MS = 7 * DAY
MOST_INSTANCES = 64
HEARD_MS = 2 * RUN_MS
WIDER = Fraction(5, 4)
MOST_TIMES = 3
"""The tolerance is widened by a quarter at a time, at most so often: to not quite its double."""
SURE = 0.01
"""More false alarms than alpha allows are noise of the service, if chance alone brings so many no more often than this."""
FEWEST_ALARMS = 3
CALM = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Widened:
    """The tolerance of the judge was changed by what the runs have shown."""

    before: int
    after: int
    why: str


@dataclass(slots=True)
class SelfTest:
    """Of one focus. `run` is the number of the present run; `hours` are runs and false alarms by the hour in which they ended."""

    arms: Arms = field(default_factory=Arms)
    run: int = 0
    evidence: Evidence | None = None
    alarmed: bool = False
    by: str = ""
    """`instance` or `tenant`: what the sides are made of."""
    ranks: dict[str, int] = field(default_factory=dict)
    """Instances that the present run knows, each with its place among them."""
    heard: dict[str, int] = field(default_factory=dict)
    """Instances of the stable version, and when each was last heard, Unix ms."""
    hours: dict[int, tuple[int, int]] = field(default_factory=dict)
    widened: int = 0
    since: int = 0
    """Since when runs say whether the present tolerance is wide enough (Unix ms): since it changed, or for a week."""
    fresh: tuple[int, int] = (0, 0)
    """Runs and false alarms since then."""

    def note(self, signal: Signal, slot: int, stratum: str, counts: tuple[int, int]) -> None:
        """A request of the stable version."""
        if signal.reporter in self.heard or len(self.heard) < MOST_INSTANCES:
            self.heard[signal.reporter] = slot
        self.arms.expose(slot, (self._side(signal), stratum), counts, signal.end - signal.start)

    def time(self, signal: Signal, slot: int, latencies: Latencies) -> None:
        self.arms.time(slot, self._side(signal), latencies)

    def _side(self, signal: Signal) -> str:
        """The same in a whole run. Which instances are together, and on which side, changes from one run to the next."""
        if self.by == "instance":
            rank, bits = self.ranks.get(signal.reporter), max(1, (len(self.ranks) - 1).bit_length())
            place = (
                crc32(signal.reporter.encode())
                if rank is None
                else (rank >> (self.run % bits)) ^ (self.run // bits)
            )
            return SIDES[place & 1]
        who = signal.slice.tenant or signal.slice.route
        return SIDES[crc32(f"{self.run} {who}".encode()) & 1]

    def due(self, mark: int) -> bool:
        """There is something to fold."""
        return self.evidence is None or mark >= self.evidence.folded_to + FOLD_MS

    def ends(self, mark: int) -> bool:
        """The time of the present run is over."""
        return mark >= (self.run + 1) * RUN_MS

    def forward(self, spec: JudgeSpec, mark: int, longest: int, past: Latencies | None) -> Widened | None:
        """Fold what was closed up to the watermark, end the run when its time is over; whether the tolerance changes."""
        changed = None
        if self.evidence is None or self.ends(mark):
            changed = self._end(spec, mark)
            self._begin(spec, mark, past)
        assert self.evidence is not None
        pace = self.arms.pace(SIDES, self.evidence.folded_to, self.run * RUN_MS, longest)
        until = mark // FOLD_MS * FOLD_MS
        for bucket in pooled(self.arms.between(SIDES, self.evidence.folded_to, until, pace)):
            self.evidence = fold(self.evidence, [bucket])
            self.alarmed |= together(self.evidence) >= log(1 / float(spec.alpha))
        self.evidence = replace(self.evidence, folded_to=max(self.evidence.folded_to, until - pace.reach))
        self.arms.forget_before(mark)
        self.arms.minutes.clear()
        return changed

    def _begin(self, spec: JudgeSpec, mark: int, past: Latencies | None) -> None:
        self.run, self.alarmed = mark // RUN_MS, False
        self.heard = {name: at for name, at in self.heard.items() if at > mark - HEARD_MS}
        self.ranks = {name: rank for rank, name in enumerate(sorted(self.heard))}
        self.by = "instance" if len(self.ranks) > 1 else "tenant"
        self.evidence = begin(replace(self.wide(spec), extras=()), mark, past)

    def _end(self, spec: JudgeSpec, mark: int) -> Widened | None:
        evidence = self.evidence
        if evidence is None or min(evidence.errors.counts[0], evidence.errors.counts[2]) < FEWEST:
            return None
        hour = mark // HOUR
        runs, alarms = self.hours.get(hour, (0, 0))
        self.hours[hour] = runs + 1, alarms + self.alarmed
        self.hours = {at: row for at, row in self.hours.items() if (at + 1) * HOUR > mark - KEEP_MS}
        return self._weigh(spec, mark)

    def _weigh(self, spec: JudgeSpec, mark: int) -> Widened | None:
        """Wider when there are more false alarms than chance explains, at once; narrower after a calm week."""
        self.since = self.since or mark
        runs, alarms = self.fresh = self.fresh[0] + 1, self.fresh[1] + self.alarmed
        before, expected = self.widened, runs * spec.alpha
        noisy = alarms >= FEWEST_ALARMS and at_least(alarms, float(expected)) < SURE
        over = mark - self.since >= KEEP_MS
        if noisy and before < MOST_TIMES:
            self.widened = before + 1
        elif over and before and alarms <= CALM * expected:
            self.widened = before - 1
        if over or self.widened != before:
            self.since, self.fresh = mark, (0, 0)
        if self.widened == before:
            return None
        share = f"{alarms} of {runs} runs of the stable version against itself would have been taken back"
        return Widened(before, self.widened, f"{share}; {format_percent(spec.alpha)} is allowed")

    def over(self) -> tuple[int, int]:
        """Runs, and false alarms among them, of the last seven days."""
        rows = self.hours.values()
        return sum(runs for runs, _ in rows), sum(alarms for _, alarms in rows)

    def wide(self, spec: JudgeSpec) -> JudgeSpec:
        """The judge with the tolerance that this service needs."""
        return replace(spec, tolerance=spec.tolerance * WIDER**self.widened) if self.widened else spec

    def state(self) -> Json:
        """Everything: who goes on from it says the same."""
        hours: list[Json] = [[at, *row] for at, row in sorted(self.hours.items())]
        return {
            "hours": hours,
            "widened": self.widened,
            "since": [self.since, *self.fresh],
            "arms": self.arms.state(),
            "run": [self.run, int(self.alarmed), self.by],
            "ranks": dict(self.ranks),
            "heard": dict(self.heard),
            "evidence": None if self.evidence is None else to_json(self.evidence),
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> "SelfTest":
        """The inverse of `state`; nothing of an older snapshot."""
        if not state:
            return cls()
        run, alarmed, by = state["run"]
        since, runs, alarms = state["since"]
        evidence = state["evidence"]
        return cls(
            Arms.restored(state["arms"]),
            run,
            None if evidence is None else from_json(evidence),
            bool(alarmed),
            by,
            dict(state["ranks"]),
            dict(state["heard"]),
            {at: (ran, false) for at, ran, false in state["hours"]},
            state["widened"],
            since,
            (runs, alarms),
        )


def pooled(buckets: Iterable[ArmBucket]) -> Sequence[ArmBucket]:
    """Seconds as one bucket for each `FOLD_MS`; longer buckets as they are."""
    groups: dict[int, list[ArmBucket]] = {}
    for bucket in buckets:
        groups.setdefault(-(-bucket.at // FOLD_MS) if bucket.seconds == 1 else -bucket.at, []).append(bucket)
    return [rows[0] if len(rows) == 1 else _one(rows) for rows in groups.values()]


def _one(rows: Sequence[ArmBucket]) -> ArmBucket:
    pairs: dict[str, Pair] = {}
    for pair in (pair for row in rows for pair in row.pairs):
        known = pairs.get(pair.stratum, Pair(pair.stratum, 0, 0, 0, 0))
        pairs[pair.stratum] = Pair(
            pair.stratum,
            known.canary_total + pair.canary_total,
            known.canary_bad + pair.canary_bad,
            known.baseline_total + pair.baseline_total,
            known.baseline_bad + pair.baseline_bad,
        )
    one = merged(row.canary for row in rows if row.canary is not None)
    other = merged(row.baseline for row in rows if row.baseline is not None)
    return ArmBucket(rows[-1].at, tuple(pairs.values()), one, other, len(rows))
