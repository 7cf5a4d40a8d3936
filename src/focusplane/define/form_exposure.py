"""The keys of `exposure`: how far a flag may be raised while little of the budget is left."""

from focusplane.define.exposure import Bound
from focusplane.define.quantities import PERCENT
from focusplane.define.shape import Field, Record, Values
from focusplane.define.shapes import ListOf

BUDGET_BELOW = Field(
    "budgetBelow", PERCENT, "While less than this of an error budget of the focus is left.", required=True
)
AT_MOST = Field(
    "atMost", PERCENT, "No variant is raised above this. Nothing is ever lowered by it.", required=True
)


def _bound(values: Values) -> Bound:
    return Bound(values[BUDGET_BELOW], values[AT_MOST])


EXPOSURE = Field[tuple[Bound, ...]](
    "exposure",
    ListOf(Record("a bound of exposure", (BUDGET_BELOW, AT_MOST), _bound), least=1, single=True),
    "How far it may be raised while little of the error budget is left.",
    (),
)
