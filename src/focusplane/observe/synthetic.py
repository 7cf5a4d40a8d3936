"""Synthetic requests of a rollout as evidence: a process of its own beside that of users, never a part of it.

The same request goes to both versions in each round, so n is the same in both arms of every bucket and no mix of requests can
make one of them look worse. The two answers of a round may be alike for a common reason. That does not hurt: for Y in {0, 1}
the mean of a^Yc d^Yb is 1 + pc (a - 1) + pb (d - 1) + P(both fail)(a - 1)(d - 1), and the last term is never positive, for
one of a and d is above 1 and the other below. So the factor is at most what independent answers would give.

Why it is not added to the counts of users: requests that are always the same and never fail would outweigh, as strata of the
same product, failures that only users meet. As a process with a share of alpha by itself it can accuse, and it can excuse
nobody.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from focusplane.define.rollout import Extra, JudgeSpec
from focusplane.observe.arms import ArmBucket, Pair
from focusplane.observe.bets import Metric, added, plus
from focusplane.observe.extras import Watched, fold_extra, watched

SYNTHETIC = "synthetic"
BARREN = 20
"""After so many rounds in a row that could not be counted, one a minute has to do."""


class Heard(StrEnum):
    """What came of one request."""

    GOOD = "good"
    BAD = "bad"
    SILENT = "silent"
    """no answer at all: refused, cut off, too late"""
    STRAY = "stray"
    """another version answered, or nobody says which one did"""
    UNKNOWN = "unknown"
    """the plane itself could not ask"""


@dataclass(frozen=True, slots=True)
class Reply:
    heard: Heard
    why: str = ""


@dataclass(frozen=True, slots=True)
class Round:
    """The same request to both versions; `stratum` is its title."""

    number: int
    stratum: str
    canary: Reply
    baseline: Reply


class Left(StrEnum):
    """Why a round is not counted."""

    OURS = "the plane itself could not ask"
    STRAY = "it is not known which version answered"
    NEITHER = "neither version answered"
    NEVER = "one version has never answered the plane"


@dataclass(frozen=True, slots=True)
class Supply:
    """What was sent in one rollout, and what is known of the way there. Times are Unix ms."""

    rollout: str
    sent: int = 0
    """rounds, each a request to both versions"""
    sent_at: int = 0
    on_at: int = 0
    on_sent: int = 0
    """when it was begun last, and how many had been sent by then"""
    off_at: int = 0
    asked: str = ""
    """the effect whose outcome is awaited"""
    reached: tuple[str, ...] = ()
    """versions that have answered at all"""
    left: Mapping[str, int] = field(default_factory=dict)
    """why rounds were not counted -> how many"""
    barren: int = 0
    """rounds in a row that were not counted, up to now"""
    last: str = ""
    """what was wrong with the last of them that was"""
    leak: str = ""
    """why nothing more is sent in this rollout: its requests are taken for those of users"""
    off: str = "nothing was sent yet"
    """why nothing is sent now; empty while something is"""
    pending: tuple[Pair, ...] = ()
    """counted, and not yet in the evidence"""


def take(known: Supply, rounds: Iterable[Round], arms: tuple[str, str]) -> Supply:
    """Count what can be counted fairly, in order."""
    for one in sorted(rounds, key=lambda each: each.number):
        known = _take(known, one, arms)
    return known


def _take(known: Supply, one: Round, arms: tuple[str, str]) -> Supply:
    why = unfair(one, arms, known.reached)
    replies = (one.canary, one.baseline)
    last = next(
        (f"{arm}: {reply.why}" for arm, reply in zip(arms, replies, strict=True) if reply.why), known.last
    )
    answered = [
        arm for arm, reply in zip(arms, replies, strict=True) if reply.heard in (Heard.GOOD, Heard.BAD)
    ]
    known = replace(known, reached=tuple(dict.fromkeys((*known.reached, *answered))), last=last)
    if why is not None:
        left = {**known.left, str(why): known.left.get(str(why), 0) + 1}
        return replace(known, left=left, barren=known.barren + 1)
    canary, baseline = (int(reply.heard is not Heard.GOOD) for reply in replies)
    pair = Pair(one.stratum, 1, canary, 1, baseline)
    return replace(known, barren=0, pending=(*known.pending, pair))


def unfair(one: Round, arms: tuple[str, str], reached: tuple[str, ...]) -> Left | None:
    """Why a round says nothing of either version. A silence is a failure only of a version that has answered before, and
    only while the other one answers: else it is the way there that is broken.
    """
    heard = {one.canary.heard, one.baseline.heard}
    if Heard.UNKNOWN in heard:
        return Left.OURS
    if Heard.STRAY in heard:
        return Left.STRAY
    if heard == {Heard.SILENT}:
        return Left.NEITHER
    silent = [
        arm
        for arm, reply in zip(arms, (one.canary, one.baseline), strict=True)
        if reply.heard is Heard.SILENT
    ]
    return Left.NEVER if any(arm not in reached for arm in silent) else None


def begun(spec: JudgeSpec, at: int) -> Watched:
    """No evidence yet, by the same tolerance and slack as of users."""
    return watched(Extra(SYNTHETIC, spec.tolerance, spec.slack), at)


def fold(known: Watched, pairs: Iterable[Pair], at: int) -> Watched:
    """The counted rounds of one turn as one bucket: both versions were asked at the same time."""
    by: dict[str, Pair] = {}
    for pair in pairs:
        one = by.get(pair.stratum, Pair(pair.stratum, 0, 0, 0, 0))
        by[pair.stratum] = Pair(
            pair.stratum,
            one.canary_total + pair.canary_total,
            one.canary_bad + pair.canary_bad,
            one.baseline_total + pair.baseline_total,
            one.baseline_bad + pair.baseline_bad,
        )
    if not by:
        return known
    return fold_extra(
        known, [ArmBucket(max(at, known.folded_to + 1), tuple(by[name] for name in sorted(by)))]
    )


def together(users: Metric, synthetic: Metric) -> Metric:
    """What both show of safety, where the policy takes synthetic requests for those of users: H0 is that the version is
    worse for either, as it is of the strata of users, so that all stand in one product.
    """
    return replace(
        users,
        safe=plus(users.safe, np.array(synthetic.safe)),
        counts=added(users.counts, synthetic.counts),
    )
