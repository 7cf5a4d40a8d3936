"""Groups of rules, chained: each level adds up what the level below recorded, at its own pace, for all objectives at once.

A window is a sum of steps, failures and requests apart: a ratio of sums, and 0/0 nowhere. What history does not cover is
read as if it had been healthy at the same traffic. An alert stands in the group that records what it reads.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from focusplane.define.burn import period_ms
from focusplane.define.focus import Focus
from focusplane.define.slo import BurnRule, Calendar, Level, Objective
from focusplane.kernel.ids import short_id
from focusplane.kernel.quantity import format_duration, format_percent
from focusplane.kernel.tick import HOUR, MINUTE, SECOND
from focusplane.learn.rules.counting import Counts, Inexpressible, Metrics, Step, counts_of, span
from focusplane.observe.burn import FEW, SAMPLES, Z_SQUARED

SHARD = 250
"""Objectives of one group: groups are evaluated side by side, the rules of one after each other."""
Rule = Mapping[str, object]
SEVERITY = {
    Level.OUTAGE: "page",
    Level.PAGE: "page",
    Level.ACT: "page",
    Level.REVIEW: "review",
    Level.TICKET: "ticket",
}


@dataclass(frozen=True, slots=True)
class Pace:
    """A level of the chain: evaluated each `step_ms`, for rules whose long window is at most `longest_ms`."""

    name: str
    step_ms: int
    longest_ms: int


PACES = (
    Pace("fast", 30 * SECOND, HOUR),
    Pace("medium", 2 * MINUTE, 6 * HOUR),
    Pace("slow", 15 * MINUTE, 10_000 * HOUR),
)
BUDGET = Pace("budget", HOUR, 0)


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    interval_ms: int
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """`names` are focuses or objectives, in the order of the policies."""

    why: str
    names: tuple[str, ...]

    def told(self, most: int) -> str:
        """One line that names at most `most` of them and counts the rest."""
        rest = len(self.names) - most
        return f"{', '.join(self.names[:most])}{f' and {rest} more' if rest > 0 else ''}: {self.why}"


@dataclass(frozen=True, slots=True)
class Written:
    """`missing` says what of the policies the rules do not do, each sentence once."""

    groups: tuple[Group, ...]
    missing: tuple[Missing, ...]


@dataclass(frozen=True, slots=True)
class _One:
    focus: Focus
    objective: Objective
    counts: Counts
    table: str


def rules_of(
    focuses: Iterable[Focus], metrics: Metrics = Metrics.AUTO, scrape_ms: int = 15 * SECOND
) -> Written:
    """Rules for every objective that PromQL can express; `scrape_ms` bounds how short an outage can be seen."""
    found: list[_One] = []
    missing: dict[str, list[str]] = {}
    for focus in sorted(focuses, key=lambda focus: focus.name):
        for objective in focus.objectives:
            name, counts = (
                f"{focus.name}/{objective.name}",
                counts_of(focus, objective, _step_of(focus, objective), metrics),
            )
            if isinstance(counts, Inexpressible):
                missing.setdefault(f"left out: {counts.why}", []).append(name)
                continue
            for note in (*counts.notes, *_lacking(objective)):
                missing.setdefault(note, []).append(name)
            found.append(_One(focus, objective, counts, _table(objective)))
        if focus.mitigations:
            missing.setdefault("mitigations act in the plane alone", []).append(focus.name)
    shards = [found[at : at + SHARD] for at in range(0, len(found), SHARD)]
    groups = [group for number, shard in enumerate(shards) for group in _shard(shard, str(number), scrape_ms)]
    return Written(tuple(groups), tuple(Missing(why, tuple(names)) for why, names in missing.items()))


def _step_of(focus: Focus, objective: Objective) -> Step:
    length = PACES[0].step_ms
    name = f"focus:total:increase{span(length)}"
    return Step(length, f'sum({name}{{focus_id="{focus.name}",objective="{objective.name}"}})')


def _lacking(objective: Objective) -> Iterator[str]:
    if isinstance(objective.window, Calendar):
        yield "a calendar's budget starts anew, which rules cannot: alerts are those of its nominal length, no budget"
    if objective.by is not None:
        yield f"judged as a whole, not for each {objective.by.dimension}"
    if objective.more_windows:
        yield "only the budget of its first window is recorded"


def _table(objective: Objective) -> str:
    """Objectives that share target, window, rules and minBad share their alerts."""
    told = f"{format_percent(objective.target)}-{format_duration(period_ms(objective.window))}"
    return f"{told}-{short_id('table', repr(objective.rules), objective.min_bad)[-6:]}"


def _shard(some: Sequence[_One], shard: str, scrape_ms: int) -> Iterator[Group]:
    tables = {one.table: one.objective for one in some}
    for place, pace in enumerate(PACES):
        windows: set[int] = set()
        alerts: list[Rule] = []
        for table, objective in tables.items():
            for rule in objective.rules:
                if rule.level is Level.NONE or _pace(rule) is not pace:
                    continue
                longs = _stretched(rule, scrape_ms)
                windows |= set(longs)
                alerts.append(_alert(rule, objective, (table, shard), longs))
        steps = _base(some, shard) if not place else _step(PACES[place - 1], pace, shard)
        blind = [_blind(shard)] if not place else []
        rules = (*steps, *_windows(pace, sorted(windows), shard), *alerts, *blind)
        yield Group(f"focusplane-{pace.name}-{shard}", pace.step_ms, rules)
    yield Group(
        f"focusplane-budget-{shard}",
        BUDGET.step_ms,
        (*_step(PACES[-1], BUDGET, shard), *_budgets(tables, shard)),
    )


def _pace(rule: BurnRule) -> Pace:
    return next(pace for pace in PACES if rule.long_ms <= pace.longest_ms)


def _stretched(rule: BurnRule, scrape_ms: int) -> tuple[int, int]:
    """As the plane does: a window of the outage pair holds four scrapes. Whole steps of its level."""
    least = SAMPLES * scrape_ms if rule.ratio is not None else 0
    step = _pace(rule).step_ms
    longs = (max(rule.long_ms, least), max(rule.short_ms, least))
    return ceil(longs[0] / step) * step, ceil(longs[1] / step) * step


def _base(some: Sequence[_One], shard: str) -> Iterator[Rule]:
    step = span(PACES[0].step_ms)
    for one in some:
        labels = {
            "focus_id": one.focus.name,
            "objective": one.objective.name,
            "team": one.focus.owner,
            "slo_table": one.table,
            "shard": shard,
        }
        yield {
            "record": "focus:objective:budget",
            "expr": f"vector({float(one.objective.budget)!r})",
            "labels": labels,
        }
        yield {"record": f"focus:total:increase{step}", "expr": one.counts.total, "labels": labels}
        yield {"record": f"focus:bad:increase{step}", "expr": one.counts.bad, "labels": labels}


def _step(below: Pace, pace: Pace, shard: str) -> Iterator[Rule]:
    """Steps of this level out of those below, one of which is waited for: that group may be evaluated a moment later."""
    reach = span(pace.step_ms - below.step_ms // 2)
    for kind in ("total", "bad"):
        source = f'focus:{kind}:increase{span(below.step_ms)}{{shard="{shard}"}}'
        text = f"sum_over_time({source}[{reach}] offset {span(below.step_ms)})"
        yield {
            "record": f"focus:{kind}:increase{span(pace.step_ms)}",
            "expr": text,
            "labels": {"shard": shard},
        }


def _windows(pace: Pace, windows: Sequence[int], shard: str) -> Iterator[Rule]:
    """Half a step less than the window: so it holds the same steps whether its old end counts (Prometheus 2) or not (3).

    The mean step, as often as the window holds one: that is their sum, also where a group is evaluated more often than meant.
    """
    step, labels = span(pace.step_ms), {"shard": shard}
    for window in windows:
        reach, parts = span(window - pace.step_ms // 2), window // pace.step_ms
        bad, total = (f'focus:{kind}:increase{step}{{shard="{shard}"}}[{reach}]' for kind in ("bad", "total"))
        seen = f"avg_over_time({bad}) * clamp_max(count_over_time({bad}), {parts})"
        yield {"record": _name("bad", pace, window), "expr": seen, "labels": labels}
        full = f"avg_over_time({total}) * {parts}"
        yield {"record": _name("total", pace, window), "expr": full, "labels": labels}


def _name(kind: str, pace: Pace, window: int) -> str:
    return f"focus:{kind}:{pace.name}_sum{format_duration(window).replace(' ', '')}"


def _alert(rule: BurnRule, objective: Objective, of: tuple[str, str], windows: tuple[int, int]) -> Rule:
    limit = rule.ratio if rule.ratio is not None else (rule.factor or Fraction(0)) * objective.budget
    pace = _pace(rule)
    strict = ">" if rule.ratio is None else ">="
    least = (objective.min_bad, 1)
    parts = [
        _above(pace, window, of, limit, (strict, few)) for window, few in zip(windows, least, strict=True)
    ]
    level = rule.level.name.lower()
    over = f"{format_duration(windows[0])} and {format_duration(windows[1])}"
    shown = f"{float(rule.factor):.4g}x its budget" if rule.factor is not None else f"{format_percent(limit)}"
    return {
        "alert": f"Focus{level.capitalize()}",
        "expr": " and ".join(parts),
        "labels": {
            "severity": SEVERITY[rule.level],
            "level": level,
            "long": format_duration(windows[0]),
            "slo_table": of[0],
            "shard": of[1],
        },
        "annotations": {
            "summary": "{{ $labels.focus_id }}/{{ $labels.objective }} fails more than "
            + f"{shown} over {over}",
            "description": "{{ $value }} failures in " + format_duration(windows[0]),
        },
    }


def _above(pace: Pace, window: int, of: tuple[str, str], limit: Fraction, least: tuple[str, int]) -> str:
    """Failures above the limit, and where few are to be expected, surely above it: Wilson's lower bound, squared out."""
    which = f'{{slo_table="{of[0]}",shard="{of[1]}"}}'
    bad, total = (f"{_name(kind, pace, window)}{which}" for kind in ("bad", "total"))
    p, (strict, few) = float(limit), least
    spread = float(Z_SQUARED * limit * (1 - limit))
    sure = f"({total} * {p!r} >= {FEW} or ({bad} - {total} * {p!r}) ^ 2 > {total} * {spread!r})"
    return f"({bad} {strict} {total} * {p!r} and {bad} >= {few} and {sure})"


def _blind(shard: str) -> Rule:
    """Idle is a count of 0; what is gone, was never there, or has no such bucket, is nothing."""
    seen = f'focus:bad:increase{span(PACES[0].step_ms)}{{shard="{shard}"}}'
    return {
        "alert": "FocusBlind",
        "expr": f'focus:objective:budget{{shard="{shard}"}} unless on (focus_id, objective) {seen}',
        "for": "2m",
        "labels": {"severity": "page", "level": "blind", "shard": shard},
        "annotations": {
            "summary": "{{ $labels.focus_id }}/{{ $labels.objective }} cannot be judged: its metrics are absent"
        },
    }


def _budgets(tables: Mapping[str, Objective], shard: str) -> Iterator[Rule]:
    step = span(BUDGET.step_ms)
    for table, objective in tables.items():
        length = period_ms(objective.window)
        if isinstance(objective.window, Calendar) or length < BUDGET.step_ms:
            continue
        reach = span(max(length - BUDGET.step_ms // 2, BUDGET.step_ms // 2))
        bad, total = (
            f'sum_over_time(focus:{kind}:increase{step}{{slo_table="{table}",shard="{shard}"}}[{reach}])'
            for kind in ("bad", "total")
        )
        left = f"1 - {bad} / ({total} * {float(objective.budget)!r} > 0)"
        yield {
            "record": "focus:budget:left_ratio",
            "expr": left,
            "labels": {"slo_table": table, "shard": shard},
        }
