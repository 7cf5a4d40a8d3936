"""The keys of a rollout: steps, judge, and what a long hold becomes."""

from dataclasses import dataclass
from fractions import Fraction

from focusplane.define.quantities import ALPHA, DURATION, NUMBER, PAUSE, PERCENT, SHARE, TOLERANCE, whole
from focusplane.define.rollout import Freeze, JudgeSpec, Promote, RolloutSpec, Step, Then
from focusplane.define.shape import Field, Record, Shape, Values
from focusplane.define.shapes import Either, ListOf, Scalar, one_of
from focusplane.kernel.tick import MINUTE

WEIGHT = Field("weight", SHARE, "The share of the traffic that the new version gets.", required=True)
FOR = Field("for", PAUSE, "At least this long.", 0)
MIN_REQUESTS = Field("minRequests", whole(0, 10**9), "At least so many requests of the new version.", 0)


def _step(values: Values) -> Step:
    return Step(values[WEIGHT], values[FOR], values[MIN_REQUESTS])


STEP: Shape[Step] = Either(
    Scalar(SHARE.words, lambda text: Step(SHARE.parse(text)), SHARE.json, SHARE.hint),
    Record("a step", (WEIGHT, FOR, MIN_REQUESTS), _step),
)


@dataclass(frozen=True, slots=True)
class JudgeWords:
    """What the file says of the judge; without a slack the first objective gives it."""

    alpha: Fraction = Fraction(5, 100)
    tolerance: Fraction = Fraction(125, 100)
    slack: Fraction | None = None

    def complete(self, slack: Fraction) -> JudgeSpec:
        return JudgeSpec(self.alpha, self.tolerance, slack if self.slack is None else self.slack)


@dataclass(frozen=True, slots=True)
class RolloutWords:
    """A rollout whose slack may still be open."""

    spec: RolloutSpec
    judge: JudgeWords


JUDGE_ALPHA = Field("alpha", ALPHA, "The highest chance of a false rollback.", Fraction(5, 100))
JUDGE_TOLERANCE = Field(
    "tolerance", TOLERANCE, "So many times the failures still count as no worse.", Fraction(5, 4)
)
JUDGE_SLACK = Field[Fraction | None](
    "slack",
    PERCENT,
    "The excess failure share that counts as no worse. Default: 1 - target of the first objective.",
    None,
)


def _judge(values: Values) -> JudgeWords:
    return JudgeWords(values[JUDGE_ALPHA], values[JUDGE_TOLERANCE], values[JUDGE_SLACK])


BUDGET_BELOW = Field("budgetBelow", PERCENT, "No rollout with less budget left than this.", Fraction(0))
BURN = Field("burn", NUMBER, "No rollout while the burn rate exceeds this.", Fraction(0))


def _freeze(values: Values) -> Freeze:
    return Freeze(values[BUDGET_BELOW], values[BURN])


STEPS = Field("steps", ListOf(STEP, least=1), "Growing shares of the traffic, the last 100%.", required=True)
JUDGE = Field(
    "judge",
    Record("a judge", (JUDGE_ALPHA, JUDGE_TOLERANCE, JUDGE_SLACK), _judge),
    "What counts as worse.",
    JudgeWords(),
)
PROMOTE = Field("promote", one_of(Promote), "On evidence of safety, or when it was quiet.", Promote.EVIDENCE)
HOLD_AT_MOST = Field("holdAtMost", DURATION, "A step waits this long for evidence.", 30 * MINUTE)
THEN = Field("then", one_of(Then), "What a hold becomes after that.", Then.ASK)
FREEZE = Field(
    "freeze", Record("a freeze", (BUDGET_BELOW, BURN), _freeze), "When nothing is rolled out.", Freeze()
)


def _rollout(values: Values) -> RolloutWords | None:
    judge = values[JUDGE]
    spec = RolloutSpec(
        values[STEPS],
        judge.complete(Fraction(0)),
        values[PROMOTE],
        values[HOLD_AT_MOST],
        values[THEN],
        values[FREEZE],
    )
    return RolloutWords(spec, judge)


ROLLOUT = Record[RolloutWords | None](
    "a rollout", (STEPS, JUDGE, PROMOTE, HOLD_AT_MOST, THEN, FREEZE), _rollout
)
