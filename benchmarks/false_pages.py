"""How often a healthy service with little traffic pages, and how long a real outage of it takes to be seen.

Objective 99.9 % over 30 days; 1, 10 and 100 requests an hour, each failing by itself with a chance of the whole budget (the
worst service that is still healthy) or of half of it. Counts of each minute are drawn, and two tables look at the same ones
each minute: Sloth's page (14.4x over 1h and 5m, or 6x over 6h and 30m, compared as numbers), and ours at the levels that tell
somebody at once (act, page, outage). Whether ours fires is decided by the product's own `observe.burn`; numpy only skips the
minutes in which no ratio is above its limit. A page counts when it begins to fire; one that comes back within half an hour
is the same page for both. Prints JSON lines {name, goal, measured, peer, ratio, unit, ...}.

    python benchmarks/false_pages.py [--days 2000]
"""

import argparse
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from focusplane.define.burn import burn_rules
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.define.slo import BurnRule, Level, Objective, Rolling
from focusplane.kernel.quantity import format_duration, format_percent
from focusplane.kernel.tick import DAY, MINUTE
from focusplane.observe.burn import Window, burn, read
from focusplane.observe.reading import Measured, NoData

Ints = npt.NDArray[np.int64]
TARGET = Fraction(999, 1000)
TRAFFIC = (1, 10, 100, 1_000)
SAME_PAGE = 30
"""Minutes within which a page that comes back is the same one."""
OUTAGES, OUTAGE_MINUTES = 200, 48 * 60
RULES = tuple(rule for rule in burn_rules(TARGET, Rolling(30 * DAY))[0] if rule.level >= Level.ACT)
CLASSIC = tuple(rule for rule in RULES if rule.level is Level.PAGE)
SLI = Sli(SliKind.EVENTS, Match(status=("5xx",)), Match())
OBJECTIVE = Objective("availability", TARGET, Rolling(30 * DAY), SLI, RULES)


@dataclass(frozen=True)
class Minutes:
    """Running sums: `total[m]` requests and `bad[m]` failures in the first m minutes."""

    total: Ints
    bad: Ints

    def over(self, minutes: int) -> tuple[Ints, Ints]:
        """Requests and failures of the window that ends with each minute; shorter at the beginning."""
        since = np.maximum(np.arange(len(self.total)) - minutes, 0)
        return self.total - self.total[since], self.bad - self.bad[since]

    def window(self, at: int, length_ms: int) -> Window:
        since = max(0, at - max(1, length_ms // MINUTE))
        total, bad = int(self.total[at] - self.total[since]), int(self.bad[at] - self.bad[since])
        reading = Measured(total - bad, total) if total else NoData("no requests")
        return read(reading, length_ms, length_ms, OBJECTIVE.budget)


def drawn(random: np.random.Generator, per_hour: int, failing: Sequence[float]) -> Minutes:
    """`failing[m]` is the chance of each request of minute m to fail."""
    total = random.poisson(per_hour / 60, len(failing))
    bad = random.binomial(total, failing)
    return Minutes(*(np.concatenate([[0], np.cumsum(counts)]) for counts in (total, bad)))


def above(said: Minutes, rule: BurnRule) -> npt.NDArray[np.bool_]:
    """Minutes in which both windows of a rule are above its limit, as numbers."""
    limit = float((rule.factor or 0) * OBJECTIVE.budget) or float(rule.ratio or 0)
    found = np.ones(len(said.total), bool)
    for length in (rule.long_ms, rule.short_ms):
        total, bad = said.over(max(1, length // MINUTE))
        found &= bad > limit * total if rule.ratio is None else (bad >= limit * total) & (total > 0)
    return found


def classic(said: Minutes) -> Ints:
    """Minutes in which Sloth's page fires."""
    return np.flatnonzero(np.any([above(said, rule) for rule in CLASSIC], axis=0))


def ours(said: Minutes) -> Ints:
    """Minutes in which one of our rules that tell somebody at once fires."""
    found: set[int] = set()
    for rule in RULES:
        candidates = above(said, rule)
        candidates &= said.over(rule.long_ms // MINUTE)[1] >= OBJECTIVE.min_bad
        for at in np.flatnonzero(candidates):
            windows = (said.window(int(at), rule.long_ms), said.window(int(at), rule.short_ms))
            if burn(OBJECTIVE, rule, *windows, OBJECTIVE.budget).firing:
                found.add(int(at))
    return np.array(sorted(found), np.int64)


def episodes(firing: Ints) -> int:
    return int(len(firing) > 0) + int(np.sum(np.diff(firing) > SAME_PAGE))


def false_pages(per_hour: int, share: Fraction, days: int) -> None:
    random = np.random.default_rng(per_hour)
    chance = float(OBJECTIVE.budget * share)
    said = drawn(random, per_hour, np.full(days * 24 * 60, chance))
    mine, peer = episodes(ours(said)), episodes(classic(said))
    print(
        json.dumps(
            {
                "name": f"{per_hour} requests/h, {format_percent(share)} of the budget fails: false pages a day",
                "goal": "fewer than the classic table",
                "measured": rate(mine, days),
                "peer": rate(peer, days),
                "ratio": _ratio(peer, mine),
                "days": days,
            }
        ),
        flush=True,
    )


def _ratio(peer: int, mine: int) -> str:
    """Where we had none, at least as many times as three would have been."""
    if not peer:
        return ""
    return f"{peer / mine:.3g}x" if mine else f"> {peer / 3:.3g}x"


def rate(count: int, days: int) -> str:
    """Pages a day with a 95 % interval; of none, the three in so many days that were not seen."""
    if not count:
        return f"0 (< {3 / days:.2g})"
    return f"{count / days:.2g} +- {1.96 * math.sqrt(count) / days:.1g}"


def detection(per_hour: int) -> None:
    """A total outage after two good days: the median of when each tells somebody, and how often not within two days."""
    random = np.random.default_rng(1_000 + per_hour)
    calm = 48 * 60
    failing = np.concatenate([np.full(calm, 0.0), np.full(OUTAGE_MINUTES, 1.0)])
    runs = [drawn(random, per_hour, failing) for _ in range(OUTAGES)]
    found = {
        name: sorted(first(look(run), calm) for run in runs)
        for name, look in (("ours", ours), ("classic", classic))
    }
    print(
        json.dumps(
            {
                "name": f"{per_hour} requests/h, everything fails: told after (median)",
                "goal": "",
                "measured": said(found["ours"]),
                "peer": said(found["classic"]),
                "p90": said(found["ours"], 0.9),
                "runs": OUTAGES,
            }
        ),
        flush=True,
    )


def first(firing: Iterable[int], onset: int) -> float:
    return next((float(at - onset) for at in firing if at > onset), math.inf)


def said(times: Sequence[float], share: float = 0.5) -> str:
    found = times[int(len(times) * share)]
    return "not within two days" if math.isinf(found) else format_duration(int(found) * MINUTE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=2_000)
    days = parser.parse_args().days
    for per_hour in TRAFFIC:
        for share in (Fraction(1), Fraction(1, 2)):
            false_pages(per_hour, share, days)
        detection(per_hour)


if __name__ == "__main__":
    main()
