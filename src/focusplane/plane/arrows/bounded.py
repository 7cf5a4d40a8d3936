"""Budget-bound exposure: with little budget left a flag is not raised far. Nothing is ever lowered for that: taking a variant
away needs evidence against it.
"""

from fractions import Fraction

from focusplane.act.request import Refused
from focusplane.control.board import Entry
from focusplane.control.flags.declared import others
from focusplane.control.rollout import Rollout
from focusplane.control.state import ControlState, FlagState
from focusplane.define.controls import Flag
from focusplane.define.exposure import Bound, strictest
from focusplane.define.focus import Focus
from focusplane.kernel.quantity import format_percent
from focusplane.observe.health import Budget, State
from focusplane.plane.arrows.judge import old_after
from focusplane.plane.draft import Draft


def refusal(draft: Draft, focus: Focus, control: str, wanted: ControlState) -> Refused | None:
    """Why a person may not set a flag so now, and what would allow it."""
    flag, now = _flag(focus, control), draft.world.board.state(focus.name, control)
    if flag is None or not isinstance(now, FlagState) or not isinstance(wanted, FlagState):
        return None
    found = raised(flag, now, wanted)
    if found is None:
        return None
    why = stop(draft, focus, flag.key, *found)
    return Refused("refused", why, _allows(flag, draft, focus)) if why else None


def stop(draft: Draft, focus: Focus, key: str, variant: str, share: Fraction) -> str:
    """Why a variant of that flag may not be raised to this share now; empty if it may."""
    flag = focus.controls.flags.get(key)
    if flag is None or not flag.exposure:
        return ""
    found, words = bound(draft, focus, flag)
    if found is None or share <= found.at_most:
        return ""
    most = format_percent(found.at_most)
    return f"{words}: {key}={variant} goes to {most} at most below {format_percent(found.budget_below)}, not to {format_percent(share)}"


def agreed(focus: Focus, key: str) -> bool:
    """Others have to agree to a hotfix of this flag: what they agreed to goes past its bounds."""
    spec = focus.rollout_of(key)
    return spec is not None and spec.hotfix is not None and spec.hotfix.approvals > 0


def step_stop(draft: Draft, focus: Focus, rollout: Rollout) -> str:
    """Why a rollout of a flag may not take its next step; empty if it may."""
    if not rollout.flag or (rollout.hotfix_until > draft.at and agreed(focus, rollout.flag)):
        return ""
    following = rollout.step + 1
    share = rollout.steps[following].weight if following < len(rollout.steps) else Fraction(1)
    return stop(draft, focus, rollout.flag, rollout.version, share)


def stays(draft: Draft, entry: Entry) -> str:
    """Why a flag that was set for a time does not go back by itself at its end; empty if it does."""
    focus = draft.world.policies.set.focuses.get(entry.target.focus)
    refused = refusal(draft, focus, entry.target.control, entry.declared) if focus is not None else None
    return refused.reason if refused is not None else ""


def _flag(focus: Focus, control: str) -> Flag | None:
    kind, _, key = control.partition(".")
    return focus.controls.flags.get(key) if kind == "flag" else None


def raised(flag: Flag, now: FlagState, wanted: FlagState) -> tuple[str, Fraction] | None:
    """The variant that would get more, and how much. What the others have now is the way back of a rollout: everybody may."""
    before, after = _shares(flag, now), _shares(flag, wanted)
    back = others(flag, now) if now.percentage < 1 else ""
    more = {
        variant: share
        for variant, share in after.items()
        if variant != back and share > before.get(variant, 0)
    }
    if not more:
        return None
    variant = max(more, key=lambda each: (more[each], each))
    return variant, more[variant]


def _shares(flag: Flag, state: FlagState) -> dict[str, Fraction]:
    shares = {others(flag, state): 1 - state.percentage}
    shares[state.variant] = shares.get(state.variant, Fraction(0)) + state.percentage
    shares.pop(flag.off, None)
    return shares


def bound(draft: Draft, focus: Focus, flag: Flag) -> tuple[Bound | None, str]:
    """The bound in force, and what it rests on. What cannot be seen may be used up."""
    unknown, left = _left(draft, focus)
    if unknown:
        return strictest(flag.exposure, Fraction(-1)), unknown
    least, name = min((share, name) for name, share in left.items())
    said = format_percent(max(least, Fraction(0)), 1)
    return strictest(flag.exposure, least), f"{said} of the error budget of {name} is left"


def _left(draft: Draft, focus: Focus) -> tuple[str, dict[str, Fraction]]:
    """Why the budget is not known, else what is left of it by objective."""
    left: dict[str, Fraction] = {}
    old = old_after(draft.world.counters, focus.name)
    for objective in focus.objectives:
        health = draft.world.health.get(f"{focus.name}/{objective.name}")
        seen = health is not None and health.state is not State.BLIND and health.age_ms <= old
        if health is None or not seen or not isinstance(health.budget, Budget):
            return f"how much of the error budget of {objective.name} is left is not known", {}
        left[objective.name] = health.budget.left
    return "" if left else "there is no error budget", left


def _allows(flag: Flag, draft: Draft, focus: Focus) -> str:
    found, _ = bound(draft, focus, flag)
    if found is None:
        return ""
    after = strictest(flag.exposure, found.budget_below)
    most = f"up to {format_percent(after.at_most)}" if after is not None else "without a bound"
    return f"with {format_percent(found.budget_below)} left it may be raised {most}; up to {format_percent(found.at_most)} it may now"
