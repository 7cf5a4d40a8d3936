"""The keys of the judge of a rollout: its metrics, and what each of them counts as no worse."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from focusplane.define.quantities import ALPHA, AMOUNT, LINE, PERCENT, SHARE, TOLERANCE, whole
from focusplane.define.rollout import Extra, JudgeSpec
from focusplane.define.shape import Field, Record, Shape, Values
from focusplane.define.shapes import Either, Keyed, ListOf, one_of
from focusplane.define.slo import Objective

TIMES = Fraction(5, 4)
COST_TIMES, COST_SLACK = Fraction(21, 20), Fraction(1, 100)
"""What a request may cost more: 5 %, and 1 % of the cap."""
OF_TARGET = Fraction(1, 10)
"""Where good events are rare, so much of the target is the default slack."""
COST = "cost"
OPEN = Fraction(-1)
"""No slack was given: an objective gives it when the whole focus has been read."""


class Always(StrEnum):
    """Metrics that need nothing declared."""

    ERRORS = "errors"
    LATENCY = "latency"
    PAIRS = "pairs"
    """of mirrored requests, which both versions answered"""


USUAL = (Always.ERRORS, Always.LATENCY)


@dataclass(frozen=True, slots=True)
class MetricWords:
    """An extra metric as it was written: an objective, or a cap of the cost."""

    objective: str = ""
    cap: Fraction = Fraction(0)
    tolerance: Fraction | None = None
    slack: Fraction | None = None

    def open(self) -> Extra:
        """With `OPEN` where an objective gives the slack."""
        if self.cap:
            slack = COST_SLACK if self.slack is None else self.slack
            return Extra(COST, self.tolerance or COST_TIMES, slack, cap=self.cap)
        slack = OPEN if self.slack is None else self.slack
        return Extra(f"objective {self.objective}", self.tolerance or TIMES, slack, self.objective)


Word = Always | MetricWords
TIMES_OF = Field[Fraction | None](
    "tolerance",
    TOLERANCE,
    "So many times as bad still counts as no worse. Default: 1.25, of cost 1.05.",
    None,
)
SLACK_OF = Field[Fraction | None](
    "slack",
    PERCENT,
    "The excess that counts as no worse. Default: 1 - target; a tenth of a target below 50%; of cost 1% of the cap.",
    None,
)
OBJECTIVE_OF = Field("objective", LINE, "An objective of this focus that counts events.", required=True)
CAP = Field("cap", AMOUNT, "What a request costs (focus.cost) counts up to this.", required=True)
COST_OF = Field[Fraction](
    COST, Record("a cost", (CAP,), lambda values: values[CAP]), "What a request costs.", required=True
)


def _objective(values: Values) -> MetricWords:
    return MetricWords(values[OBJECTIVE_OF], tolerance=values[TIMES_OF], slack=values[SLACK_OF])


def _cost(values: Values) -> MetricWords:
    return MetricWords(cap=values[COST_OF], tolerance=values[TIMES_OF], slack=values[SLACK_OF])


METRIC: Shape[Word] = Either(
    one_of(Always),
    Keyed(
        "a metric",
        (
            Record("a metric", (OBJECTIVE_OF, TIMES_OF, SLACK_OF), _objective),
            Record("a metric", (COST_OF, TIMES_OF, SLACK_OF), _cost),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class JudgeWords:
    """What the file says of the judge; without a slack the first objective gives it."""

    alpha: Fraction = Fraction(5, 100)
    tolerance: Fraction = TIMES
    slack: Fraction | None = None
    metrics: tuple[Word, ...] = USUAL
    budget_share: Fraction = Fraction(0)
    min_instances: int = 0

    def open(self) -> JudgeSpec:
        """With `OPEN` where no slack was given."""
        extras = tuple(each.open() for each in self.metrics if isinstance(each, MetricWords))
        own = OPEN if self.slack is None else self.slack
        if Always.PAIRS in self.metrics:
            extras = (*extras, Extra(str(Always.PAIRS), self.tolerance, own, pairs=True))
        timed = Always.LATENCY in self.metrics
        return JudgeSpec(
            self.alpha, self.tolerance, own, timed, extras, self.budget_share, self.min_instances
        )

    @property
    def with_pairs(self) -> "JudgeWords":
        """The same, and pairs are compared."""
        return self if Always.PAIRS in self.metrics else replace(self, metrics=(*self.metrics, Always.PAIRS))

    def complete(self, slack: Fraction, objectives: Sequence[Objective] = ()) -> JudgeSpec:
        return close(self.open(), slack, objectives)


def close(judge: JudgeSpec, slack: Fraction, objectives: Sequence[Objective]) -> JudgeSpec:
    """What was left `OPEN` follows from the objectives; `slack` is that of errors."""
    declared = {each.name: each for each in objectives}
    own = slack if judge.slack == OPEN else judge.slack
    extras = tuple(_closed(each, own, declared.get(each.objective)) for each in judge.extras)
    return replace(judge, slack=own, extras=extras)


def _closed(extra: Extra, slack: Fraction, objective: Objective | None) -> Extra:
    """One that nobody declared is told elsewhere."""
    if extra.slack != OPEN and objective is None:
        return extra
    if objective is None:
        return replace(extra, slack=slack)
    gains = objective.target < Fraction(1, 2)
    usual = OF_TARGET * objective.target if gains else objective.may_fail
    return replace(extra, gains=gains, slack=usual if extra.slack == OPEN else extra.slack)


JUDGE_ALPHA = Field("alpha", ALPHA, "The highest chance of a false rollback.", Fraction(5, 100))
JUDGE_TOLERANCE = Field("tolerance", TOLERANCE, "So many times the failures still count as no worse.", TIMES)
JUDGE_SLACK = Field[Fraction | None](
    "slack",
    PERCENT,
    "The excess failure share that counts as no worse. Default: 1 - target of the first objective.",
    None,
)
METRICS = Field[tuple[Word, ...]](
    "metrics",
    ListOf(METRIC, least=1),
    "What is compared: errors, latency, `objective: NAME`, `cost: {cap: AMOUNT}`, and pairs: requests that both versions answered.",
    USUAL,
)
BUDGET_SHARE = Field(
    "budgetShare",
    SHARE,
    "Back at once when the excess failures exceed this share of the error budget; a cap, not a test.",
    Fraction(0),
)
MIN_INSTANCES = Field(
    "minReporting",
    whole(0, 1_000),
    "Promote only while so many instances of each version count requests; 0: not asked.",
    0,
)


def _judge(values: Values) -> JudgeWords:
    metrics = values[METRICS]
    if Always.ERRORS not in metrics:
        what = "the judge always compares errors, and this list leaves them out"
        values.error(METRICS, "D246", what, "metrics: [errors, ...]")
    names = [each if isinstance(each, Always) else (each.objective or COST) for each in metrics]
    twins = sorted({str(name) for name in names if names.count(name) > 1})
    if twins:
        values.error(METRICS, "D246", f"{', '.join(twins)} stands in the metrics twice", "once is enough")
    if len(metrics) > MOST_METRICS:
        what = f"{len(metrics)} metrics; at most {MOST_METRICS} are judged"
        values.error(METRICS, "D246", what, "each one more makes the others slower to be found guilty")
    return JudgeWords(
        values[JUDGE_ALPHA],
        values[JUDGE_TOLERANCE],
        values[JUDGE_SLACK],
        metrics,
        values[BUDGET_SHARE],
        values[MIN_INSTANCES],
    )


MOST_METRICS = 8
JUDGE_RECORD = Record(
    "a judge", (JUDGE_ALPHA, JUDGE_TOLERANCE, JUDGE_SLACK, METRICS, BUDGET_SHARE, MIN_INSTANCES), _judge
)
