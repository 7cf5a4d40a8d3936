"""What alert tables, routes and escalations mean: rows that could never fire, or always would, are refused at the door."""

from collections.abc import Iterator
from fractions import Fraction

from focusplane.define.burn import (
    SAMPLES_PER_WINDOW,
    SHORTEST_WINDOW_MS,
    ceiling,
    highest,
    period_ms,
    rule_of,
    say,
    unreachable,
)
from focusplane.define.focus import Focus, PolicySet, Tier
from focusplane.define.log import Places, did_you_mean
from focusplane.define.mitigation import Mode
from focusplane.define.people import Team
from focusplane.define.problem import Problem, Severity
from focusplane.define.slo import Level, Objective, Row
from focusplane.kernel.quantity import format_duration, format_percent


def row_problems(focus: Focus, objective: Objective, places: Places) -> Iterator[Problem]:
    """Every mistake in the declared alert table of one objective, at the row where it stands."""
    own = f"{focus.name}.objectives.{objective.name}.rules"
    where = own if own in places.by_path else f"{focus.name}.alerts.rules"
    seen: dict[tuple[int, ...], int] = {}
    for number, row in enumerate(objective.table):
        if not isinstance(row, Row):
            continue
        path = f"{where}.{number}" if f"{where}.{number}" in places.by_path else where
        yield from _windows(row, objective, path, places)
        yield from _bound(row, objective, path, places)
        twin = seen.setdefault((row.level, row.long_ms, row.short_ms), number)
        if twin != number:
            what = f"the rule {say(rule_of(row, objective.window))} stands beside one of the same level and windows"
            yield places.error(path, "D287", what, "keep the one with the lower bound: it fires first")


def team_problems(policies: PolicySet, places: Places) -> Iterator[Problem]:
    """What is wrong with the escalations of the teams."""
    for team in policies.teams.values():
        yield from _escalation(team, policies, places)


def _windows(row: Row, objective: Objective, path: str, places: Places) -> Iterator[Problem]:
    where = f"{path}.windows"
    if row.short_ms < SHORTEST_WINDOW_MS:
        what = (
            f"a window of {format_duration(row.short_ms)} holds fewer than {SAMPLES_PER_WINDOW} samples "
            "(one each second)"
        )
        yield places.error(where, "D282", what, f"at least {format_duration(SHORTEST_WINDOW_MS)}")
    if row.short_ms >= row.long_ms:
        what = (
            f"the short window {format_duration(row.short_ms)} is not shorter than the long one, "
            f"{format_duration(row.long_ms)}"
        )
        yield places.error(
            where, "D283", what, "the long one first, the short one about a twelfth of it: [1h, 5m]"
        )
    period = period_ms(objective.window)
    if row.long_ms > period:
        what = f"a window of {format_duration(row.long_ms)} is longer than that of {objective.name!r}"
        yield places.error(where, "D284", what, f"at most {format_duration(period)}")


def _bound(row: Row, objective: Objective, path: str, places: Places) -> Iterator[Problem]:
    rule, budget = rule_of(row, objective.window), objective.budget
    if rule.ratio is not None:
        if rule.ratio <= budget:
            what = (
                f"{objective.name!r} allows {format_percent(budget)} to fail: {say(rule)} is no failure of it"
            )
            yield places.error(f"{path}.failing", "D285", what, f"more than {format_percent(budget)}")
        return
    factor = rule.factor or Fraction(0)
    key = f"{path}.burn" if row.spends is None else f"{path}.spends"
    if unreachable(factor, budget):
        what = f"{say(rule)} can never be exceeded by {objective.name!r}: {ceiling(budget)}"
        yield places.error(key, "D280", what, _reachable(row, objective))
    elif factor < 1:
        what = f"{say(rule)} would fire on a service that keeps its objective {objective.name!r}"
        share = Fraction(row.long_ms, period_ms(objective.window))
        yield places.error(
            key, "D281", what, f"a factor of 1 or more; here {format_percent(share, 3)} of the budget"
        )


def _reachable(row: Row, objective: Objective) -> str:
    """The highest bound that can still be exceeded, in the words of the row."""
    if row.spends is None:
        return f"the highest factor that can be exceeded is {highest(objective.budget)}; or use `failing`"
    share = Fraction(row.long_ms) / (objective.budget * period_ms(objective.window))
    return f"less than {format_percent(share, 3)} of the budget can be spent in that time; or use `failing`"


def _escalation(team: Team, policies: PolicySet, places: Places) -> Iterator[Problem]:
    before = 0
    for number, step in enumerate(team.escalation):
        path = f"team/{team.name}.escalation.{number}"
        if step.after_ms <= before:
            what = f"the step after {format_duration(step.after_ms)} does not come after the one before it"
            yield places.error(f"{path}.after", "D290", what, "times count from the first page and grow")
        before = step.after_ms
        whose = policies.teams.get(step.team) if step.team else team
        for name in step.channels if whose is not None else ():
            if whose is not None and name not in whose.channels:
                what = f"the team {whose.name!r} has no channel {name!r}"
                yield places.error(f"{path}.channels", "D291", what, did_you_mean(name, list(whose.channels)))


def wakes_nobody(focus: Focus) -> bool:
    """It acts by itself, or is critical, and pages nobody: worth more than a notice."""
    acting = any(mitigation.mode is Mode.ACT for mitigation in focus.mitigations)
    return not focus.alerts.page and (focus.tier is Tier.CRITICAL or acting)


def route_notices(focus: Focus, places: Places) -> Iterator[Problem]:
    """Levels that its rules can reach and of which nobody would hear."""
    levels = {rule.level for objective in focus.objectives for rule in objective.rules}
    routes = {
        Level.REVIEW: focus.alerts.review or focus.alerts.ticket,
        Level.TICKET: focus.alerts.ticket,
    }
    deaf = [level.name.lower() for level, names in routes.items() if level in levels and not names]
    reached = any(level >= Level.ACT for level in levels)
    if reached and not focus.alerts.page and not wakes_nobody(focus):
        deaf.insert(0, "page")
    if deaf:
        what = f"nobody hears of {focus.name!r} at level {', '.join(deaf)}: there is no route"
        hint = f"alerts: {{{', '.join(f'{name}: [channel]' for name in deaf)}}}"
        yield places.problem(f"{focus.name}.alerts", Severity.NOTICE, "D289", what, hint)
