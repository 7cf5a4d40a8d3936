"""Circuit breaker: closed = traffic flows; a table of moves, and a windowed share of failures."""

from dataclasses import dataclass, replace
from enum import StrEnum

from focusplane.define.controls import Breaker

SLOTS = 10
"""The window is counted in this many slots: it forgets a tenth of itself at a time."""


class Phase(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Saw(StrEnum):
    TRIPPED = "too many failures"
    COOLED = "open long enough"
    PROBE_FAILED = "a probe failed"
    PROBES_PASSED = "all probes passed"


NEXT: dict[tuple[Phase, Saw], Phase] = {
    (Phase.CLOSED, Saw.TRIPPED): Phase.OPEN,
    (Phase.OPEN, Saw.COOLED): Phase.HALF_OPEN,
    (Phase.HALF_OPEN, Saw.PROBE_FAILED): Phase.OPEN,
    (Phase.HALF_OPEN, Saw.PROBES_PASSED): Phase.CLOSED,
}
"""What the table does not list changes nothing: a late failure of an old call opens nothing twice."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """Where one breaker stands. `since` this phase, `tripped_at` the outage began (0 while closed); Unix ms."""

    phase: Phase = Phase.CLOSED
    since: int = 0
    tripped_at: int = 0
    reason: str = "no failures seen"


def advance(circuit: Circuit, saw: Saw, reason: str, at: int) -> Circuit:
    """The circuit after what was seen; the same circuit if the table has no answer."""
    phase = NEXT.get((circuit.phase, saw))
    if phase is None:
        return circuit
    moved = replace(circuit, phase=phase, since=at, reason=reason)
    if saw is Saw.TRIPPED:
        return replace(moved, tripped_at=at)
    return replace(moved, tripped_at=0) if phase is Phase.CLOSED else moved


def trips(failed: int, total: int, spec: Breaker) -> bool:
    """Whether this share of failures opens the breaker, compared exactly (>=)."""
    enough = total >= max(spec.min_requests, 1)
    return enough and failed > 0 and failed * spec.failures.denominator >= spec.failures.numerator * total


class BreakerInUse:
    """One breaker and its window. Times are integer milliseconds of one clock; racing threads may miscount by one."""

    __slots__ = (
        "_bad",
        "_bad_sum",
        "_closed",
        "_slot",
        "_sum",
        "_total",
        "_width",
        "circuit",
        "forced",
        "passed",
        "probing",
        "spec",
    )

    def __init__(self, spec: Breaker) -> None:
        self.circuit = Circuit()
        self.forced = ""
        self.change(spec)

    def change(self, spec: Breaker) -> None:
        """Take a new declaration; the phase stays, the window starts anew."""
        self.spec = spec
        self._width = max(spec.over_ms // SLOTS, 1)
        self._forget()
        self.probing = self.passed = 0
        self.force(self.forced)

    def force(self, forced: str) -> None:
        """`open`, `closed`, or empty: decide here."""
        self.forced = forced
        self._closed = not forced and self.circuit.phase is Phase.CLOSED

    def wait(self, now: int) -> int:
        """Milliseconds to wait, 0 if the call may be made; every call that is made must be recorded."""
        return 0 if self._closed else self._wait_unless_probing(now)

    def record(self, failed: bool, now: int) -> None:
        """How a call ended."""
        slot = now // self._width
        if slot != self._slot:
            self._turn(slot)
        at = slot % SLOTS
        self._total[at] += 1
        self._sum += 1
        if failed:
            self._bad[at] += 1
            self._bad_sum += 1
            if self._closed and trips(self._bad_sum, self._sum, self.spec):
                self._see(Saw.TRIPPED, f"{self._bad_sum} of {self._sum} calls failed", now)
                return
        if not self._closed and not self.forced and self.circuit.phase is Phase.HALF_OPEN:
            self._record_probe(failed, now)

    def _wait_unless_probing(self, now: int) -> int:
        if self.forced:
            return self.spec.open_for_ms if self.forced == "open" else 0
        left = self.circuit.since + self.spec.open_for_ms - now
        if self.circuit.phase is Phase.OPEN:
            if left > 0:
                return left
            self._see(Saw.COOLED, "open long enough: probing", now)
        elif left <= 0:  # probes that never came back must not keep it half-open for ever
            self.circuit = replace(self.circuit, since=now)
            self.probing = self.passed
        if self.probing >= self.spec.probes:
            return max(self.circuit.since + self.spec.open_for_ms - now, 1)
        self.probing += 1
        return 0

    def _record_probe(self, failed: bool, now: int) -> None:
        if failed:
            self._see(Saw.PROBE_FAILED, "a probe failed", now)
            return
        self.passed += 1
        if self.passed >= self.spec.probes:
            self._forget()
            self._see(Saw.PROBES_PASSED, f"{self.passed} probes passed", now)

    def _see(self, saw: Saw, reason: str, now: int) -> None:
        self.circuit = advance(self.circuit, saw, reason, now)
        self.probing = self.passed = 0
        self._closed = self.circuit.phase is Phase.CLOSED

    def _forget(self) -> None:
        self._total, self._bad = [0] * SLOTS, [0] * SLOTS
        self._sum = self._bad_sum = 0
        self._slot = 0

    def _turn(self, slot: int) -> None:
        """Clear the slots that have left the window since the last call."""
        for passed in range(max(self._slot + 1, slot - SLOTS + 1), slot + 1):
            at = passed % SLOTS
            self._sum -= self._total[at]
            self._bad_sum -= self._bad[at]
            self._total[at] = self._bad[at] = 0
        self._slot = max(slot, self._slot)
