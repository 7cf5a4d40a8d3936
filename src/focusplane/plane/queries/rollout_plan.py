"""The split planner as people see it: what each split costs and shows, and a plan of steps to paste."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from focusplane.define.check import assumed
from focusplane.define.controls import Sticky
from focusplane.define.evidence import Need, Reachable
from focusplane.define.focus import Focus
from focusplane.define.rollout import JudgeSpec, RolloutSpec, Step
from focusplane.instrument.conventions import OTHER
from focusplane.kernel.errors import UsageError
from focusplane.kernel.quantity import format_duration, format_percent, parse_percent, parse_rate
from focusplane.kernel.tick import HOUR, MINUTE, SECOND
from focusplane.observe.planner import Case, Option, Plan, plan, takes_ms
from focusplane.observe.reading import Measured, NoData
from focusplane.plane.arrows import sight
from focusplane.plane.queries.focuses import find
from focusplane.plane.queries.shown import Shown
from focusplane.plane.world import World

SPANS_MS = (15 * MINUTE, 5 * MINUTE, MINUTE)
"""How far back the traffic is looked at: the longest span that is covered, and in whose beginning there was some."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person states; empty is observed, or assumed."""

    traffic: str = ""
    failing: str = ""
    worse: str = ""
    within_ms: int = 0


def rollout_plan(world: World, name: str, wish: Wish) -> Shown:
    """Raises `NotFoundError` for an unknown focus, `UsageError` for what cannot be planned."""
    focus = find(world, name)
    return planned(focus, wish, _traffic(world, focus), _counted(world, focus), _tenants(world, focus))


def planned(
    focus: Focus, wish: Wish, seen: Fraction | None = None, counted: Measured | None = None, tenants: int = 0
) -> Shown:
    """The plan from what is stated, else from what was `seen`. Raises `UsageError` if neither says how much traffic there is."""
    spec = focus.rollout
    if spec is None:
        raise UsageError(
            f"{focus.name} declares no rollout", "spec.rollout.steps; any steps do to begin with"
        )
    rate, rate_from = _rate(focus, wish, seen)
    failing, failing_from = _failing(focus, wish, counted)
    allowed = spec.judge.tolerance * failing + spec.judge.slack
    worse = _share("--to", wish.worse) if wish.worse else min(2 * allowed, Fraction(1))
    if not failing < worse <= 1:
        said = f"from {format_percent(failing)} to {format_percent(worse)}"
        raise UsageError(f"{said} is no regression", "--to is above --from and at most 100%")
    sticky = focus.controls.traffic is None or focus.controls.traffic.sticky is Sticky.TENANT
    case = Case(rate, failing, worse, tenants if sticky else 0)
    found = plan(case, spec.judge, spec.hold_at_most_ms, wish.within_ms)
    return {
        "focus": focus.name,
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


def _rate(focus: Focus, wish: Wish, seen: Fraction | None) -> tuple[Fraction, str]:
    if wish.traffic:
        try:
            return parse_rate(wish.traffic).per_second, "stated"
        except ValueError as error:
            raise UsageError(f"--traffic: {error}", "such as 100/s or 50/min") from error
    if seen is None:
        what = f"no traffic of {focus.name} was seen lately"
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


def _traffic(world: World, focus: Focus) -> Fraction | None:
    """Requests per second of every version together; None if there were none lately."""
    mark, name = world.counters.watermark(focus.name), sight.leading(focus)
    if isinstance(mark, NoData) or world.tick.at - mark > SPANS_MS[0]:
        return None
    lane = world.counters.lanes.get(focus.name)
    first = lane.sources.first if lane is not None else None
    for span in (*SPANS_MS, max(mark - (first or mark), SECOND)):
        begin = mark - span
        early = world.counters.slices_over(focus.name, name, "version", begin, begin + span // 3)
        counts = world.counters.slices_over(focus.name, name, "version", begin, mark)
        if (first or mark) <= begin and any(one.total for one in early.values()):
            return _total(counts) * SECOND / span
    return None


def _counted(world: World, focus: Focus) -> Measured | None:
    mark = world.counters.watermark(focus.name)
    if isinstance(mark, NoData):
        return None
    counts = world.counters.slices_over(focus.name, sight.leading(focus), "version", mark - HOUR, mark)
    total, bad = int(_total(counts)), sum(one.bad for one in counts.values())
    return Measured(total - bad, total, Fraction(1)) if total else None


def _total(counts: Mapping[str, Measured]) -> Fraction:
    return Fraction(sum(one.total for one in counts.values()))


def _tenants(world: World, focus: Focus) -> int:
    mark = world.counters.watermark(focus.name)
    if isinstance(mark, NoData):
        return 0
    seen = world.counters.slices_over(focus.name, sight.leading(focus), "tenant", mark - HOUR, mark)
    return sum(1 for tenant, one in seen.items() if tenant not in ("", OTHER) and one.total)


def _option(one: Option, case: Case) -> Shown:
    return {
        "split": "mirror" if one.mirror else format_percent(one.split),
        "find": _need(one.find, case),
        "show": _need(one.show, case),
        "least_requests": one.least,
        "hurt": one.hurt,
        "tenants": one.tenants,
        "note": "copies: nobody gets their answers; the gateway of this plane sends none"
        if one.mirror
        else "",
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
