"""Path: how the evidence of a rollout went, at most so many points however long it lasts; the last one is now."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from focusplane.kernel.ids import Json
from focusplane.kernel.tick import SECOND
from focusplane.observe.verdict import Verdict

MOST = 120
MOST_STRATA = 5


@dataclass(frozen=True, slots=True)
class Of:
    """One metric then: both e-values, and the stratum whose counts alone spoke loudest of harm."""

    metric: str
    harm: float
    safe: float
    worst: str


@dataclass(frozen=True, slots=True)
class Point:
    """What the judge held at an instant (Unix ms). `ratio` is the anytime-valid interval of p_canary / p_baseline."""

    at: int
    step: int
    harm: float
    safe: float
    ratio: tuple[float, float]
    metrics: tuple[Of, ...]
    strata: tuple[tuple[str, float], ...]
    """Where errors are worst, with the e-value of harm by the counts of that stratum alone."""


@dataclass(frozen=True, slots=True)
class Path:
    """Of the rollout `of`. Points but the last are at least `every` ms apart."""

    of: str
    every: int = SECOND
    points: tuple[Point, ...] = ()


def further(path: Path | None, of: str, now: Point) -> Path:
    """The path with the present point. When it is full every second point is given up, the first and the last never."""
    known = path if path is not None and path.of == of else Path(of)
    points = known.points
    if len(points) > 1 and points[-1].at - points[-2].at < known.every:
        return replace(known, points=(*points[:-1], now))
    if len(points) < MOST:
        return replace(known, points=(*points, now))
    return Path(of, 2 * known.every, (*points[::2], now))


def point(verdict: Verdict, at: int, step: int) -> Point:
    """A verdict as a point."""
    of = tuple(Of(each.metric, each.e_regress, each.e_safe, each.worst_stratum) for each in verdict.metrics)
    return Point(
        at, step, verdict.e_regress, verdict.e_safe, verdict.ratio_ci, of, verdict.strata[:MOST_STRATA]
    )


def told(path: Path) -> dict[str, Json]:
    """As the journal keeps it: strings of four digits in columns, each metric and stratum under its name."""
    points = path.points
    metrics = dict.fromkeys(each.metric for point in points for each in point.metrics)
    strata = dict.fromkeys(name for point in points for name, _ in point.strata)
    return {
        "rollout": path.of,
        "every": path.every,
        "at": [point.at for point in points],
        "step": [point.step for point in points],
        "harm": _said(point.harm for point in points),
        "safe": _said(point.safe for point in points),
        "low": _said(point.ratio[0] for point in points),
        "high": _said(point.ratio[1] for point in points),
        "metrics": {name: _metric(points, name) for name in metrics},
        "strata": {name: _said(dict(point.strata).get(name, 1.0) for point in points) for name in strata},
    }


def _metric(points: Sequence[Point], name: str) -> Mapping[str, Json]:
    found = [next((each for each in point.metrics if each.metric == name), None) for point in points]
    return {
        "harm": _said(1.0 if each is None else each.harm for each in found),
        "safe": _said(1.0 if each is None else each.safe for each in found),
        "worst": next((each.worst for each in reversed(found) if each is not None and each.worst), ""),
    }


def _said(values: Iterable[float]) -> list[Json]:
    return [f"{value:.4g}" for value in values]
