"""What pipelines ask about: two versions side by side, and what may follow."""

from focusplane.act.comparison import Comparison
from focusplane.act.request import Compare
from focusplane.define.rollout import JudgeSpec, Promote, RolloutSpec
from focusplane.kernel.errors import NotFoundError
from focusplane.kernel.tick import MINUTE
from focusplane.observe.verdict import Ruling
from focusplane.plane.arrows.compare import DEFAULT_JUDGE, key, rules
from focusplane.plane.queries.focuses import find
from focusplane.plane.queries.rollouts import finite, shown_verdict
from focusplane.plane.queries.shown import Shown
from focusplane.plane.world import World

__all__ = ["DEFAULT_JUDGE", "comparison", "comparisons", "judge_of", "kept", "last_asked"]

WORDS = {Ruling.PROMOTE: "promote", Ruling.ROLLBACK: "rollback", Ruling.HOLD: "continue"}
AGAIN_MS = 5 * MINUTE
"""So long an ask stands for the next ones: they only read."""
_NOTHING: Shown = {
    "e_regress": 1.0,
    "e_safe": 1.0,
    "ratio_ci": [0.0, 1e12],
    "canary_requests": 0,
    "baseline_requests": 0,
    "eta_requests": None,
    "metrics": [],
    "times": "",
    "worst": [],
    "progress_regress": 0.0,
    "progress_safe": 0.0,
}


def comparisons(world: World) -> list[Shown]:
    """The newest first."""
    rows = sorted(world.comparisons.values(), key=lambda one: (-one.since, one.id))
    return [_shown(world, one) for one in rows]


def judge_of(world: World, name: str) -> JudgeSpec:
    """What counts as worse for a focus. Raises `NotFoundError`."""
    return rules(find(world, name)).judge


def comparison(world: World, key: str) -> Shown:
    """Raises `NotFoundError`."""
    one = world.comparisons.get(key)
    if one is None:
        raise NotFoundError(f"there is no comparison {key!r}", "it is kept for an hour after the last ask")
    return _shown(world, one)


def kept(world: World, wish: Compare) -> Shown | None:
    """What is known already and need not be asked for again; None if it must be."""
    one = world.comparisons.get(key(wish))
    if one is None or world.tick.at - one.asked_at > AGAIN_MS:
        return None
    return _shown(world, one) if one.wish == wish else None


def last_asked(world: World, wish: Compare) -> Compare | None:
    """How this comparison was last asked for, whichever checksum and step it had."""
    one = world.comparisons.get(key(wish))
    return None if one is None else one.wish


def _shown(world: World, one: Comparison) -> Shown:
    """`verdict` is `promote`, `rollback` or `continue`; without data it is `continue`, for silence shows nothing."""
    focus = find(world, one.focus)
    spec = rules(focus, one.wish.flag)
    said = _NOTHING if one.verdict is None else shown_verdict(one.verdict, spec)
    reasons = [one.why] if one.why else []
    if one.verdict is not None and one.verdict.reason not in one.why:
        reasons.append(one.verdict.reason)
    return {
        "id": one.id,
        "focus": one.focus,
        "flag": one.wish.flag,
        "stable": one.stable,
        "canary": one.canary,
        "since": one.since,
        "step": one.wish.step,
        "checksum": one.wish.checksum,
        "asked_at": one.asked_at,
        "by": one.by,
        "verdict": WORDS[one.ruling],
        **{name: said[name] for name in _NOTHING},
        "threshold": finite(float(1 / spec.judge.alpha)),
        "goes_on": _goes_on(one, spec),
        "reasons": reasons or ["nothing was seen of it yet"],
    }


def _goes_on(one: Comparison, spec: RolloutSpec) -> bool:
    """Whether the next step may come: safety was shown, or the policy is content with quiet and there was some traffic."""
    if one.ruling is Ruling.PROMOTE:
        return True
    if spec.promote is not Promote.QUIET or one.why or one.verdict is None or one.evidence is None:
        return False
    enough = one.evidence.step_requests[0] >= max(1, one.wish.min_requests)
    return enough and one.verdict.ruling is Ruling.HOLD and not one.verdict.suspicious(spec.judge)
