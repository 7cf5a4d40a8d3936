"""Watch: a live incident between what hushes it and who must hear of it; and what flaps."""

from dataclasses import replace

from focusplane.act.fact import Kind
from focusplane.act.incident import LIVE, Incident, Stage
from focusplane.define.focus import Focus
from focusplane.define.slo import Level
from focusplane.kernel.ids import Json
from focusplane.kernel.tick import MINUTE, SECOND
from focusplane.observe.burn import limit
from focusplane.observe.reading import Measured, NoData
from focusplane.plane.arrows import trouble as troubles
from focusplane.plane.arrows.hush import Hush, hush
from focusplane.plane.arrows.route import tell
from focusplane.plane.arrows.trouble import Trouble
from focusplane.plane.draft import Draft

CALM_ALONE_MS = 5 * MINUTE
LONGEST_CALM_MS = 30 * MINUTE
SOON_MS = 10 * MINUTE
"""What fails again so soon after it was over is the same incident."""
PROOF_MS = 15 * SECOND
"""So much of the time since nothing hushes it must be seen, before somebody is woken for what the windows remember."""


def hushed(draft: Draft, focus: Focus, incident: Incident) -> Incident:
    """A new incident with what hushes it from the beginning."""
    found = hush(draft, focus, incident)
    return incident if found is None else _under(incident, found)


def said(incident: Incident) -> dict[str, Json]:
    """What the journal keeps besides of an incident that is opened; nothing of the usual."""
    named = {"tenant": incident.tenant, "hushed": incident.hushed, "cause": incident.cause}
    return {key: value for key, value in named.items() if value}


def look(draft: Draft, focus: Focus, incident: Incident, restless: bool) -> Draft:
    """What hushes it may begin, change or end. When it ends and the failure is still there, somebody is told."""
    incident = _graver(draft, focus, incident)
    draft = draft.put("incidents", incident.id, incident)
    found = hush(draft, focus, incident)
    if found is not None:
        return _quiet(draft, focus, incident, found)
    if not incident.hushed:
        return draft
    if not incident.lifted_at:
        incident = replace(incident, lifted_at=draft.at)
        draft = draft.put("incidents", incident.id, incident)
    if incident.stage not in (Stage.OPEN, Stage.ACKED) or not restless:
        return draft
    return _heard(draft, focus, incident) if _still_fails(draft, focus, incident) else draft


def soon_again(draft: Draft, focus: Focus, trouble: Trouble) -> Incident | None:
    """The incident of the same failure that was over until just now; what flaps is one incident that grows. One that was
    closed is not opened again.
    """
    for incident in reversed(list(draft.world.incidents.values())):
        same = (incident.focus, incident.episode) == (focus.name, trouble.episode)
        over = incident.stage in (Stage.RESOLVED, Stage.REVIEW)
        if same and over and draft.at - incident.resolved_at < SOON_MS:
            return incident
    return None


def calm_ms(incident: Incident) -> int:
    """The more often it came back, the longer it must be calm to be over."""
    return int(min(CALM_ALONE_MS * 2**incident.relapses, LONGEST_CALM_MS))


def _under(incident: Incident, found: Hush) -> Incident:
    return replace(incident, hushed=found.why, hushed_by=found.by, cause=found.cause, lifted_at=0)


def _graver(draft: Draft, focus: Focus, incident: Incident) -> Incident:
    """An incident is as grave as the worst that was seen of it."""
    if not troubles.burns(incident.episode):
        return incident
    known = troubles.of_episode(draft, focus, incident.episode)
    worst = max((one.level for one in known), default=Level.NONE)
    return replace(incident, level=max(incident.level, worst))


def _quiet(draft: Draft, focus: Focus, incident: Incident, found: Hush) -> Draft:
    if incident.hushed_by == found.by:
        if not incident.lifted_at:
            return draft
        return draft.put("incidents", incident.id, replace(incident, lifted_at=0))
    return draft.put("incidents", incident.id, _under(incident, found)).say(
        Kind.INCIDENT_HUSHED, focus.name, incident.id, found.why, by=found.by, cause=found.cause
    )


def _heard(draft: Draft, focus: Focus, incident: Incident) -> Draft:
    known = troubles.of_episode(draft, focus, incident.episode)
    worst = max(known, key=lambda one: one.level, default=None)
    now = worst.reason if worst is not None and worst.level >= Level.ACT else incident.reason
    reason = f"{now}; nobody was told until now: {incident.hushed}; {_why_now(draft, incident)}"
    news = "still failing" if incident.paged_at else "opened"
    after = replace(incident, hushed="", hushed_by="", lifted_at=0, since=draft.at)
    draft = draft.put("incidents", incident.id, after).say(
        Kind.INCIDENT_HEARD, focus.name, incident.id, reason, was=incident.hushed
    )
    return tell(draft, focus, after, news, reason)


def _why_now(draft: Draft, incident: Incident) -> str:
    """What has become of that which hushed it."""
    silence = draft.world.silences.get(incident.hushed_by)
    if silence is not None:
        return "more fails now than that covers" if silence.stands(draft.at) else "that silence is over"
    cause = draft.world.incidents.get(incident.cause)
    if cause is None:
        return "that explains it no longer"
    if cause.stage not in LIVE:
        return f"{cause.focus} is well again, and this fails still"
    if cause.hushed:
        return f"{cause.focus} is hushed itself"
    return f"this is graver than {cause.focus} explains"


def _still_fails(draft: Draft, focus: Focus, incident: Incident) -> bool:
    """By what came since nothing hushes it: windows remember a failure that ended with its cause. Where too little comes to
    tell, the windows must have forgotten.
    """
    if not troubles.burns(incident.episode):
        return True
    mark = draft.world.counters.watermark(focus.name)
    if isinstance(mark, NoData):
        return False
    since = incident.lifted_at if incident.cause else incident.lifted_at - MINUTE
    span = min(MINUTE, mark - since)
    if incident.episode != "burn":
        return span >= MINUTE
    for health in troubles.healths(draft, focus):
        rules = [one.rule for one in health.burns if one.firing and one.rule.level >= Level.ACT]
        if not rules or span < PROOF_MS:
            continue
        objective = focus.objective(health.objective)
        seen = draft.world.counters.over(focus.name, objective.name, span, mark)
        least = min(limit(rule, objective.budget).ratio for rule in rules)
        if isinstance(seen, Measured) and seen.bad >= objective.min_bad and seen.bad_ratio > least:
            return True
        if mark - since >= troubles.memory(health):
            return True
    return False
