"""Localise: the smallest slice that explains a failure, whom it hurts, and what a version added to it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from focusplane.instrument.conventions import OTHER
from focusplane.kernel.quantity import format_percent
from focusplane.observe.counters import Counters
from focusplane.observe.lane import DIMENSIONS
from focusplane.observe.reading import Measured, NoData

EXPLAINS = Fraction(7, 10)
"""A slice explains a failure when without its excess at most three tenths of the failures would be left."""
TIMES_WORSE = 2
"""... and when it fails at least so many times as often as the rest of the traffic."""
WHOLE_SHARE = Fraction(9, 10)
"""A slice with more of the traffic than this is no narrower surface than the whole."""
FEWEST_BAD = 5
TOP = 10


@dataclass(frozen=True, slots=True)
class Compared:
    """One slice against the rest of the traffic. `excess` are the failures beyond the rest's rate."""

    slice: str
    bad: int
    total: int
    share_of_bad: Fraction
    share_of_traffic: Fraction
    excess: Fraction
    times: Fraction | None
    """How many times as often as the rest it fails; None when the rest does not fail at all."""


@dataclass(frozen=True, slots=True)
class Explained:
    """`slice` (such as `version=v2`) is the narrowest that explains it; `compared` holds the next best too."""

    slice: str
    share_of_bad: Fraction
    share_of_traffic: Fraction
    excess: Fraction
    compared: tuple[Compared, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Spread:
    """No slice explains it: the failure is everywhere, or there is too little of it."""

    why: str
    compared: tuple[Compared, ...] = ()


@dataclass(frozen=True, slots=True)
class Hurt:
    """Tenants with at least one failure, tenants with any request, and the most hurt with their failures, of `failed` in all.
    Each of the requests of `other`, which are counted together, may have been one tenant more.
    """

    tenants: int
    active: int
    top: tuple[tuple[str, int], ...]
    other: int = 0
    other_failed: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Excess:
    """Failures of a version beyond what the baseline's rate would have given it."""

    version: Measured
    baseline: Measured
    failures: Fraction


def localise(counters: Counters, focus: str, objective: str, since: int, until: int) -> Explained | Spread:
    """Which version, tenant, route or region explains the failures in (since, until]."""
    since = counters.slices.boundary(since)
    whole = counters.over(focus, objective, until - since, until)
    if isinstance(whole, NoData):
        return Spread(whole.why)
    if whole.bad < FEWEST_BAD:
        return Spread(f"only {whole.bad} failures, {FEWEST_BAD} are needed to compare slices")
    slices = {
        f"{dimension}={value}": measured
        for dimension in DIMENSIONS
        for value, measured in counters.slices_over(focus, objective, dimension, since, until).items()
    }
    return explain(whole, slices)


def explain(whole: Measured, slices: Mapping[str, Measured]) -> Explained | Spread:
    """The narrowest of the slices that explain the failures of the whole; among equals the first by name."""
    every = sorted(
        _compare_all(whole, slices), key=lambda each: (-each.excess, each.share_of_traffic, each.slice)
    )
    able = [each for each in every if _explains(each, whole)]
    if not able:
        return Spread(_spread_reason(every), tuple(every[:TOP]))
    found = min(able, key=lambda each: (each.share_of_traffic, each.slice))
    others = [each for each in every if each is not found][: TOP - 1]
    return Explained(
        found.slice,
        found.share_of_bad,
        found.share_of_traffic,
        found.excess,
        (found, *others),
        f"{found.slice} has {format_percent(found.share_of_bad, 1)} of the failures"
        f" in {format_percent(found.share_of_traffic, 1)} of the traffic; {len(every)} slices compared",
    )


def hurt(counters: Counters, focus: str, objective: str, since: int, until: int) -> Hurt:
    """Whom the failures in (since, until] reached."""
    tenants = dict(counters.slices_over(focus, objective, "tenant", since, until))
    other = tenants.pop(OTHER, None)
    failing = sorted(
        ((name, each.bad) for name, each in tenants.items() if each.bad), key=lambda row: (-row[1], row[0])
    )
    rest = (0, 0) if other is None else (other.total, other.bad)
    failed = sum(bad for _, bad in failing)
    return Hurt(len(failing), len(tenants), tuple(failing[:TOP]), *rest, failed)


def excess(found: Mapping[str, Measured], versions: tuple[str, str]) -> Excess | NoData:
    """What `versions[0]` failed beyond the rate of `versions[1]`, of what was found in some time; may be negative."""
    version, baseline = found.get(versions[0]), found.get(versions[1])
    if version is None or baseline is None:
        return NoData(f"no requests of {versions[0] if version is None else versions[1]}")
    return Excess(version, baseline, version.bad - version.total * baseline.bad_ratio)


def _compare_all(whole: Measured, slices: Mapping[str, Measured]) -> Iterator[Compared]:
    for name, part in slices.items():
        rest_total, rest_bad = whole.total - part.total, whole.bad - part.bad
        if part.bad == 0 or rest_total <= 0 or rest_bad < 0:
            continue
        rest = Fraction(rest_bad, rest_total)
        yield Compared(
            name,
            part.bad,
            part.total,
            Fraction(part.bad, whole.bad),
            Fraction(part.total, whole.total),
            part.bad - part.total * rest,
            part.bad_ratio / rest if rest else None,
        )


def _explains(part: Compared, whole: Measured) -> bool:
    return (
        part.excess >= EXPLAINS * whole.bad
        and part.share_of_traffic <= WHOLE_SHARE
        and (part.times is None or part.times >= TIMES_WORSE)
    )


def _spread_reason(every: list[Compared]) -> str:
    if not every:
        return "there is one slice only, nothing to compare it with"
    best = every[0]
    return (
        f"the failures are spread: the best of {len(every)} slices, {best.slice}, has"
        f" {format_percent(best.share_of_bad, 1)} of them in {format_percent(best.share_of_traffic, 1)} of the traffic"
    )
