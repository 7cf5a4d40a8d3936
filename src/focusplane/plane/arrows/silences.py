"""Silences: who may add which, when they end, and who hears of that before."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from focusplane.act.fact import Kind
from focusplane.act.incident import LIVE
from focusplane.act.request import AddSilence, Done, EndSilence, Refused
from focusplane.act.silence import LONGEST_MS, LONGEST_OF_ADMIN_MS, Silence, concerns
from focusplane.define.focus import Focus
from focusplane.define.people import Role, covers
from focusplane.define.slo import Level
from focusplane.kernel.ids import Json, short_id
from focusplane.kernel.quantity import format_duration
from focusplane.kernel.tick import DAY, MINUTE
from focusplane.plane.arrival import Asked
from focusplane.plane.arrows import known, route
from focusplane.plane.arrows.known import Answered
from focusplane.plane.arrows.words import utc
from focusplane.plane.draft import Draft

MOST = 500
"""Silences that stand or come at one time."""
SHORTEST_MS = MINUTE
FURTHEST_MS = 90 * DAY
KEPT_MS = 7 * DAY
"""So long one that is over is still shown, but no more of them than stand at most: those that were made first leave."""
WARN_MS = 10 * MINUTE
"""Before it ends; one that is not three times as long is not announced."""
LEVELS: Mapping[str, Level] = MappingProxyType(
    {level.name.lower(): level for level in Level if level is not Level.NONE}
)


def add(draft: Draft, ask: AddSilence, asked: Asked) -> Answered:
    """In force from this turn on, which is written down before it is answered."""
    start = max(ask.start, draft.at)
    until = ask.until or start + ask.for_ms
    hit = _hit(draft, ask)
    refused = _breadth(draft, ask, hit, asked.role) or _length(draft, ask, (start, until), asked.role)
    if refused is not None:
        return draft, refused
    key = short_id("sil", asked.by, ask.focus, ask.reason, draft.tick.number, len(draft.world.silences))
    silence = Silence(
        key,
        asked.by,
        ask.reason,
        start,
        until,
        draft.at,
        ask.focus,
        dict(ask.labels),
        ask.tenant,
        ask.objective,
        LEVELS[ask.level],
        ask.blindness,
    )
    words = f"{_breadth_words(hit)} silent up to {ask.level} until {utc(until)}"
    draft = draft.put("silences", key, silence).say(
        Kind.SILENCED,
        ask.focus,
        key,
        f"{words}: {ask.reason}",
        by=asked.by,
        until=until,
        focuses=[one.name for one in hit][:20],
        hit=len(hit),
    )
    body: dict[str, Json] = {"focuses": len(hit), "until": until, "from": start}
    if len(hit) > 1:
        body["warning"] = f"it covers {len(hit)} focuses"
    return draft, Done(key, words, body)


def end(draft: Draft, ask: EndSilence, by: str) -> Answered:
    silence = draft.world.silences.get(ask.silence)
    if silence is None:
        return draft, Refused("not-found", f"there is no silence {ask.silence!r}", "focus silence list")
    if silence.over(draft.at):
        return draft, Refused("conflict", f"{silence.id} is over already")
    reason = ask.reason or f"ended by {by}"
    draft = draft.put("silences", silence.id, replace(silence, ended_at=draft.at, ended_by=by))
    draft = draft.say(Kind.SILENCE_ENDED, silence.focus, silence.id, reason, by=by)
    return draft, Done(silence.id, "over; what still fails is told now")


def watch(draft: Draft) -> Draft:
    """Say before one ends, and when it has; forget it after a week."""
    over = [one.id for one in draft.world.silences.values() if one.ended_at]
    for key in over[: max(0, len(over) - MOST)]:
        draft = draft.drop("silences", key)
    for silence in draft.world.silences.values():
        last = silence.ended_at or silence.until
        if silence.over(draft.at):
            if not silence.ended_at:
                after = replace(silence, ended_at=silence.until)
                draft = draft.put("silences", silence.id, after).say(
                    Kind.SILENCE_ENDED, silence.focus, silence.id, "its time is over", by=silence.by
                )
            elif draft.at - last > KEPT_MS:
                draft = draft.drop("silences", silence.id)
        elif _soon(silence, draft.at):
            draft = _warn(draft, silence)
    return draft


def _soon(silence: Silence, at: int) -> bool:
    long = silence.until - silence.from_at >= 3 * WARN_MS
    return long and not silence.warned and silence.stands(at) and silence.until - at <= WARN_MS


def _warn(draft: Draft, silence: Silence) -> Draft:
    """To the channels for working hours of whom it concerns, each channel once; what still fails is named."""
    draft = draft.put("silences", silence.id, replace(silence, warned=True))
    failing = sorted(
        {
            one.focus
            for one in draft.world.incidents.values()
            if one.stage in LIVE and one.hushed_by == silence.id
        }
    )
    still = f"; still failing: {', '.join(failing[:10])}" if failing else "; nothing under it fails now"
    left = format_duration((silence.until - draft.at) // 1000 * 1000)
    body = f"{silence.reason} ({silence.by}){still}"
    told: set[tuple[str, str]] = set()
    for focus in draft.world.policies.set.focuses.values():
        names = route.channels(focus, Level.TICKET) or focus.alerts.page
        fresh = tuple(name for name in names if (focus.owner, name) not in told)
        if concerns(silence, focus.name, focus.labels) and fresh:
            told |= {(focus.owner, name) for name in fresh}
            about = (silence.id, "ends", focus.owner)
            title = f"the silence {silence.id} ends in {left}"
            draft = route.send(draft, focus.owner, focus, fresh, route.Message(about, title, body))
    return draft.say(Kind.SILENCE_ENDS, silence.focus, silence.id, body, until=silence.until)


def _hit(draft: Draft, ask: AddSilence) -> list[Focus]:
    wanted = Silence("", "", "", 0, 0, 0, ask.focus, dict(ask.labels))
    focuses = draft.world.policies.set.focuses.values()
    return [one for one in focuses if concerns(wanted, one.name, one.labels)]


def _breadth(draft: Draft, ask: AddSilence, hit: list[Focus], role: str) -> Refused | None:
    if ask.focus and isinstance(found := known.focus(draft, ask.focus), Refused):
        return found
    if not hit:
        return Refused("not-found", "no focus has these labels", "focus status shows them")
    objectives = {objective.name for focus in hit for objective in focus.objectives}
    if ask.objective and ask.objective not in objectives:
        return Refused(
            "not-found", f"no objective is named {ask.objective!r}", f"known: {', '.join(sorted(objectives))}"
        )
    everything = not ask.focus and len(hit) == len(draft.world.policies.set.focuses) and len(hit) > 1
    if (everything or not (ask.focus or ask.labels)) and not covers(role, Role.ADMIN):
        what = f"it would silence all {len(hit)} focuses, which only an admin may"
        return Refused("refused", what, "name a focus, or labels that not all of them have")
    live = sum(not one.over(draft.at) for one in draft.world.silences.values())
    if live >= MOST:
        return Refused("conflict", f"{live} silences stand already", "end some: focus silence list")
    return None


def _length(draft: Draft, ask: AddSilence, span: tuple[int, int], role: str) -> Refused | None:
    start, until = span
    length = until - start
    if ask.level not in LEVELS:
        return Refused("usage", f"{ask.level!r} is no level", f"one of {', '.join(LEVELS)}")
    if bool(ask.for_ms) == bool(ask.until):
        return Refused(
            "usage", "a silence has either `for` or `until`", "for: 2h; nothing is silent for ever"
        )
    if not ask.reason.strip():
        return Refused("usage", "a silence needs a reason", "what is going on, for whoever wonders at night")
    if length < SHORTEST_MS:
        what = f"it would end {format_duration(-length) + ' before it begins' if length < 0 else 'at once'}"
        return Refused("usage", what, f"at least {format_duration(SHORTEST_MS)}, and not in the past")
    if start - draft.at > FURTHEST_MS:
        return Refused(
            "usage", f"it would begin in {format_duration(start - draft.at)}", "plan it in a Calendar"
        )
    admin = covers(role, Role.ADMIN)
    most = LONGEST_OF_ADMIN_MS if admin else LONGEST_MS
    if length > most:
        who = "even an admin" if admin else "anybody but an admin"
        what = f"{format_duration(length)} is longer than {who} may silence"
        return Refused(
            "usage" if admin else "refused",
            what,
            f"at most {format_duration(most)}; renew it, or mend the alert",
        )
    return None


def _breadth_words(hit: list[Focus]) -> str:
    return f"{hit[0].name} is" if len(hit) == 1 else f"{len(hit)} focuses are"
