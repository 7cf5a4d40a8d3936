"""Hush: why nobody is told of a failure: a silence, planned work, or a cause in what the focus depends on."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from focusplane.act.incident import LIVE, Incident
from focusplane.act.silence import About, mutes
from focusplane.define.focus import Focus
from focusplane.define.occurrences import covering
from focusplane.define.planned import WorkAlerts
from focusplane.define.slo import Level
from focusplane.kernel.tick import MINUTE, SECOND
from focusplane.observe.reading import Measured, NoData
from focusplane.plane.arrows import sight, trouble
from focusplane.plane.arrows.trouble import BLIND
from focusplane.plane.arrows.words import utc
from focusplane.plane.draft import Draft

EARLIER_MS = 2 * MINUTE
"""A symptom may be seen so long before its cause: their windows and reports differ. What fails earlier has another cause."""

WAITS_MS = 10 * SECOND
"""So long a page waits for its cause, if what the focus needs fails at the same time."""
SETTLES_MS = 30 * SECOND
"""So long after a symptom opened its cause may still be on its way to the level of a page."""


@dataclass(frozen=True, slots=True)
class Hush:
    """`by` is the id of what hushes; `cause` the incident that explains it, if it is one."""

    why: str
    by: str
    cause: str = ""


def hush(draft: Draft, focus: Focus, incident: Incident) -> Hush | None:
    """Why nobody is told now. Only if everything that fails is expected: a silence for one objective hides no other one."""
    found: Hush | None = None
    for about in _failing(draft, focus, incident):
        found = expected(draft, about)
        if found is None:
            return caused(draft, focus, incident)
    return found


def expected(draft: Draft, about: About) -> Hush | None:
    """The silence that stands for this failure, or the planned work. Neither hides blindness unless a silence says so."""
    for silence in draft.world.silences.values():
        if silence.stands(draft.at) and mutes(silence, about):
            why = f"silenced by {silence.by} until {utc(silence.until)}: {silence.reason}"
            return Hush(why, silence.id)
    focus, policies = draft.world.policies.set.focuses.get(about.focus), draft.world.policies.set
    if about.blind or focus is None or not policies.calendars:
        return None
    quiet = [one for one in policies.calendars.values() if one.alerts is WorkAlerts.SUPPRESS]
    for work in covering(quiet, focus, draft.at):
        why = f"planned work {work.calendar} of {work.author} until {utc(work.until)}: {work.reason}"
        return Hush(why, work.calendar)
    return None


def caused(draft: Draft, focus: Focus, incident: Incident) -> Hush | None:
    """The live page of something that this focus needs, if nothing else explains the failure. A cause that is hushed itself
    explains nothing: else two that need each other would hush each other, and a silence would spread to whoever suffers.
    """
    if not trouble.burns(incident.episode) or _own_explanation(draft, focus):
        return None
    for name in needs(draft, focus):
        for other in draft.world.incidents.values():
            if other.focus == name and _explains(other, incident, draft.at):
                why = f"suppressed: {name}, on which it depends, fails since {utc(other.first_bad_at)}"
                return Hush(why, other.id, other.id)
    return _perhaps(draft, focus, incident)


def _perhaps(draft: Draft, focus: Focus, incident: Incident) -> Hush | None:
    """What it needs fails just now, too, and has no incident yet: reports of one failure do not come at one instant."""
    if draft.at - incident.opened_at >= WAITS_MS:
        return None
    for name in needs(draft, focus):
        other = draft.world.policies.set.focuses[name]
        mark = draft.world.counters.watermark(name)
        if isinstance(mark, NoData) or not other.objectives:
            continue
        objective = other.objective(sight.leading(other))
        seen = draft.world.counters.over(name, objective.name, WAITS_MS, mark)
        if isinstance(seen, Measured) and seen.bad_ratio > objective.budget:
            return Hush(f"for a moment: {name}, on which it depends, begins to fail, too", name)
    return None


def needs(draft: Draft, focus: Focus) -> list[str]:
    """Every focus that this one needs, the nearest first, itself never: cycles end where they began."""
    focuses = draft.world.policies.set.focuses
    found: dict[str, None] = {}
    waiting = list(focus.depends_on)
    while waiting:
        name = waiting.pop(0)
        if name in focuses and name not in found and name != focus.name:
            found[name] = None
            waiting.extend(focuses[name].depends_on)
    return list(found)


def causes_first(draft: Draft, names: Collection[str]) -> list[str]:
    """These focuses, each behind those of them that it needs: who needs another one needs all that that one needs, and it.
    Where they need each other, the first one begins.
    """
    focuses = draft.world.policies.set.focuses
    return sorted(names, key=lambda name: len(needs(draft, focuses[name])))


def _explains(cause: Incident, symptom: Incident, at: int) -> bool:
    """Whether it is a live page of the same time. While both still grow, the symptom may seem graver than its cause."""
    of_users = cause.episode == "burn" or cause.episode.startswith("rollout ")
    least = Level.ACT if at - symptom.opened_at < SETTLES_MS else min(Level.PAGE, symptom.level)
    live = cause.stage in LIVE and cause.level >= least and not cause.hushed and not cause.tenant
    return of_users and live and cause.first_bad_at <= symptom.first_bad_at + EARLIER_MS


def _own_explanation(draft: Draft, focus: Focus) -> bool:
    """A version that is being exposed may be the reason itself."""
    rollout = draft.world.rollouts.get(focus.name)
    return rollout is not None and rollout.live


def _failing(draft: Draft, focus: Focus, incident: Incident) -> Iterator[About]:
    """What of this incident fails now; what opened it if it is none of the objectives that burn."""
    tenants = (incident.tenant,) if incident.tenant else _hurt(incident)
    blind = incident.episode == BLIND
    known = trouble.of_episode(draft, focus, incident.episode)
    burning = [one for one in known if one.level >= Level.ACT]
    if not trouble.burns(incident.episode) or not burning:
        yield About(focus.name, focus.labels, incident.level, incident.objective, tenants, blind)
        return
    for health in burning:
        yield About(focus.name, focus.labels, health.level, health.objective, tenants, blind)


def _hurt(incident: Incident) -> tuple[str, ...]:
    """The tenants that were hurt so far, if these are all of them."""
    named, count = incident.impact.get("tenants"), incident.impact.get("tenants_hurt")
    if not isinstance(named, list) or len(named) != count or "tenants_hurt_at_most" in incident.impact:
        return ()
    return tuple(str(one) for one in named)
