"""How far a flag may be raised while little of the error budget is left."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Bound:
    """With less than `budget_below` of the budget left nobody raises a variant of the flag above `at_most` of the tenants."""

    budget_below: Fraction
    at_most: Fraction


def strictest(bounds: Iterable[Bound], left: Fraction) -> Bound | None:
    """The bound that holds with so much of the budget left; None if none does."""
    return min((one for one in bounds if left < one.budget_below), key=lambda one: one.at_most, default=None)
