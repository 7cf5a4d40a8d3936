"""Corrections: what people say of a span, and planned work, put over the counts; measured, taken back, and on the record."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from focusplane.act.correction import Correction, Effect
from focusplane.act.fact import Kind
from focusplane.act.request import Correct, Done, EndCorrection, Refused
from focusplane.define.focus import Focus
from focusplane.define.occurrences import planned, under_way
from focusplane.define.planned import Planned, WorkBudget
from focusplane.kernel.ids import Json, short_id
from focusplane.kernel.quantity import format_duration, format_percent
from focusplane.kernel.tick import DAY, HOUR, SECOND
from focusplane.observe.budget import span
from focusplane.observe.corrected import As, Corrected
from focusplane.observe.counters import LATE_AFTER_MS, Counters
from focusplane.observe.health import Budget
from focusplane.observe.judge_health import windowed
from focusplane.observe.reading import NoData
from focusplane.plane.arrows import known
from focusplane.plane.arrows.known import Answered
from focusplane.plane.draft import Draft

LONGEST_MS = 31 * DAY
"""A longer span is no correction but another objective."""
AHEAD_MS = 400 * DAY
KEPT = 1_000
"""Records, also of what has ended; those that ended longest ago leave first."""
BY_PLAN = "calendar "
"""How `by` begins for planned work."""


def make(draft: Draft, ask: Correct, by: str) -> Answered:
    """A person's correction; the answer says what it changes."""
    focus = known.focus(draft, ask.focus)
    if isinstance(focus, Refused):
        return draft, focus
    wrong = _wrong(draft, focus, ask)
    if wrong is not None:
        return draft, wrong
    one = Correction(
        short_id("cor", focus.name, ask.objective, ask.since, ask.until, draft.tick.number),
        focus.name,
        ask.objective,
        ask.since // SECOND * SECOND,
        ask.until // SECOND * SECOND,
        As(ask.mode),
        ask.reason,
        ask.author or by,
        by,
        draft.at,
        ask.expires,
    )
    why = draft.world.counters.correct(focus.name, _span(one))
    if why:
        return draft, Refused("conflict", why, "end the other one first, or give a span of whole steps")
    draft = _made(draft, focus, one)
    return draft, Done(one.id, _words(draft.world.corrections[one.id]))


def end(draft: Draft, ask: EndCorrection, by: str) -> Answered:
    """Take a correction back: its span is judged as it was counted."""
    one = draft.world.corrections.get(ask.correction)
    if one is None:
        return draft, Refused(
            "not-found", f"there is no correction {ask.correction!r}", "focus correction list"
        )
    if not one.live:
        return draft, Refused("conflict", f"{one.id} has ended already: {one.ended_why}")
    draft = _end(draft, one, by, ask.reason or f"ended by {by}")
    return draft, Done(one.id, "judged as it was counted again")


def all_of_them(draft: Draft) -> Draft:
    """Once a second: planned work begins, what is over is measured, what has expired ends."""
    at = draft.at // SECOND * SECOND
    if at <= draft.world.planned_until:
        return draft
    before, draft = draft.world.planned_until, draft.but(planned_until=at)
    draft = _begin(draft, before or at - SECOND)
    for one in [each for each in draft.world.corrections.values() if each.live]:
        draft = _follow(draft, one)
    return draft


def _wrong(draft: Draft, focus: Focus, ask: Correct) -> Refused | None:
    objectives = [each.name for each in focus.objectives]
    if ask.mode not in (As.EXCLUDE, As.GOOD):
        return Refused("usage", f"{ask.mode!r} is neither exclude nor good")
    if ask.objective and ask.objective not in objectives:
        hint = f"declared are: {', '.join(objectives)}"
        return Refused("not-found", f"{focus.name} has no objective {ask.objective!r}", hint)
    if ask.until // SECOND <= ask.since // SECOND:
        return Refused("usage", "it ends before it begins")
    if ask.until - ask.since > LONGEST_MS:
        longest = format_duration(LONGEST_MS)
        return Refused("usage", f"it is longer than {longest}", "change the objective instead")
    if ask.until > draft.at + AHEAD_MS or ask.since < draft.at - AHEAD_MS:
        return Refused("usage", f"it is more than {format_duration(AHEAD_MS)} away")
    if ask.expires and ask.expires <= draft.at:
        return Refused("usage", "it has expired already")
    if not ask.reason.strip():
        return Refused("usage", "a correction needs a reason")
    return None


def _span(one: Correction) -> Corrected:
    return Corrected(one.id, one.objective, one.since, one.until, one.mode)


def _made(draft: Draft, focus: Focus, one: Correction) -> Draft:
    one = replace(one, effects=effects(draft.world.counters, focus, one))
    draft = _put(draft, one).but(judged=(0, ""))
    return draft.say(Kind.CORRECTION_MADE, one.focus, one.id, _words(one), **_told(one))


def _put(draft: Draft, one: Correction) -> Draft:
    kept = {**draft.world.corrections, one.id: one}
    if len(kept) > KEPT:
        over = sorted(
            (each for each in kept.values() if not each.live), key=lambda each: (each.ended_at, each.id)
        )
        for each in over[: len(kept) - KEPT]:
            del kept[each.id]
    return draft.but(corrections=kept)


def effects(counters: Counters, focus: Focus, one: Correction) -> dict[str, Effect]:
    """What it does to each objective now: the budget of its first window without and with it."""
    found: dict[str, Effect] = {}
    for objective in focus.objectives:
        if one.objective not in ("", objective.name):
            continue
        with_it = windowed(counters, focus.name, objective)
        without = windowed(counters, focus.name, objective, one.id)
        before, after = (_left(each[0].budget) if each else None for each in (without, with_it))
        found[objective.name] = Effect(
            *counters.taken_away(focus.name, objective.name, one.id), before, after
        )
    return found


def _left(budget: Budget | NoData) -> Fraction | None:
    return budget.left if isinstance(budget, Budget) else None


def _end(draft: Draft, one: Correction, by: str, why: str) -> Draft:
    draft.world.counters.revoke(one.focus, one.id)
    ended = replace(one, ended_at=draft.at, ended_by=by, ended_why=why)
    draft = _put(draft, ended).but(judged=(0, ""))
    return draft.say(Kind.CORRECTION_ENDED, one.focus, one.id, why, by=by, **_told(one))


def _begin(draft: Draft, since: int) -> Draft:
    """Planned work that is under way, or was since it was last looked at."""
    calendars = [
        each for each in draft.world.policies.set.calendars.values() if each.budget is not WorkBudget.COUNT
    ]
    calendars = list(under_way(calendars, since, draft.at + 1))
    if not calendars:
        return draft
    for focus in draft.world.policies.set.focuses.values():
        for each in planned(calendars, focus, since, draft.at + 1):
            draft = _work(draft, focus, each)
    return draft


def _work(draft: Draft, focus: Focus, work: Planned) -> Draft:
    for objective in focus.objectives:
        span = (work.since, work.until)
        key = short_id("cor", focus.name, objective.name, work.calendar, *span, work.budget.value)
        if key in draft.world.corrections:
            continue
        for number, (since, until) in enumerate(_free(draft, focus, objective.name, work)):
            one = Correction(
                f"{key}-{number}" if number else key,
                focus.name,
                objective.name,
                since,
                until,
                As(work.budget.value),
                work.reason,
                work.author,
                BY_PLAN + work.calendar,
                draft.at,
                calendar=work.calendar,
            )
            draft = _taken_up(draft, focus, one)
    return draft


def _taken_up(draft: Draft, focus: Focus, one: Correction) -> Draft:
    why = draft.world.counters.correct(focus.name, _span(one))
    if not why:
        return _made(draft, focus, one)
    refused = replace(one, ended_at=draft.at, ended_by=one.by, ended_why=why)
    return _put(draft, refused).say(Kind.CORRECTION_ENDED, one.focus, one.id, why, by=one.by, **_told(one))


def _free(draft: Draft, focus: Focus, objective: str, work: Planned) -> Iterator[tuple[int, int]]:
    """The parts of the work that no correction covers yet."""
    lane = draft.world.counters.lanes[focus.name]
    taken = sorted(
        (one.since, one.until) for one in lane.corrections.values() if one.objective in ("", objective)
    )
    at, until = work.since // SECOND * SECOND, work.until // SECOND * SECOND
    for begin, finish in taken:
        if finish <= at or begin >= until:
            continue
        if begin > at:
            yield at, begin
        at = max(at, finish)
    if at < until:
        yield at, until


def _follow(draft: Draft, one: Correction) -> Draft:
    """What became of a correction since: cancelled, expired, forgotten, or measured to its end."""
    focus = draft.world.policies.set.focuses.get(one.focus)
    if focus is None:
        return _end(draft, one, "policy", "its focus is gone")
    if one.expires and one.expires <= draft.at:
        return _end(draft, one, one.by, "it has expired")
    held = draft.world.counters.lanes[focus.name].corrections.get(one.id)
    if held is None:
        return _end(draft, one, "policy", "what it corrected is counted no more")
    if held.objective != one.objective:  # it was renamed
        one = replace(one, objective=held.objective)
        draft = _put(draft, one)
    draft, one = _cancelled(draft, focus, one)
    if not one.live:
        return draft
    mark = draft.world.counters.watermark(one.focus)
    if isinstance(mark, NoData) or one.complete or mark < one.until + LATE_AFTER_MS:
        return _forgotten(draft, focus, one)
    whole = replace(one, complete=True, effects=effects(draft.world.counters, focus, one))
    return _put(draft, whole).say(Kind.CORRECTION_MEASURED, one.focus, one.id, _words(whole), **_told(whole))


def _cancelled(draft: Draft, focus: Focus, one: Correction) -> tuple[Draft, Correction]:
    """Work that is planned no more ends now; what was corrected before stays so."""
    if not one.calendar or one.until <= draft.at:
        return draft, one
    calendar = draft.world.policies.set.calendars.get(one.calendar)
    running = planned([calendar], focus, draft.at, draft.at + 1) if calendar is not None else ()
    if any(each.budget.value == one.mode.value and each.until >= one.until for each in running):
        return draft, one
    draft.world.counters.shorten(one.focus, one.id, draft.at)
    cut = replace(one, until=-(-draft.at // SECOND) * SECOND)
    why = f"the work of calendar {one.calendar} is planned no more: it ends now"
    draft = _put(draft, cut).but(judged=(0, ""))
    return draft.say(Kind.CORRECTION_MADE, one.focus, one.id, why, **_told(cut)), cut


def _forgotten(draft: Draft, focus: Focus, one: Correction) -> Draft:
    """No window reaches it any more: it ends, and its counts give their memory back."""
    mark = draft.world.counters.watermark(one.focus)
    if isinstance(mark, NoData) or draft.at - one.until < HOUR:
        return draft
    oldest = min((span(w, mark).since for each in focus.objectives for w in each.windows), default=mark)
    if one.until >= oldest - DAY:
        return draft
    draft.world.counters.revoke(one.focus, one.id)
    why = "no window reaches it any more"
    ended = replace(one, ended_at=draft.at, ended_by="focusplane", ended_why=why)
    return _put(draft, ended).say(
        Kind.CORRECTION_ENDED, one.focus, one.id, why, by="focusplane", **_told(one)
    )


def _words(one: Correction) -> str:
    verb = "is left out" if one.mode is As.EXCLUDE else "counts as good"
    parts = [f"{format_duration(one.until - one.since)} of {one.focus} {verb}: {one.reason}"]
    for name, effect in one.effects.items():
        if effect.before is not None and effect.after is not None:
            left = (
                f"{format_percent(effect.before, 2)} -> {format_percent(effect.after, 2)} of the budget left"
            )
            parts.append(f"{name}: {effect.failures} failures of {effect.events} events, {left}")
    return "; ".join(parts)


def _told(one: Correction) -> dict[str, Json]:
    return {
        "objective": one.objective,
        "since": one.since,
        "until": one.until,
        "as": one.mode.value,
        "author": one.author,
        "made_by": one.by,
        "calendar": one.calendar,
        "effects": {
            name: {
                "events": each.events,
                "failures": each.failures,
                "before": _exact(each.before),
                "after": _exact(each.after),
            }
            for name, each in one.effects.items()
        },
    }


def _exact(value: Fraction | None) -> str:
    return "" if value is None else f"{value.numerator}/{value.denominator}"
