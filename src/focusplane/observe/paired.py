"""Series of values of both arms, point by point, without requests to count: weaker evidence than counts, and as honest.

At every point in time the canary is well above the control (by more than the tolerance), well below, or neither.
Harm: among the points that are one or the other, above is no likelier than below. For every psi > 1 the factor of a point above
is 2 psi / (1 + psi), of one below 2 / (1 + psi): its mean is at most 1 (McNemar's bet). Safety: at no time is it likelier than a
quarter that the canary is well above; the factor of such a point is theta / (1/4), of any other (1 - theta) / (3/4), theta < 1/4.
Both hold under any peeking, if each point is fair given those before it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from focusplane.observe.eprocess import HARM, e_value, log_mixture

OFTEN = 0.25
"""A canary that is well above more often than this is not shown to be safe."""
RARELY = (0.01, 0.02, 0.05, 0.1, 0.15)
"""Bets on how often it is well above."""
_PSI, _THETA = np.array(HARM), np.array(RARELY)


@dataclass(frozen=True, slots=True)
class Paired:
    """E-values of harm and of safety; how many of the points were well above and well below."""

    e_regress: float
    e_safe: float
    points: int
    above: int
    below: int


def paired(control: Sequence[float], experiment: Sequence[float], tolerance: float) -> Paired:
    """What the points say that both series have; NaN is no value. `tolerance` >= 1 is what still counts as the same."""
    both = [
        (one, other)
        for one, other in zip(control, experiment, strict=False)
        if math.isfinite(one) and math.isfinite(other)
    ]
    above = sum(_well_above(other, one, tolerance) for one, other in both)
    below = sum(_well_above(one, other, tolerance) for one, other in both)
    harm = above * np.log(2 * _PSI / (1 + _PSI)) + below * np.log(2 / (1 + _PSI))
    rest = len(both) - above
    safe = above * np.log(_THETA / OFTEN) + rest * np.log((1 - _THETA) / (1 - OFTEN))
    return Paired(e_value(log_mixture(harm)), e_value(log_mixture(safe)), len(both), above, below)


def _well_above(value: float, other: float, tolerance: float) -> bool:
    return value - other > (tolerance - 1) * abs(other)
