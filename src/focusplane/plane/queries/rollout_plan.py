"""The split planner as people see it: what each split costs and shows, and a plan of steps to paste."""

from dataclasses import dataclass
from fractions import Fraction

from focusplane.define.check import assumed
from focusplane.define.controls import Flag, Sticky
from focusplane.define.evidence import Need, Reachable
from focusplane.define.focus import Focus
from focusplane.define.rollout import JudgeSpec, RolloutSpec, Step
from focusplane.define.targeting import TENANT
from focusplane.kernel.errors import NotFoundError, UsageError
from focusplane.kernel.quantity import format_duration, format_percent, parse_percent, parse_rate
from focusplane.observe.planner import Case, Option, Plan, plan, takes_ms
from focusplane.observe.reading import Measured
from focusplane.plane.queries.focuses import find
from focusplane.plane.queries.seen_traffic import NOTHING, Seen, of_flag, of_focus
from focusplane.plane.queries.shown import Shown
from focusplane.plane.world import World


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person states; empty is observed, or assumed."""

    traffic: str = ""
    failing: str = ""
    worse: str = ""
    within_ms: int = 0
    flag: str = ""
    """of a variant of this flag; empty: of a version"""


def rollout_plan(world: World, name: str, wish: Wish) -> Shown:
    """Raises `NotFoundError` for an unknown focus or flag, `UsageError` for what cannot be planned."""
    focus = find(world, name)
    flag = _flag(focus, wish.flag)
    return planned(focus, wish, of_focus(world, focus) if flag is None else of_flag(world, focus, flag))


def planned(focus: Focus, wish: Wish, seen: Seen = NOTHING) -> Shown:
    """The plan from what is stated, else from what was `seen`. Raises `UsageError` if neither says how much traffic there is,
    `NotFoundError` for an unknown flag.
    """
    flag, spec = _flag(focus, wish.flag), focus.rollout_of(wish.flag)
    if spec is None:
        own = f", or spec.controls.flags.{wish.flag}.rollout.steps" if flag is not None else ""
        hint = f"spec.rollout.steps{own}; any steps do to begin with"
        raise UsageError(f"{focus.name} declares no rollout", hint)
    rate, rate_from = _rate(_named(focus, flag), wish, seen.rate)
    failing, failing_from = _failing(focus, wish, seen.counted)
    allowed = spec.judge.tolerance * failing + spec.judge.slack
    worse = _share("--to", wish.worse) if wish.worse else min(2 * allowed, Fraction(1))
    if not failing < worse <= 1:
        said = f"from {format_percent(failing)} to {format_percent(worse)}"
        raise UsageError(f"{said} is no regression", "--to is above --from and at most 100%")
    case = Case(rate, failing, worse, seen.tenants if _sticks(focus, flag) else 0)
    found = plan(case, spec.judge, spec.hold_at_most_ms, wish.within_ms)
    return {
        "focus": focus.name,
        "flag": wish.flag,
        "belongs": _belongs(focus, flag),
        "traffic": float(rate),
        "traffic_from": rate_from,
        "failing": format_percent(failing),
        "failing_from": failing_from,
        "worse": format_percent(worse),
        "worse_from": "stated" if wish.worse else "twice what the judge still calls no worse",
        "allowed": format_percent(allowed),
        "tenants": case.tenants,
        "options": [_option(one, case) for one in found.options],
        "steps": [_step(one) for one in found.steps],
        "takes_ms": found.takes_ms,
        "takes": format_duration(found.takes_ms) if found.steps else "",
        "why": found.why,
        "yaml": _yaml(found, spec.judge),
        "declared": [_declared(step, case, spec) for step in spec.steps if 0 < step.weight < 1],
    }


def _flag(focus: Focus, key: str) -> Flag | None:
    """Raises `NotFoundError` for one that the focus does not declare."""
    if key and key not in focus.controls.flags:
        known = ", ".join(sorted(focus.controls.flags)[:8]) or "none"
        raise NotFoundError(f"{focus.name} has no flag {key!r}", f"known: {known}")
    return focus.controls.flags[key] if key else None


def _named(focus: Focus, flag: Flag | None) -> str:
    return focus.name if flag is None else f"the flag {flag.key} of {focus.name}"


def _sticks(focus: Focus, flag: Flag | None) -> bool:
    """Whether a tenant stays on its side."""
    if flag is not None:
        return flag.by == TENANT
    return focus.controls.traffic is None or focus.controls.traffic.sticky is Sticky.TENANT


def _belongs(focus: Focus, flag: Flag | None) -> str:
    """Where in the file the snippet goes."""
    return "spec" if flag is None or flag.rollout is None else f"spec.controls.flags.{flag.key}"


def _rate(name: str, wish: Wish, seen: Fraction | None) -> tuple[Fraction, str]:
    if wish.traffic:
        try:
            return parse_rate(wish.traffic).per_second, "stated"
        except ValueError as error:
            raise UsageError(f"--traffic: {error}", "such as 100/s or 50/min") from error
    if seen is None:
        what = f"no traffic of {name} was seen lately"
        raise UsageError(what, "state it: --traffic 100/s")
    return seen, "observed"


def _failing(focus: Focus, wish: Wish, counted: Measured | None) -> tuple[Fraction, str]:
    if wish.failing:
        return _share("--from", wish.failing), "stated"
    if counted is not None and counted.total:
        return Fraction(counted.bad, counted.total), "observed in the last hour"
    return assumed(focus), "assumed: a fifth of the budget"


def _share(option: str, text: str) -> Fraction:
    try:
        share = parse_percent(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}", "such as 0.1%") from error
    if not 0 <= share <= 1:
        raise UsageError(f"{option} is {text}", "between 0% and 100%")
    return share


def _option(one: Option, case: Case) -> Shown:
    return {
        "split": "mirror" if one.mirror else format_percent(one.split),
        "find": _need(one.find, case),
        "show": _need(one.show, case),
        "least_requests": one.least,
        "hurt": one.hurt,
        "tenants": one.tenants,
        "note": "copies of all requests: nobody gets their answers (rollout.mirror)" if one.mirror else "",
    }


def _need(need: Need, case: Case) -> Shown:
    span = takes_ms(need, case.rate)
    requests = need.requests if isinstance(need, Reachable) else None
    why = "" if isinstance(need, Reachable) else need.why
    takes = "never" if span is None else format_duration(span)
    return {"requests": requests, "takes_ms": span, "takes": takes, "why": why}


def _step(step: Step) -> Shown:
    return {"weight": format_percent(step.weight), "for": format_duration(step.for_ms)}


def _declared(step: Step, case: Case, spec: RolloutSpec) -> Shown:
    """What the steps in force need at this traffic."""
    found = plan(case, spec.judge, spec.hold_at_most_ms, splits=(step.weight,)).options[0]
    return {**_option(found, case), "for": format_duration(step.for_ms)}


def _yaml(found: Plan, judge: JudgeSpec) -> str:
    if not found.steps:
        return ""
    steps = [
        f"    - {{weight: {format_percent(one.weight)}, for: {format_duration(one.for_ms)}}}"
        for one in found.steps
        if one.weight < 1
    ]
    said = f"alpha: {format_percent(judge.alpha)}, tolerance: {float(judge.tolerance):g}, slack: {format_percent(judge.slack)}"
    return "\n".join(("rollout:", "  steps:", *steps, "    - 100%", f"  judge: {{{said}}}")) + "\n"
