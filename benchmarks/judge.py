"""The judge beside the rules of others: how soon a regression is found, and how often a good version is taken back.

Run `python benchmarks/judge.py [--runs 2000] [--null 10000]`. Prints JSON lines. Requests are independent and simulated, the
same for every judge; thresholds of others are those that their own documentation proposes, or the midpoint between good and
bad, which is kinder than anybody can know beforehand. All are looked at once a minute, five per cent go to the new version.
"""

import argparse
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from focusplane.observe.eprocess import HARM, exposures, log_factors
from focusplane.observe.mirrored import Tally, log_factors_of_pairs

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
GOAL = math.log(20)
SPLIT, RPS, MINUTE = 0.05, 10, 60
PSI = np.array(HARM)
CONFIDENT = 2.326
"""Kayenta's Mann-Whitney: confidence 0.98, two-sided."""
KAYENTA_RUNS = 200
"""It compares every minute with every other: fewer runs."""


@dataclass(frozen=True, slots=True)
class Arms:
    """One minute of many runs: requests and failures of canary and baseline."""

    canary: Ints
    bad: Ints
    baseline: Ints
    baseline_bad: Ints


@dataclass(frozen=True, slots=True)
class Play:
    """Failure shares of baseline and canary by minute, and the share of the canary."""

    rates: Callable[[int], tuple[float, float]]
    split: Callable[[int], float] = lambda minute: SPLIT
    rps: int = RPS

    def minutes(self, runs: int, count: int, seed: int) -> Iterator[Arms]:
        random = np.random.default_rng(seed)
        for minute in range(count):
            share, (base, other) = self.split(minute), self.rates(minute)
            canary = random.poisson(self.rps * MINUTE * share, runs)
            baseline = random.poisson(self.rps * MINUTE * (1 - share), runs)
            yield Arms(canary, random.binomial(canary, other), baseline, random.binomial(baseline, base))


class Judge:
    """Sees minute after minute; `look` says for each run whether it would be taken back now."""

    def look(self, arms: Arms) -> npt.NDArray[np.bool_]:
        raise NotImplementedError


class Ours(Judge):
    """The e-process on errors, as `focusplane.observe.eprocess` has it, over all runs at once."""

    def __init__(self, rho: float, eps: float = 0.0) -> None:
        self.rho, self.eps = rho, eps
        self.logs: Floats | None = None

    def look(self, arms: Arms) -> npt.NDArray[np.bool_]:
        n, c, m, b = (
            each[:, None].astype(float) for each in (arms.canary, arms.bad, arms.baseline, arms.baseline_bad)
        )
        w = self.rho * n / np.maximum(self.rho * n + m, 1e-300)
        down = -np.log1p(w * (PSI - 1))
        gained = c * (np.log(PSI) + down) + b * down - n * self.eps * np.expm1(np.log(PSI) + down)
        if self.logs is None:
            row = (int(n[0, 0]), int(c[0, 0]), int(m[0, 0]), int(b[0, 0]))
            assert np.allclose(gained[0], log_factors(exposures([row]), self.rho, self.eps, PSI))
            self.logs = np.zeros_like(gained)
        self.logs = self.logs + gained
        top = self.logs.max(axis=1)
        mixed: npt.NDArray[np.bool_] = top + np.log(np.exp(self.logs - top[:, None]).mean(axis=1)) >= GOAL
        return mixed


class Flagger(Judge):
    """Its success rate against a threshold; taken back after so many failed checks, which are never forgotten."""

    def __init__(self, most: float, checks: int = 5) -> None:
        self.most, self.checks = most, checks
        self.failed: Ints | None = None

    def look(self, arms: Arms) -> npt.NDArray[np.bool_]:
        failed = (arms.bad > self.most * arms.canary).astype(np.int64)
        self.failed = failed if self.failed is None else self.failed + failed
        over: npt.NDArray[np.bool_] = self.failed >= self.checks
        return over


class Argo(Judge):
    """`result[0] <= threshold` each minute with `failureLimit: 3`: the fourth measurement that is false aborts."""

    def __init__(self, most: float, limit: int = 3) -> None:
        self.inner = Flagger(most, limit + 1)

    def look(self, arms: Arms) -> npt.NDArray[np.bool_]:
        return self.inner.look(arms)


class Kayenta(Judge):
    """Mann-Whitney on the failure shares of all minutes so far, looked at every five; the baseline is as large as the canary."""

    def __init__(self, seed: int = 1) -> None:
        self.random = np.random.default_rng(seed)
        self.rows: list[tuple[Floats, Floats]] = []

    def look(self, arms: Arms) -> npt.NDArray[np.bool_]:
        alike = self.random.hypergeometric(
            arms.baseline_bad, arms.baseline - arms.baseline_bad, np.minimum(arms.canary, arms.baseline)
        )
        size = np.maximum(np.minimum(arms.canary, arms.baseline), 1)
        self.rows.append((arms.bad / np.maximum(arms.canary, 1), alike / size))
        if len(self.rows) % 5 or len(self.rows) < 5:
            return np.zeros(len(arms.canary), np.bool_)
        canary, control = (np.stack([row[side] for row in self.rows], axis=1) for side in (0, 1))
        return _shifted(canary, control)


def _shifted(canary: Floats, control: Floats) -> npt.NDArray[np.bool_]:
    """The rank sum is significant, ties counted half and corrected for. Kayenta also wants the lower end of the interval over a
    quarter of the estimated shift; where most minutes tie, both lie at the same jump, and here that never stands in its way.
    """
    looks = canary.shape[1]
    above = (canary[:, :, None] > control[:, None, :]).sum(axis=(1, 2))
    level = (canary[:, :, None] == control[:, None, :]).sum(axis=(1, 2))
    both = np.concatenate([canary, control], axis=1)
    alike = (both[:, :, None] == both[:, None, :]).sum(axis=2)
    size = 2 * looks
    ties = (alike.astype(float) ** 2 - 1).sum(axis=1) / (size * (size - 1))
    spread = np.sqrt(looks * looks / 12 * np.maximum(size + 1 - ties, 1e-9))
    found: npt.NDArray[np.bool_] = (above + level / 2 - looks * looks / 2 - 0.5) / spread > CONFIDENT
    return found


@dataclass(frozen=True, slots=True)
class Found:
    """The share of runs that were taken back, and the median of the requests in all until then (none if most were not)."""

    share: float
    requests: float


def judged(judge: Judge, play: Play, runs: int, minutes: int, seed: int) -> Found:
    total, stopped = np.zeros(runs), np.full(runs, math.inf)
    for arms in play.minutes(runs, minutes, seed):
        total += arms.canary + arms.baseline
        hit = judge.look(arms) & np.isinf(stopped)
        stopped[hit] = total[hit]
        if not np.isinf(stopped).any():
            break
    return Found(float(np.isfinite(stopped).mean()), float(np.median(stopped)))


def bound(split: float, baseline: float, canary: float) -> float:
    """No test of level 5 % finds the difference with fewer requests on average."""
    pooled = split * canary + (1 - split) * baseline
    return GOAL / (split * _divergence(canary, pooled) + (1 - split) * _divergence(baseline, pooled))


def _divergence(p: float, q: float) -> float:
    return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))


def peers(baseline: float, canary: float) -> dict[str, Callable[[], Judge]]:
    middle = (baseline + canary) / 2
    return {
        "rho 1": lambda: Ours(1.0),
        "rho 1.25": lambda: Ours(1.25),
        "Flagger, midpoint, 5 checks": lambda: Flagger(middle),
        "Argo, midpoint, failureLimit 3": lambda: Argo(middle),
        "Kayenta, Mann-Whitney, its tolerance left out, equal baseline": Kayenta,
    }


def _runs(name: str, runs: int) -> int:
    return min(runs, KAYENTA_RUNS) if name.startswith("Kayenta") else runs


def _say(name: str, goal: object, measured: object, **more: object) -> None:
    print(json.dumps({"name": name, "goal": goal, "measured": measured, **more}), flush=True)


def detection(runs: int) -> None:
    for baseline, canary, minutes in ((0.001, 0.01, 240), (0.01, 0.02, 600)):
        least = bound(SPLIT, baseline, canary)
        for name, make in peers(baseline, canary).items():
            play = Play(lambda _, both=(baseline, canary): both)  # type: ignore[misc]
            found = judged(make(), play, _runs(name, runs), minutes, 2)
            until = round(found.requests) if math.isfinite(found.requests) else "most are not found"
            _say(f"requests until {baseline:.1%} to {canary:.0%} is found: {name}", "", until,
                 peer=f"information bound: {least:,.0f}", found=f"{found.share:.1%} of the runs")  # fmt: skip


def mirrors(runs: int) -> None:
    """The same regressions where a share of the requests is copied, in requests of users: none of them meets the new version.
    `both` of the failures are of requests that fail wherever they go.
    """
    for baseline, canary, both in ((0.001, 0.01, 0.0), (0.01, 0.02, 0.0), (0.01, 0.02, 0.01)):
        ends = [1 - baseline - canary + both, baseline - both, canary - both, both]
        what = f"requests until {baseline:.1%} to {canary:.0%} is found"
        alike = f", {both:.0%} fail at both" if both else ""
        split = judged(Ours(1.0), Play(lambda _, both=(baseline, canary): both, lambda _: 0.5), runs, 600, 2)  # type: ignore[misc]
        if not both:
            _say(f"{what}: half of the users on it, rho 1", "", round(split.requests),
                 peer=f"information bound: {bound(0.5, baseline, canary):,.0f}", found=f"{split.share:.1%} of the runs")  # fmt: skip
        for name, log_e in (("both sums", _sums), ("pairs", _pairs)):
            found = _mirrored(log_e, ends, runs)
            _say(f"{what}{alike}: mirror, {name}, rho 1", "", round(found.requests),
                 peer=f"half of the users on it: {split.requests:,.0f}", found=f"{found.share:.1%} of the runs")  # fmt: skip


def _pairs(tally: Tally) -> Floats:
    return log_factors_of_pairs(tally, 1.0, 0.0, PSI)


def _sums(tally: Tally) -> Floats:
    return log_factors(exposures([tally.row]), 1.0, 0.0, PSI)


def _mirrored(log_e: Callable[[Tally], Floats], ends: Sequence[float], runs: int) -> Found:
    """Looked at once a minute."""
    random, each = np.random.default_rng(2), RPS * MINUTE
    alone = np.stack([log_e(one) for one in (Tally(1), Tally(0, 1), Tally(0, 0, 1), Tally(0, 0, 0, 1))])
    logs, stopped = np.zeros((runs, len(PSI))), np.full(runs, math.inf)
    for minute in range(1, 601):
        logs += random.multinomial(each, ends, runs) @ alone
        top = logs.max(axis=1)
        over = top + np.log(np.exp(logs - top[:, None]).mean(axis=1)) >= GOAL
        stopped[over & np.isinf(stopped)] = minute * each
        if not np.isinf(stopped).any():
            break
    return Found(float(np.isfinite(stopped).mean()), float(np.median(stopped)))


def slow_tail(runs: int) -> None:
    """3 % of the requests take 400 ms more: the share above the baseline's p99 is 1 % and then about 4 %. A p99 of others lies above
    a threshold just when more than 1 % of the requests do; theirs is set between the two, as with failures.
    """
    fast, slow = 0.01, 0.0397
    play = Play(lambda _: (fast, slow))
    for name, make in peers(fast, slow).items():
        found = judged(make(), play, _runs(name, runs), 240, 3)
        until = round(found.requests) if math.isfinite(found.requests) else "most are not found"
        _say(f"requests until +400 ms on 3 % of them is found, each counted for itself: {name}", "", until,
             peer=f"information bound: {bound(SPLIT, fast, slow):,.0f}", found=f"{found.share:.1%} of the runs")  # fmt: skip


def ramp(minute: int) -> float:
    """5 % and up to 50 % in four hours."""
    return (0.05, 0.1, 0.25, 0.5)[min(minute // 60, 3)]


def drifting(minute: int) -> tuple[float, float]:
    """Everybody fails 1 %, and in the end 3 %."""
    rate = 0.01 * (1 + 2 * min(minute / 240, 1.0))
    return rate, rate


def good_versions(runs: int) -> None:
    plays = {
        "1 % fail": Play(lambda _: (0.01, 0.01)),
        "0.1 % fail": Play(lambda _: (0.001, 0.001)),
        "ramp 5 to 50 % while all drift from 1 to 3 %": Play(drifting, ramp),
    }
    for what, play in plays.items():
        middle = (0.001, 0.01) if what.startswith("0.1") else (0.01, 0.02)
        for name, make in peers(*middle).items():
            found = judged(make(), play, _runs(name, runs), 240, 5)
            _say(
                f"good versions taken back in 4 h, {what}: {name}",
                "<= 0.05" if name.startswith("rho") else "",
                round(found.share, 4),
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2_000, help="of each regression")
    parser.add_argument("--null", type=int, default=10_000, help="of each good version")
    options = parser.parse_args()
    detection(options.runs)
    mirrors(options.runs)
    slow_tail(options.runs)
    good_versions(options.null)


if __name__ == "__main__":
    main()
