"""Split planner: before a rollout, how long each split needs to find a regression and to show safety, and whom it hurts."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, log

import numpy as np

from focusplane.define.evidence import NEVER, Need, Reachable, Unreachable, requests_needed
from focusplane.define.rollout import JudgeSpec, Step
from focusplane.kernel.tick import SECOND
from focusplane.observe.canary import ERRORS_WEIGHT
from focusplane.observe.eprocess import HARM, growth, log_mixture

SPLITS = tuple(Fraction(percent, 100) for percent in (1, 5, 10, 25, 50))
REACTS_MS = 3 * SECOND
"""From the failing request to the moved weights: the second closes, its reports arrive, the gateway takes the board."""
GROWS = 5
"""A recommended step is at most so many times the one before."""
LEAST_STEP_MS = 30 * SECOND
"""A recommended step lasts so long at least, whatever is shown sooner: some failures need a while to begin."""
_HARM = np.array(HARM)


@dataclass(frozen=True, slots=True)
class Case:
    """What is planned for: requests per second, the share that fails now, and the share that a bad version fails."""

    rate: Fraction
    failing: Fraction
    worse: Fraction
    tenants: int = 0
    """how many were seen lately; 0 if that is not known"""


@dataclass(frozen=True, slots=True)
class Option:
    """One split: expected requests in all, both versions together. `mirror` sends a copy of each request to the new version."""

    split: Fraction
    find: Need
    show: Need
    least: int
    """no judge with the same alpha can find it with fewer on average"""
    hurt: int | None
    """requests that fail more than they would have, until the version is taken back"""
    tenants: int = 0
    """that meet the new version"""
    mirror: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """`steps` are recommended, empty if none is in reach: then `why` says what would help."""

    case: Case
    options: tuple[Option, ...]
    steps: tuple[Step, ...] = ()
    takes_ms: int = 0
    why: str = ""


def plan(
    case: Case,
    judge: JudgeSpec,
    hold_at_most_ms: int,
    within_ms: int = 0,
    splits: Sequence[Fraction] = SPLITS,
) -> Plan:
    """The options, and the gentlest growing steps whose safety is shown within `hold_at_most_ms` each, `within_ms` in all."""
    options = tuple(_option(case, judge, split) for split in splits)
    mirror = _option(case, judge, Fraction(1, 2), mirror=True)
    for first in range(len(options)):
        chosen = _growing(options[first:])
        takes = [_lasts(one, case) for one in chosen]
        if any(each is None or each > hold_at_most_ms for each in takes):
            continue
        total = sum(each or 0 for each in takes)
        if within_ms and total > within_ms:
            continue
        steps = tuple(Step(one.split, LEAST_STEP_MS) for one in chosen)
        return Plan(case, (*options, mirror), (*steps, Step(Fraction(1))), total)
    return Plan(case, (*options, mirror), why=_help(options, case, hold_at_most_ms, within_ms))


def takes_ms(need: Need, rate: Fraction) -> int | None:
    """How long that many requests take; None if for ever."""
    if not isinstance(need, Reachable) or rate <= 0:
        return None
    return ceil(need.requests * SECOND / rate)


def to_find(case: Case, judge: JudgeSpec, split: Fraction) -> Need:
    """Until the judge is expected to take a version back whose errors rise from `failing` to `worse`, and nothing else does."""
    allowed = judge.tolerance * case.failing + judge.slack
    if case.worse <= allowed:
        return Unreachable("what the judge still calls no worse")
    null = float(judge.tolerance), float(judge.slack)
    grown = growth((float(case.worse), float(case.failing)), float(split), null, _HARM)
    weight = ERRORS_WEIGHT if judge.latency or judge.extras else 1.0
    alone = (1 / float(judge.alpha) - (1 - weight)) / weight
    if float(np.max(grown)) <= 0:
        return Unreachable("too little above what the judge still calls no worse")
    low, high, goal = 0, 1, log(alone)
    while log_mixture(grown * high) < goal:
        low, high = high, high * 2
        if high > NEVER:
            return Unreachable("it needs more than a trillion requests")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if log_mixture(grown * middle) >= goal else (middle, high)
    return Reachable(high)


def least(case: Case, alpha: Fraction, split: Fraction) -> int:
    """ln(1/alpha) / I: the information of one request, the two rates known to the judge and to nobody beforehand."""
    share, good, bad = float(split), float(case.failing), float(case.worse)
    both = share * bad + (1 - share) * good
    told = share * _divergence(bad, both) + (1 - share) * _divergence(good, both)
    return ceil(log(1 / float(alpha)) / told) if told > 0 else NEVER


def _option(case: Case, judge: JudgeSpec, split: Fraction, mirror: bool = False) -> Option:
    find, show = to_find(case, judge, split), requests_needed(case.failing, split, judge)
    bound = least(case, judge.alpha, split)
    if mirror:
        return Option(Fraction(1), _half(find), _half(show), ceil(bound / 2), 0, 0, mirror=True)
    hurt = None
    if isinstance(find, Reachable):
        requests = find.requests + case.rate * REACTS_MS / SECOND
        hurt = ceil(requests * split * (case.worse - case.failing))
    tenants = ceil(case.tenants * split)
    return Option(split, find, show, bound, hurt, tenants)


def _half(need: Need) -> Need:
    """A mirrored request is seen by both versions."""
    return Reachable(ceil(need.requests / 2)) if isinstance(need, Reachable) else need


def _growing(options: Sequence[Option]) -> list[Option]:
    """The first, and then always the greatest that is at most `GROWS` times the one before, until the whole is."""
    chosen = [options[0]]
    while chosen[-1].split * GROWS < 1:
        within = [one for one in options if chosen[-1].split < one.split <= chosen[-1].split * GROWS]
        if not within:
            break
        chosen.append(within[-1])
    return chosen


def _lasts(option: Option, case: Case) -> int | None:
    shown = takes_ms(option.show, case.rate)
    return None if shown is None else max(shown, LEAST_STEP_MS)


def _help(options: Sequence[Option], case: Case, hold_ms: int, within_ms: int) -> str:
    if case.rate <= 0:
        return "without traffic nothing can be shown: state what there will be"
    if not any(isinstance(one.show, Reachable) for one in options):
        return "no split ever shows safety: allow a larger judge.slack or judge.tolerance"
    best = min(each for one in options if (each := _lasts(one, case)) is not None)
    if best <= hold_ms and within_ms:
        return "no plan is that quick: allow it longer in all, or a larger judge.slack"
    return "no split shows safety within holdAtMost: widen judge.slack, hold longer, or promote: quiet"


def _divergence(one: float, other: float) -> float:
    """Kullback-Leibler of two Bernoulli rates."""
    parts = [(one, other), (1 - one, 1 - other)]
    return sum(p * log(p / q) for p, q in parts if p > 0 and q > 0)
