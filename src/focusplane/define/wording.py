"""Wording: the declared things that a reviewer reads whole, each as the sentence it stands for."""

from collections.abc import Iterable
from fractions import Fraction

from focusplane.define.controls import Breaker, Flag, Quota, Throttle, Traffic
from focusplane.define.focus import Boundary, Focus
from focusplane.define.mitigation import (
    Approval,
    Mitigation,
    OnBreaker,
    OnBurn,
    OnCanary,
    OnTenantShare,
    OnVariant,
    RollBack,
    SetFlag,
    SetQuota,
    SetThrottle,
    StartRunbook,
    UseFallback,
)
from focusplane.define.people import Escalation, Runbook, Team
from focusplane.define.planned import WorkCalendar, WorkWindow
from focusplane.define.rollout import By, Extra, Freeze, JudgeSpec, Mirror, RolloutSpec, Step
from focusplane.define.slo import Calendar, Level, Named, Objective, Rolling, Row
from focusplane.define.synthetic import Synthetic
from focusplane.kernel.quantity import format_duration, format_percent, format_rate


def worded(value: object) -> str:
    """The sentence of a declared thing; empty for one that has none of its own."""
    return _people(value) or _work(value) or _levers(value) or _rollout(value) or _rule(value)


def _people(value: object) -> str:
    match value:
        case Focus():
            promises = _joined(f"{one.name} {worded(one)}" for one in value.objectives)
            return f"a focus of {value.owner}: {promises or 'no objective'}"
        case Team():
            return f"a team of {_joined(value.members) or 'nobody'}"
        case Runbook():
            return f"a runbook of {len(value.steps)} step{'' if len(value.steps) == 1 else 's'}"
        case Boundary():
            return f"{value.service} {_joined(value.routes) or 'every route'}"
        case Objective():
            return f"{format_percent(value.target)} over {', '.join(map(worded, value.windows))}"
        case Rolling():
            return format_duration(value.length_ms)
        case Calendar():
            begins = f" from day {value.start_day}" if value.start_day != 1 else ""
            return f"a calendar {value.unit} in {value.timezone}{begins}"
        case _:
            return ""


def _work(value: object) -> str:
    match value:
        case WorkCalendar():
            return f"{value.reason}: {_joined(map(worded, value.windows))}; until {value.expires}, {value.author}"
        case WorkWindow():
            again = f", {value.rrule}" if value.rrule else ""
            return f"{value.start} {value.timezone} for {format_duration(value.for_ms)}{again}"
        case _:
            return ""


def _levers(value: object) -> str:
    match value:
        case Flag():
            return _flag(value)
        case Traffic() if value.driver is not None:
            behind = "; ".join(f"{name} at {at}" for name, at in value.backends.items())
            return f"split by {value.driver}: {behind}; at first {value.initial}"
        case Traffic():
            versions = "; ".join(f"{name} at {_joined(map(str, at))}" for name, at in value.versions.items())
            return f"{value.route} on {value.listen}: {versions}; at first {value.initial}"
        case Throttle():
            return f"{format_rate(value.rate)}, burst {value.burst}"
        case Quota():
            others = [f"{name} {format_rate(rate)}" for name, rate in value.overrides.items()]
            return _joined([f"{format_rate(value.rate)} per {value.per}", *others])
        case Breaker():
            lasts = format_duration(value.open_for_ms)
            over = format_duration(value.over_ms)
            return f"opens for {lasts} when {format_percent(value.failures)} fail over {over}"
        case _:
            return ""


def _flag(flag: Flag) -> str:
    share = "" if flag.percentage == 1 else f" for {format_percent(flag.percentage)}"
    told = f"serves {flag.default} of {_joined(flag.variants)}{share}, killed it serves {flag.off}"
    needs = [f"{key} {' or '.join(enough)}" for key, enough in flag.requires.items()]
    parts = [f"requires {_joined(needs)}"] if needs else []
    parts += [str(rule) for rule in flag.rules]
    parts += [str(step) for step in flag.schedule]
    parts += [
        f"{format_percent(one.at_most)} at most below {format_percent(one.budget_below)} of the budget"
        for one in flag.exposure
    ]
    return "; ".join([told, *parts])


def _rollout(value: object) -> str:
    match value:
        case Step():
            lasts = f" for {format_duration(value.for_ms)}" if value.for_ms else ""
            least = f" and {value.min_requests:,} requests" if value.min_requests else ""
            return f"{value.words}{lasts}{least}"
        case JudgeSpec():
            allowed = f"{float(value.tolerance):g} times the failures plus {format_percent(value.slack)}"
            besides = "".join(f"; {worded(each)}" for each in value.extras)
            timed = "" if value.latency else "; latency is not compared"
            wrong = f"wrong at most {format_percent(value.alpha)} of the time"
            capped = (
                f"; back with more than {format_percent(value.budget_share)} of the budget in excess failures"
                if value.budget_share
                else ""
            )
            least = f"; {value.min_instances} instances of each at least" if value.min_instances else ""
            return f"no worse means at most {allowed}; {wrong}{timed}{besides}{capped}{least}"
        case Mirror():
            what = f"{worded(value.step)} of {', '.join(value.methods)}"
            by = "" if value.by is By.GATEWAY else f" by {value.by}"
            return f"{what}{by}{', whose side effects are accepted' if value.accepted else ''}"
        case Extra():
            what = "copies" if value.pairs else value.objective
            what = f"the cost up to {float(value.cap):g}" if value.cap else what
            more = f"{float(value.tolerance):g} times plus {format_percent(value.slack)}"
            return f"{what} may be worse by {more}{' of the good ones' if value.gains else ''}"
        case Freeze():
            budget = f"less than {format_percent(value.budget_below)} of the budget is left"
            burn = f"it burns faster than {float(value.burn):g}x"
            told = [text for share, text in ((value.budget_below, budget), (value.burn, burn)) if share]
            return f"stands still when {' or '.join(told)}" if told else "never stands still"
        case RolloutSpec():
            first = [worded(value.mirror)] if value.mirror is not None else []
            steps = ", then ".join([*first, *(worded(step) for step in value.steps)])
            holds = f"holds {format_duration(value.hold_at_most_ms)} at most, then {value.then}"
            return f"{steps}; promotes on {value.promote}; {holds}; {worded(value.judge)}; {worded(value.freeze)}{_thin(value.synthetic)}"
        case Synthetic():
            return _thin(value).lstrip("; ")
        case _:
            return ""


def _thin(value: Synthetic | None) -> str:
    if value is None:
        return ""
    alone = ", which may promote by themselves" if value.promotes else ""
    each = f"{format_rate(value.rate)} synthetic requests to each version"
    return f"; {each} while users send fewer than {format_rate(value.below)}{alone}"


def _rule(value: object) -> str:
    match value:
        case Mitigation():
            asks = f", asks {worded(value.approval)}" if value.approval else ""
            return f"when {_when(value.when)}, {_move(value.move)} (mode {value.mode}{asks})"
        case Row():
            return _row(value)
        case Named():
            return f"the table {value.table}"
        case Escalation():
            whose = f" of {value.team}" if value.team else ""
            return f"after {format_duration(value.after_ms)} {_joined(value.channels)}{whose}"
        case Approval():
            return f"{value.count} {value.by} within {format_duration(value.within_ms)}"
        case _:
            return _when(value) or _move(value)


def _row(row: Row) -> str:
    windows = f"{format_duration(row.long_ms)} and {format_duration(row.short_ms)}"
    if row.burn is not None:
        return f"{row.level.name.lower()} at {float(row.burn):.4g}x over {windows}"
    share, words = (row.spends, "of the budget") if row.spends is not None else (row.failing, "failing")
    return f"{row.level.name.lower()} at {format_percent(share or Fraction(0))} {words} over {windows}"


_LEVELS = {Level.ACT: "4x", Level.REVIEW: "2x"}
"""As policies write them; the other levels have names."""


def _when(value: object) -> str:
    match value:
        case OnBurn():
            if value.level is Level.NONE:
                pair = f"{format_duration(value.long_ms)} & {format_duration(value.short_ms)}"
                return f"{value.objective} burns at {float(value.factor):g}x over {pair}"
            return f"{value.objective} burns at {_LEVELS.get(value.level, value.level.name.lower())}"
        case OnCanary():
            return "the canary is worse"
        case OnVariant():
            return "its own variant is worse"
        case OnBreaker():
            return f"the breaker {value.name} opens"
        case OnTenantShare():
            return f"one tenant has more than {format_percent(value.above)}"
        case _:
            return ""


def _move(value: object) -> str:
    match value:
        case SetFlag():
            return f"set flag {value.flag} to {value.variant}"
        case RollBack():
            return "roll the rollout back"
        case SetThrottle():
            return f"throttle to {format_rate(value.rate)} for {format_duration(value.for_ms)}"
        case SetQuota():
            return f"allow {value.tenant} {format_rate(value.rate)} for {format_duration(value.for_ms)}"
        case UseFallback():
            return f"answer by the fallback for {format_duration(value.for_ms)}"
        case StartRunbook():
            return f"start the runbook {value.name}"
        case _:
            return ""


def _joined(words: Iterable[str]) -> str:
    return ", ".join(words)
