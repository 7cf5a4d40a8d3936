"""Lints beyond loading: how long evidence takes at the traffic there is, and what a careful operator would ask."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil

from focusplane.define.alerting import route_notices, wakes_nobody
from focusplane.define.evidence import Need, Reachable, requests_needed
from focusplane.define.focus import Focus, Tier
from focusplane.define.load import Loaded
from focusplane.define.log import Places
from focusplane.define.problem import Problem, Severity
from focusplane.define.rollout import Promote, RolloutSpec, Step
from focusplane.define.sli import SliKind
from focusplane.kernel.quantity import format_duration, format_percent
from focusplane.kernel.tick import SECOND

ASSUMED_SPENT = Fraction(1, 5)
"""Without a measured failure share a healthy service is taken to spend a fifth of its budget."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is stated or was observed, by focus: requests per second, and the share that fails."""

    traffic: Mapping[str, Fraction] = field(default_factory=dict)
    failing: Mapping[str, Fraction] = field(default_factory=dict)


def check(loaded: Loaded, seen: Seen | None = None) -> tuple[Problem, ...]:
    """Everything `load` found and every lint, sorted by place."""
    seen = seen if seen is not None else Seen()
    found = set(loaded.problems)
    for focus in loaded.policies.focuses.values():
        for part, rollout in _rollouts(focus):
            found.update(_steps(focus, (part, rollout), seen, loaded.places))
        found.update(_care(focus, loaded.places))
        found.update(route_notices(focus, loaded.places))
    return tuple(sorted(found))


def _rollouts(focus: Focus) -> Iterator[tuple[str, RolloutSpec]]:
    """That of the focus, and those that flags have of their own, with the part of the file where they stand."""
    if focus.rollout is not None:
        yield "rollout", focus.rollout
    for key, flag in focus.controls.flags.items():
        if flag.rollout is not None:
            yield f"controls.flags.{key}.rollout", flag.rollout


def _steps(focus: Focus, of: tuple[str, RolloutSpec], seen: Seen, places: Places) -> Iterator[Problem]:
    part, rollout = of
    failing = seen.failing.get(focus.name, assumed(focus))
    mirror = [("mirror", rollout.mirror.step)] if rollout.mirror is not None else []
    for where, step in (*mirror, *((f"steps.{number}", step) for number, step in enumerate(rollout.steps))):
        if step.weight >= 1 or step.tenants:
            continue
        path = f"{focus.name}.{part}.{where}"
        if focus.name in seen.traffic:
            yield from _few_requests(step, rollout, seen.traffic[focus.name], path, places)
        if rollout.promote is Promote.EVIDENCE:
            yield _evidence(step, rollout, failing, seen.traffic.get(focus.name), (path, places))


def _evidence(
    step: Step, rollout: RolloutSpec, failing: Fraction, rate: Fraction | None, at: tuple[str, Places]
) -> Problem:
    path, places = at
    need = _need(step, failing, rollout)
    shown = f"the {'mirror' if step.mirror else 'step'} {format_percent(step.mirror or step.weight)}"
    assumed = f"while {format_percent(failing)} of the answers fail"
    if not isinstance(need, Reachable):
        hint = "allow a larger judge.slack or judge.tolerance"
        return places.error(path, "D121", f"{shown} can never show that it is safe: {need.why}", hint)
    count = f"about {need.requests:,} requests in all {assumed}"
    if rate is None:
        what = f"{shown} needs {count} to show that it is safe"
        hint = "state the traffic to see how long that takes: `focus check --traffic NAME=RATE`"
        return places.problem(path, Severity.NOTICE, "D122", what, hint)
    made = _by_synthetic(step, rollout, failing, rate)
    if made is not None and made[0] <= rollout.hold_at_most_ms:
        return places.problem(path, Severity.NOTICE, "D122", f"{shown} shows that it is safe after {made[1]}")
    takes_ms = ceil(need.requests * SECOND / rate) if rate > 0 else None
    if takes_ms is None or takes_ms > rollout.hold_at_most_ms:
        takes = "never" if takes_ms is None else format_duration(takes_ms)
        limit = format_duration(rollout.hold_at_most_ms)
        what = f"{shown} is out of reach: {count} take {takes} at {float(rate):g}/s; holdAtMost is {limit}"
        return places.error(path, "D121", what, "widen judge.slack, raise the weight, or hold longer")
    what = f"{shown} shows that it is safe after {format_duration(takes_ms)}: {count} at {float(rate):g}/s"
    return places.problem(path, Severity.NOTICE, "D122", what)


def _need(step: Step, failing: Fraction, rollout: RolloutSpec) -> Need:
    """Requests of users; of those that a mirror copies both versions answer the same."""
    if not step.mirror:
        return requests_needed(failing, step.weight, rollout.judge)
    need = requests_needed(failing, Fraction(1, 2), rollout.judge)
    return Reachable(ceil(need.requests / 2 / step.mirror)) if isinstance(need, Reachable) else need


def _by_synthetic(
    step: Step, rollout: RolloutSpec, failing: Fraction, rate: Fraction
) -> tuple[int, str] | None:
    """How long synthetic requests alone take (ms), and that in words, where they may promote and users are few enough."""
    made = rollout.synthetic if not step.mirror else None
    least = rate * min(step.weight, 1 - step.weight)
    need = requests_needed(failing, Fraction(1, 2), rollout.judge)
    if made is None or not made.promotes or least >= made.below.per_second or not isinstance(need, Reachable):
        return None
    takes_ms = ceil(need.requests * SECOND / (2 * made.rate.per_second))
    if need.requests > 2 * made.at_most:
        return None
    return takes_ms, f"{format_duration(takes_ms)}: by {need.requests:,} synthetic requests in all"


def _few_requests(
    step: Step, rollout: RolloutSpec, rate: Fraction, path: str, places: Places
) -> Iterator[Problem]:
    arriving = rate * (step.mirror or step.weight) * rollout.hold_at_most_ms / SECOND
    made = rollout.synthetic
    if made is not None and made.promotes and not step.mirror and rate * step.weight < made.below.per_second:
        sent: Fraction = made.rate.per_second * rollout.hold_at_most_ms / SECOND
        arriving += min(Fraction(made.at_most), sent)
    if step.min_requests > arriving:
        what = f"the step sees {int(arriving):,} requests while it may hold, fewer than its minRequests"
        yield places.error(path, "D121", what, "lower minRequests, raise the weight, or hold longer")


def assumed(focus: Focus) -> Fraction:
    """The share that fails where none was measured."""
    budgets = [one.may_fail for one in focus.objectives if one.sli.kind is SliKind.EVENTS]
    return (budgets[0] if budgets else Fraction(1, 100)) * ASSUMED_SPENT


def _care(focus: Focus, places: Places) -> Iterator[Problem]:
    if wakes_nobody(focus):
        what = f"nobody is woken when {focus.name!r} fails"
        yield places.problem(focus.name, Severity.WARNING, "D130", what, "alerts: {page: [channel]}")
    if focus.tier is Tier.CRITICAL and not focus.runbooks:
        what = f"{focus.name!r} is critical and has no runbook"
        yield places.problem(focus.name, Severity.WARNING, "D131", what, "runbooks: [name]")
    traffic = focus.controls.traffic
    for version, addresses in traffic.versions.items() if traffic is not None else ():
        if focus.rollout is not None and traffic is not None and len(addresses) < 2 and not traffic.backends:
            what = f"the version {version!r} has one instance: a bad machine looks like a bad version"
            path = f"{focus.name}.controls.traffic.versions.{version}"
            yield places.problem(path, Severity.WARNING, "D132", what, "two instances at least")
