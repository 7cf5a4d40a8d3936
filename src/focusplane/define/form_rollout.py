"""The keys of a rollout: steps, judge, and what a long hold becomes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from focusplane.define.form_judge import JUDGE_RECORD, JudgeWords
from focusplane.define.form_mirror import MIRROR
from focusplane.define.form_synthetic import SYNTHETIC
from focusplane.define.log import did_you_mean
from focusplane.define.quantities import DURATION, LINE, NUMBER, PAUSE, PERCENT, SHARE, whole
from focusplane.define.rollout import Freeze, HotfixSpec, Promote, RolloutSpec, Step, Then
from focusplane.define.shape import Field, Record, Shape, Values
from focusplane.define.shapes import Either, Keyed, ListOf, MapOf, Name, Scalar, one_of
from focusplane.kernel.tick import HOUR, MINUTE

WEIGHT = Field("weight", SHARE, "The share of the traffic that the new version gets.", required=True)
FOR = Field("for", PAUSE, "At least this long.", 0)
MIN_REQUESTS = Field("minRequests", whole(0, 10**9), "At least so many requests of the new version.", 0)


TENANTS = Field(
    "tenants", ListOf(LINE, least=1, single=True), "Expose these tenants and nobody else.", required=True
)
RING = Field("ring", LINE, "Expose the tenants of this ring, too.", required=True)
NOBODY_ELSE = Fraction(0)


def _weighted(values: Values) -> Step:
    return Step(values[WEIGHT], values[FOR], values[MIN_REQUESTS])


def _tenants(values: Values) -> Step:
    tenants = values[TENANTS]
    return Step(NOBODY_ELSE, values[FOR], values[MIN_REQUESTS], tuple(dict.fromkeys(tenants)))


def _ring(values: Values) -> Step:
    return Step(NOBODY_ELSE, values[FOR], values[MIN_REQUESTS], ring=values[RING])


STEP: Shape[Step] = Either(
    Scalar(SHARE.words, lambda text: Step(SHARE.parse(text)), SHARE.json, SHARE.hint),
    Keyed(
        "a step",
        (
            Record("a step", (WEIGHT, FOR, MIN_REQUESTS), _weighted),
            Record("a step of tenants", (TENANTS, FOR, MIN_REQUESTS), _tenants),
            Record("a step of a ring", (RING, FOR, MIN_REQUESTS), _ring),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class RolloutWords:
    """A rollout whose slack may still be open."""

    spec: RolloutSpec
    judge: JudgeWords

    def open(self) -> RolloutSpec:
        """The spec, with `OPEN` where no slack was given."""
        return replace(self.spec, judge=self.judge.open())


BUDGET_BELOW = Field("budgetBelow", PERCENT, "No rollout with less budget left than this.", Fraction(0))
BURN = Field("burn", NUMBER, "No rollout while the burn rate exceeds this.", Fraction(0))


def _freeze(values: Values) -> Freeze:
    return Freeze(values[BUDGET_BELOW], values[BURN])


STEPS = Field[tuple[Step, ...]](
    "steps",
    ListOf(STEP, least=1),
    "Tenants or rings by name first, if any, then growing shares of the traffic, the last 100%. Without steps others move the "
    "traffic, and ask the judge.",
    (),
)
RINGS = Field[Mapping[str, tuple[str, ...]]](
    "rings",
    MapOf(Name("ring"), ListOf(LINE, least=1, single=True)),
    "Tenants by the name of their ring, for steps to name.",
    default={},
)
JUDGE = Field("judge", JUDGE_RECORD, "What counts as worse.", JudgeWords())
PROMOTE = Field("promote", one_of(Promote), "On evidence of safety, or when it was quiet.", Promote.EVIDENCE)
HOLD_AT_MOST = Field("holdAtMost", DURATION, "A step waits this long for evidence.", 30 * MINUTE)
THEN = Field("then", one_of(Then), "What a hold becomes after that.", Then.ASK)
FREEZE = Field(
    "freeze", Record("a freeze", (BUDGET_BELOW, BURN), _freeze), "When nothing is rolled out.", Freeze()
)


APPROVALS = Field("approvals", whole(0, 10), "So many other people must say yes first.", 0)
APPROVE_WITHIN = Field("within", DURATION, "Without their yes by then it is a no.", 15 * MINUTE)
OPEN = Field("open", DURATION, "So long it goes through a freeze; then that holds it, too.", HOUR)
OWN_STEPS = Field[tuple[Step, ...]](
    "steps", ListOf(STEP, least=1), "Steps of its own, such as fewer and shorter ones.", default=()
)
MIN_INSTANCES = Field(
    "minInstances",
    whole(0, 1000),
    "So many instances are ready before each step. 0: all of them, before the first step.",
    0,
)
HOTFIX = Field[HotfixSpec | None](
    "hotfix",
    Record(
        "a hotfix",
        (APPROVALS, APPROVE_WITHIN, OPEN, OWN_STEPS),
        lambda values: HotfixSpec(values[APPROVALS], values[APPROVE_WITHIN], values[OPEN], values[OWN_STEPS]),
    ),
    "How a mend goes through a freeze of this focus. Without it, none does.",
    None,
)


def _resolved(
    values: Values, field: Field[Any], steps: tuple[Step, ...], rings: Mapping[str, tuple[str, ...]]
) -> tuple[Step, ...]:
    """The steps with the tenants of their rings; a ring that nobody declared is told."""
    unknown = [step.ring for step in steps if step.ring and step.ring not in rings]
    for ring in unknown:
        what = f"there is no ring {ring!r}"
        values.error(field, "D250", what, did_you_mean(ring, list(rings)) or "rings: {early: [acme]}")
    return tuple(replace(step, tenants=rings.get(step.ring, ())) if step.ring else step for step in steps)


def _rollout(values: Values) -> RolloutWords | None:
    judge, rings, hotfix, mirror = values[JUDGE], values[RINGS], values[HOTFIX], values[MIRROR]
    steps = _resolved(values, STEPS, values[STEPS], rings)
    if mirror is not None:
        judge = judge.with_pairs
    if hotfix is not None:
        hotfix = replace(hotfix, steps=_resolved(values, HOTFIX, hotfix.steps, rings))
    spec = RolloutSpec(
        steps,
        judge.complete(Fraction(0)),
        values[PROMOTE],
        values[HOLD_AT_MOST],
        values[THEN],
        values[FREEZE],
        rings,
        hotfix,
        values[MIN_INSTANCES],
        mirror,
        values[SYNTHETIC],
    )
    return RolloutWords(spec, judge)


ROLLOUT = Record[RolloutWords | None](
    "a rollout",
    (STEPS, MIRROR, RINGS, JUDGE, PROMOTE, HOLD_AT_MOST, THEN, FREEZE, HOTFIX, MIN_INSTANCES, SYNTHETIC),
    _rollout,
)
