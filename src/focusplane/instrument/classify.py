"""Good, bad or excluded, with the reason, in the eyes of one objective; and fast or slow for latency."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from focusplane.define.sli import NO_MATCH, Match, Of, Sli, SliKind
from focusplane.instrument.asked import OTHERWISE
from focusplane.instrument.signal import Latencies, Outcome, Slice
from focusplane.instrument.tagging import route_fits


class Kind(StrEnum):
    GOOD = "good"
    BAD = "bad"
    EXCLUDED = "excluded"


@dataclass(frozen=True, slots=True)
class Classified:
    """`good` of a latency objective means: it belongs to the denominator, and `split` says how many were in time."""

    kind: Kind
    why: str


@dataclass(frozen=True, slots=True)
class Exact:
    """The threshold is a bucket bound: so many at or under it, so many over."""

    under: int
    over: int


@dataclass(frozen=True, slots=True)
class Between:
    """The threshold cuts a bucket: at least `low` and at most `high` of `total` were at or under it."""

    low: int
    high: int
    total: int


Attributes = Mapping[str, str]
_NOTHING: Attributes = {}


def classify(outcome: Outcome, part: Slice, sli: Sli, said: Attributes = _NOTHING) -> Classified:
    """Exclusion is asked first, then `total`, then `good` or `bad`. Copies of mirrored requests are in no SLI.

    Synthetic requests are excluded unless the objective says `exclude: {synthetic: false}` or asks for them. A client that
    left before any answer (proxy flag DC, no status) says nothing about the answer and is excluded. In a latency objective
    a failed answer is excluded, or with `of: all` bad however fast it failed.
    """
    if outcome.copied:
        return Classified(Kind.EXCLUDED, "a copy: nobody gets its answer")
    if outcome.synthetic and not sli.counts_synthetic:
        return Classified(Kind.EXCLUDED, "synthetic")
    if _left_early(outcome):
        return Classified(Kind.EXCLUDED, "the client left before an answer (DC)")
    if excludes(sli.exclude, outcome, part, said):
        return Classified(Kind.EXCLUDED, f"excluded: {words(outcome)}")
    if sli.total is not None and not matches(sli.total, outcome, part, said):
        return Classified(Kind.EXCLUDED, f"none of the total: {words(outcome)}")
    if _succeeded(sli, outcome, part, said):
        return Classified(Kind.GOOD, words(outcome))
    if sli.kind is SliKind.LATENCY and sli.of is Of.GOOD:
        return Classified(Kind.EXCLUDED, f"failed answers are not timed: {words(outcome)}")
    return Classified(Kind.BAD, words(outcome))


def _succeeded(sli: Sli, outcome: Outcome, part: Slice, said: Attributes) -> bool:
    if sli.good is not None:
        return matches(sli.good, outcome, part, said)
    return not matches(sli.bad, outcome, part, said)


def split(latencies: Latencies, under_ms: int) -> Exact | Between:
    """How many took at most `under_ms` milliseconds: exactly when that is a bucket bound, else between two counts."""
    place = bisect_left(latencies.bounds_ms, under_ms)
    total, below = sum(latencies.counts), sum(latencies.counts[:place])
    cut = latencies.counts[place]
    if place < len(latencies.bounds_ms) and latencies.bounds_ms[place] == under_ms:
        return Exact(below + cut, total - below - cut)
    if cut == 0:
        return Exact(below, total - below)
    return Between(below, below + cut, total)


def matches(match: Match, outcome: Outcome, part: Slice, said: Attributes = _NOTHING) -> bool:
    """A conjunction; an empty match fits nothing."""
    if match == NO_MATCH:
        return False
    return (
        (not match.status or any(_status_fits(wanted, outcome) for wanted in match.status))
        and (not match.errors or outcome.error in match.errors)
        and (not match.routes or any(_route_fits(pattern, part.route) for pattern in match.routes))
        and (not match.tenants or part.tenant in match.tenants)
        and (match.synthetic is None or outcome.synthetic is match.synthetic)
        and (match.resend is None or outcome.resend is match.resend)
        and (not match.clients or part.client in match.clients)
        and all(said.get(key, OTHERWISE) in values for key, values in match.attributes)
    )


def excludes(match: Match, outcome: Outcome, part: Slice, said: Attributes = _NOTHING) -> bool:
    """Like `matches`, but `synthetic: false` and `resend: false` say "do not exclude" and are no conditions."""
    return matches(_conditions(match), outcome, part, said)


@lru_cache(maxsize=1_024)
def _conditions(match: Match) -> Match:
    return replace(match, synthetic=match.synthetic or None, resend=match.resend or None)


def words(outcome: Outcome) -> str:
    """The outcome in the words of an explanation: `status 503, UF`."""
    parts = [f"status {outcome.status}" if outcome.status else "", outcome.error, outcome.flag]
    return ", ".join(part for part in parts if part) or "no error"


def status_class(outcome: Outcome) -> str:
    """`2xx` ... `5xx`; an error that never became a status is `5xx`, and nothing known is empty."""
    if outcome.status:
        return f"{outcome.status // 100}xx"
    return "5xx" if outcome.error or outcome.flag not in ("", "DC") else ""


def _status_fits(wanted: str, outcome: Outcome) -> bool:
    return wanted == str(outcome.status) or wanted.lower() == status_class(outcome)


def _route_fits(pattern: str, route: str) -> bool:
    """A slice knows its route but not its method: `POST /checkout` is compared by its path alone."""
    return route_fits(pattern.rpartition(" ")[2], "", route)


def _left_early(outcome: Outcome) -> bool:
    return outcome.flag == "DC" and outcome.status == 0 and not outcome.error
