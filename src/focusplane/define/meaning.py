"""What the keys of one focus mean together: targets, windows, burn factors, flags, traffic, rollouts."""

from collections.abc import Iterator

from focusplane.define.alerting import row_problems
from focusplane.define.burn import (
    SAMPLES_PER_WINDOW,
    SHORTEST_PERIOD_MS,
    SHORTEST_WINDOW_MS,
    ceiling,
    period_ms,
    rules_of,
    say,
    unreachable,
)
from focusplane.define.controls import Traffic
from focusplane.define.focus import Focus
from focusplane.define.log import Places, did_you_mean
from focusplane.define.meaning_drivers import driver_problems
from focusplane.define.meaning_flags import attribute_problems, flag_problems
from focusplane.define.meaning_judge import judge_problems
from focusplane.define.meaning_rollout import instance_problems, mirror_problems, step_problems
from focusplane.define.meaning_sli import sli_problems
from focusplane.define.meaning_synthetic import synthetic_problems
from focusplane.define.mitigation import (
    Mitigation,
    OnBurn,
    OnCanary,
    OnVariant,
    RollBack,
    SetFlag,
    UseFallback,
)
from focusplane.define.problem import Problem, Severity
from focusplane.define.rollout import RolloutSpec
from focusplane.define.slo import Level, Objective
from focusplane.kernel.quantity import format_duration, format_percent


def focus_problems(focus: Focus, places: Places, today: str | None) -> Iterator[Problem]:
    """Every mistake that shows only when the parts of one focus are seen together."""
    for objective in focus.objectives:
        yield from _objective(objective, f"{focus.name}.objectives.{objective.name}", places)
        yield from row_problems(focus, objective, places)
        yield from _asked(focus, objective, places)
    for flag in focus.controls.flags.values():
        yield from flag_problems(focus, flag, places, today)
    yield from attribute_problems(focus, places)
    yield from judge_problems(focus, places)
    yield from synthetic_problems(focus, places)
    if focus.controls.traffic is not None:
        yield from _traffic(focus.controls.traffic, f"{focus.name}.controls.traffic", places)
        yield from driver_problems(focus, focus.controls.traffic, places)
    for mitigation in focus.mitigations:
        path = f"{focus.name}.mitigations.{mitigation.name}"
        if isinstance(mitigation.when, OnBurn):
            yield from _burn(mitigation.when, focus, f"{path}.when", places)
        yield from _needs(mitigation, focus, path, places)
    if focus.rollout is not None:
        yield from _rollout(focus.rollout, focus, f"{focus.name}.rollout", places)
    if focus.name in focus.depends_on:
        what = "a focus does not depend on itself"
        yield places.error(f"{focus.name}.dependsOn", "D108", what, "take it away")


def _asked(focus: Focus, objective: Objective, places: Places) -> Iterator[Problem]:
    """What is asked needs somebody to ask; beside it, what is pushed does not count."""
    if objective.sli.promql is not None and not _written(focus, "source.prometheus", places):
        what = f"{objective.name!r} is asked of a PromQL engine, and no engine is named"
        hint = 'source: {prometheus: {url: "http://prometheus:9090"}}'
        yield places.error(f"{focus.name}.objectives.{objective.name}.sli.prometheus", "D316", what, hint)


def _objective(objective: Objective, path: str, places: Places) -> Iterator[Problem]:
    yield from sli_problems(objective.sli, f"{path}.sli", places)
    shortest = min(period_ms(window) for window in objective.windows)
    if shortest < SHORTEST_PERIOD_MS:
        what = (
            f"a window of {format_duration(shortest)} holds fewer than 4 of the shortest alert window (30s)"
        )
        yield places.error(f"{path}.window", "D114", what, "30d is usual, 2m the least")
        return
    dropped = rules_of(objective.table, objective.target, objective.window)[1]
    for why in dict.fromkeys(one.why for one in dropped):
        rules = "; ".join(say(one.rule) for one in dropped if one.why == why)
        what = f"default rules of {objective.name!r} are left out ({rules}): {why}"
        yield places.problem(f"{path}.target", Severity.NOTICE, "D120", what)
    if objective.sli.unit_ms:
        yield from _units(objective, path, places)


def _units(objective: Objective, path: str, places: Places) -> Iterator[Problem]:
    """What the length of a slice, or the pause between two tries, does to windows and target."""
    unit, period = objective.sli.unit_ms, period_ms(objective.window)
    least = SAMPLES_PER_WINDOW * unit
    if least > period:
        what = f"a window of {format_duration(period)} holds fewer than {SAMPLES_PER_WINDOW} units of {format_duration(unit)}"
        yield places.error(
            f"{path}.window", "D222", what, f"at least {format_duration(least)}, or shorter slices"
        )
        return
    short = [rule for rule in objective.rules if rule.short_ms < least]
    if short:
        rules = "; ".join(say(rule) for rule in short)
        what = f"windows shorter than 4 units of {format_duration(unit)} are stretched to {format_duration(least)} ({rules})"
        yield places.problem(f"{path}.sli", Severity.NOTICE, "D231", what)
    if objective.budget * period < unit:
        what = f"{format_percent(objective.target)} of {period // unit} units of {format_duration(unit)} allows not one bad one"
        hint = "a longer window, a lower target, or shorter slices"
        yield places.problem(f"{path}.target", Severity.WARNING, "D232", what, hint)


def _traffic(traffic: Traffic, path: str, places: Places) -> Iterator[Problem]:
    if traffic.initial not in traffic.versions:
        what = f"the initial version {traffic.initial!r} is none of the versions"
        yield places.error(
            f"{path}.initial", "D110", what, did_you_mean(traffic.initial, list(traffic.versions))
        )
    owners: dict[str, str] = {}
    for version, addresses in traffic.versions.items():
        for number, address in enumerate(addresses):
            owner = owners.setdefault(str(address), f"{version} {number}")
            if owner != f"{version} {number}":
                what = f"{address} already belongs to the version {owner.split()[0]!r}"
                hint = "each instance runs one version"
                yield places.error(f"{path}.versions.{version}.{number}", "D103", what, hint)
    if str(traffic.listen) in owners:
        what = f"the gateway would send traffic to itself: {traffic.listen} is also an instance"
        yield places.error(f"{path}.listen", "D111", what, "give the gateway a port of its own")


def _burn(when: OnBurn, focus: Focus, path: str, places: Places) -> Iterator[Problem]:
    if not when.objective and len(focus.objectives) > 1:
        names = ", ".join(objective.name for objective in focus.objectives)
        yield places.error(path, "D011", "`when` of a burn needs 'objective'", f"one of {names}")
    objective = next((one for one in focus.objectives if one.name == when.objective), None)
    if objective is None:
        return
    if when.level is Level.NONE:
        yield from _own_factor(when, objective, path, places)
        return
    if objective.table and not any(rule.level >= when.level for rule in objective.rules):
        what = f"no rule of {objective.name!r} is of level {when.level.name.lower()} or above"
        yield places.error(f"{path}.burn", "D113", what, "add such a rule to `rules`, or give `windows` here")
        return
    if not objective.table and not any(rule.level is when.level for rule in objective.rules):
        what = f"burn level {when.level.name.lower()} can never be reached by {objective.name!r}"
        hint = f"{ceiling(objective.budget)}; use a lower factor, a higher target or a longer window"
        yield places.error(f"{path}.burn", "D113", what, hint)


def _own_factor(when: OnBurn, objective: Objective, path: str, places: Places) -> Iterator[Problem]:
    if when.factor == 0 or unreachable(when.factor, objective.budget):
        what = f"a burn factor of {float(when.factor):g} can never be exceeded by {objective.name!r}"
        if when.factor == 0:
            what = "a burn factor of 0 is exceeded by any failure"
        yield places.error(f"{path}.burn", "D113", what, ceiling(objective.budget))
    if when.short_ms < SHORTEST_WINDOW_MS:
        what = f"a window of {format_duration(when.short_ms)} holds fewer than 4 samples (one each second)"
        yield places.error(f"{path}.windows", "D114", what, f"at least {format_duration(SHORTEST_WINDOW_MS)}")
    if when.short_ms == when.long_ms:
        yield places.error(f"{path}.windows", "D114", "both windows are the same", "such as [30m, 5m]")
    if when.long_ms > period_ms(objective.window):
        what = f"a window of {format_duration(when.long_ms)} is longer than that of the objective"
        yield places.error(f"{path}.windows", "D114", what, format_duration(period_ms(objective.window)))


def _needs(mitigation: Mitigation, focus: Focus, path: str, places: Places) -> Iterator[Problem]:
    move, when = mitigation.move, mitigation.when
    if isinstance(when, OnCanary) and not _written(focus, "rollout", places):
        yield places.error(f"{path}.when", "D104", "there is no rollout to judge", "declare `rollout`")
    if isinstance(when, OnVariant) and not isinstance(move, SetFlag):
        hint = "`do: {flag: KEY, set: VARIANT}`, or `when: {canary: worse}` for a rollout"
        yield places.error(
            f"{path}.when", "D370", "only a move of a flag can wait for its variant to be worse", hint
        )
    if isinstance(move, RollBack) and not _movable(focus, places):
        hint = "declare `controls.traffic`, or `controls.flags`"
        yield places.error(f"{path}.do", "D104", "there is no traffic and no flag to roll back", hint)
    if isinstance(move, UseFallback) and not _written(focus, "controls.fallback", places):
        hint = "declare `controls.fallback`"
        yield places.error(f"{path}.do", "D104", "there is no fallback to use", hint)
    if isinstance(move, SetFlag):
        flag = focus.controls.flags.get(move.flag)
        if flag is not None and move.variant not in flag.variants:
            what = f"{move.variant!r} is none of the variants of the flag {move.flag!r}"
            hint = did_you_mean(move.variant, list(flag.variants))
            yield places.error(f"{path}.do.set", "D107", what, hint)


def _rollout(rollout: RolloutSpec, focus: Focus, path: str, places: Places) -> Iterator[Problem]:
    if rollout.steps and not _movable(focus, places):
        what = "there is no traffic and no flag to move in steps"
        hint = "declare `controls.traffic` with its versions, or `controls.flags`; or leave the steps out"
        yield places.error(path, "D104", what, hint)
    if _written(focus, "controls.traffic", places) and not _written(focus, "rollout.steps", places):
        yield places.error(
            path, "D104", "there are no steps to move the traffic in", "steps: [5%, 25%, 100%]"
        )
    yield from step_problems(rollout, path, places)
    if rollout.mirror is not None:
        yield from mirror_problems(rollout.mirror, focus.controls.traffic, f"{path}.mirror", places)
    if focus.controls.traffic is not None:
        yield from instance_problems(rollout, focus.controls.traffic, path, places)


def _movable(focus: Focus, places: Places) -> bool:
    return any(_written(focus, f"controls.{part}", places) for part in ("traffic", "flags"))


def _written(focus: Focus, part: str, places: Places) -> bool:
    """It stands in the file, though perhaps with a mistake that was told already."""
    return f"{focus.name}.{part}" in places.by_path
