"""The score of judged metrics: a whole number, 0 for what is worse, below `pass` for what is not decided."""

import math
from collections.abc import Mapping, Sequence

from focusplane.observe.watched import Judged, Seen, Thresholds


def scored(found: tuple[Seen, ...], weights: Mapping[str, float], thresholds: Thresholds) -> Judged:
    judged = [one for one in found if not one.counts and not one.watched.muted]
    names = sorted({name for one in judged for name in one.watched.groups or ("",)})
    groups = tuple((name, _group(name, judged, thresholds)) for name in names)
    total = _weighed(groups, weights)
    critical = next((one for one in judged if one.grave), None)
    holding = next((one for one in judged if one.holds), None)
    if critical is not None:
        return Judged(found, groups, 0, "Fail", f"critical {critical.watched.name}: {critical.reason}")
    if not judged:
        return _rated(
            found, groups, thresholds.holding, thresholds, "nothing was judged, and that passes nothing"
        )
    if holding is not None:
        score = min(total, thresholds.holding)
        return _rated(found, groups, score, thresholds, f"{holding.watched.name}: {holding.reason}")
    bad = next((one for one in judged if one.harmful), None)
    why = f"{bad.watched.name}: {bad.reason}" if bad is not None else "every metric was shown to be no worse"
    return _rated(found, groups, total, thresholds, why)


def _rated(
    found: tuple[Seen, ...], groups: tuple[tuple[str, int], ...], score: int, than: Thresholds, why: str
) -> Judged:
    kind = "Pass" if score >= than.passing else "Marginal" if score >= than.marginal else "Fail"
    return Judged(found, groups, score, kind, why)


def _group(name: str, judged: Sequence[Seen], thresholds: Thresholds) -> int:
    """The share of its metrics that are not harmful; one that holds holds it."""
    own = [one for one in judged if name in (one.watched.groups or ("",))]
    share = 100 * sum(not one.harmful for one in own) // len(own)
    return min(share, thresholds.holding) if any(one.holds for one in own) else share


def _weighed(groups: Sequence[tuple[str, int]], weights: Mapping[str, float]) -> int:
    """As Kayenta weighs: what all weights leave of 100 is shared by the groups without one. A weight of a group that has no
    metric is no part of the score, where Kayenta would count it as 0.
    """
    named = {name: weights[name] for name, _ in groups if name in weights}
    others = [name for name, _ in groups if name not in weights]
    rest = max(0.0, 100.0 - sum(weights.values())) / len(others) if others else 0.0
    shares = {**named, **dict.fromkeys(others, rest)}
    whole = sum(shares.values())
    if not whole:
        return min((score for _, score in groups), default=0)
    return math.floor(sum(shares[name] * score for name, score in groups) / whole + 1e-9)
