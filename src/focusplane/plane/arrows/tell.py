"""Incidents: opened by what fails, grown with what it costs, ended when it is over; and who is told."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from focusplane.act import incident as incidents
from focusplane.act.action import Phase as ActionPhase
from focusplane.act.change import rank
from focusplane.act.effect import Notify
from focusplane.act.fact import Fact, Kind
from focusplane.act.incident import LIVE, Cause, Incident, Stage
from focusplane.define.focus import Focus
from focusplane.define.slo import Level
from focusplane.kernel.ids import short_id
from focusplane.kernel.tick import MINUTE, SECOND
from focusplane.observe.health import State
from focusplane.observe.reading import NoData
from focusplane.plane.arrows import damage
from focusplane.plane.arrows import trouble as trouble_
from focusplane.plane.arrows.trouble import BLIND, Trouble
from focusplane.plane.draft import Draft

CALM_AFTER_MITIGATION_MS = 15 * SECOND
CALM_ALONE_MS = 5 * MINUTE
KEPT = 200


def troubles(draft: Draft) -> Draft:
    """Open what is new, grow what is live, write tickets for what can wait."""
    told = _by_focus(draft.facts)
    for focus in draft.world.policies.set.focuses.values():
        mine = told.get(focus.name, ())
        for trouble in (*trouble_.happened(draft, focus, mine), *trouble_.lasts(draft, focus)):
            draft = _open(draft, focus, trouble)
        draft = _tickets(draft, focus, mine)
    draft = _alarms(draft)
    for incident in draft.world.incidents.values():
        owner = draft.world.policies.set.focuses.get(incident.focus)
        if incident.stage in LIVE and owner is not None:
            draft = _grow(draft, owner, incident)
    return _bounded(draft)


def _by_focus(facts: Sequence[Fact]) -> Mapping[str, Sequence[Fact]]:
    """Sorted once: a start of 1,000 focuses has thousands of facts, of which each focus has a few."""
    found: dict[str, list[Fact]] = {}
    for fact in facts:
        found.setdefault(fact.focus, []).append(fact)
    return found


def _tickets(draft: Draft, focus: Focus, told: Sequence[Fact]) -> Draft:
    """Degradation inside the budget is for working hours: one ticket when it begins."""
    slow = {Level.TICKET.name.lower(), Level.REVIEW.name.lower()}
    for fact in told:
        if fact.kind is Kind.HEALTH_CHANGED and fact.body["level"] in slow:
            group = str(fact.body.get("group", ""))
            title = (
                f"{focus.name}: {fact.subject}{' of ' if group else ''}{group} burns ({fact.body['level']})"
            )
            about = (fact.subject, *([group] if group else []), str(fact.at))
            draft = _send(draft, focus, focus.alerts.ticket, about, title, fact.reason)
        if fact.kind is Kind.ROLLOUT_HELD and fact.body.get("asks"):
            title = f"{focus.name}: somebody must decide on {fact.body['version']}"
            names = focus.alerts.ticket or focus.alerts.page
            draft = _send(draft, focus, names, (fact.subject, str(fact.at)), title, fact.reason)
    return draft


def _alarms(draft: Draft) -> Draft:
    """A policy set that shrinks sharply or becomes empty is not obeyed, and pages every owner (N16)."""
    for fact in draft.facts:
        if fact.kind is not Kind.POLICY_HELD or not fact.body.get("alarm"):
            continue
        for focus in draft.world.policies.set.focuses.values():
            title = "the policy set is not obeyed"
            draft = _send(
                draft, focus, focus.alerts.page, ("set", str(fact.at), focus.name), title, fact.reason
            )
    return draft


def _covered(draft: Draft, focus: Focus, trouble: Trouble) -> bool:
    """An incident tells of it already: of the same episode, or of the failure that the windows still hold."""
    return any(
        _covers(incident, trouble, draft.at)
        for incident in draft.world.incidents.values()
        if incident.focus == focus.name
    )


def _covers(incident: Incident, trouble: Trouble, at: int) -> bool:
    if incident.stage in LIVE and incident.episode == trouble.episode:
        return True
    group = trouble_.group_in(trouble.episode)
    told = _of_users(incident) or (group and incident.episode == trouble.episode)
    if not told or (trouble.episode not in LASTING and not group):
        return False
    if incident.stage in (Stage.OPEN, Stage.ACKED):
        return True
    over = incident.resolved_at or incident.mitigated_at
    return trouble.episode.startswith("burn") and at - over < trouble.memory_ms


LASTING = frozenset({"burn", "drift"})
"""Episodes of which an open incident of any other failure tells already, for they are how it shows."""


def _of_users(incident: Incident) -> bool:
    """It tells of what users get. One about an action or a notification says nothing of an outage, and hides none."""
    return incident.episode == "burn" or incident.episode.startswith("rollout ")


def _open(draft: Draft, focus: Focus, trouble: Trouble) -> Draft:
    """One live incident per episode."""
    if _covered(draft, focus, trouble):
        return draft
    group = trouble_.group_in(trouble.episode)
    first_bad = damage.first_bad(draft, focus, trouble.version, trouble.objective, group)
    key = short_id("inc", focus.name, trouble.episode, draft.tick.number)
    suspects = rank(draft.world.changes, focus.name, first_bad, trouble.version)
    incident = Incident(
        key,
        focus.name,
        trouble.episode,
        Stage.OPEN,
        trouble.level,
        trouble.title,
        trouble.reason,
        draft.at,
        draft.at,
        first_bad,
        trouble.version,
        suspects=suspects,
    )
    incident = replace(incident, impact=damage.impact(draft, focus, incident))
    draft = draft.put("incidents", key, incident).say(
        Kind.INCIDENT_OPENED,
        focus.name,
        key,
        f"{trouble.title}: {trouble.reason}",
        level=trouble.level.name.lower(),
        episode=trouble.episode,
        version=trouble.version,
        first_bad_at=first_bad,
        surface=damage.smallest_surface(draft, focus),
        suspects=[f"{suspect.change.what} ({suspect.why})" for suspect in suspects],
    )
    return tell(draft, focus, incident, "opened", trouble.reason)


def _grow(draft: Draft, focus: Focus, incident: Incident) -> Draft:
    incident = replace(incident, impact=damage.impact(draft, focus, incident))
    draft = draft.put("incidents", incident.id, incident)
    draft = _linked(draft, incident)
    if incident.stage is Stage.MITIGATED and (again := _again(draft, focus, incident)):
        return _move(draft, focus, incident, Cause.RELAPSE, again)
    if incident.stage in (Stage.OPEN, Stage.ACKED) and (how := _mitigated(draft, incident)):
        return _move(draft, focus, incident, Cause.MITIGATE, how)
    return _calm(draft, focus, incident)


def _linked(draft: Draft, incident: Incident) -> Draft:
    """Actions that answer this failure carry the incident's name: those of its rollout, and those since it began."""
    for action in draft.world.actions.values():
        mine = action.rollout and incident.episode == f"rollout {action.rollout}"
        since = not action.rollout and action.planned_at >= incident.first_bad_at
        if action.focus == incident.focus and not action.incident and (mine or since):
            draft = draft.put("actions", action.key, replace(action, incident=incident.id))
    return draft


def _again(draft: Draft, focus: Focus, incident: Incident) -> str:
    """Why it is not over after all: it burns by windows that hold nothing from before the mitigation."""
    since = draft.at - incident.mitigated_at
    burns = incident.episode.startswith("burn")
    healths = trouble_.of_episode(draft, focus, incident.episode) if burns else []
    found = [each for each in healths if each.level >= Level.ACT and since >= trouble_.memory(each)]
    return found[0].reason if found else ""


def _mitigated(draft: Draft, incident: Incident) -> str:
    """By which verified action, if any: the rollback of its rollout, or a mitigation planned since the first failure.
    No action gives back the sight of what cannot be seen.
    """
    if incident.episode == BLIND:
        return ""
    for action in draft.world.actions.values():
        if action.focus != incident.focus or action.phase is not ActionPhase.VERIFIED:
            continue
        of_rollout = incident.episode == f"rollout {action.rollout}" and action.since >= incident.opened_at
        of_mitigation = not action.rollout and action.planned_at >= incident.first_bad_at
        if action.since <= incident.mitigated_at:
            continue
        if of_rollout or of_mitigation:
            return f"{action.what}: {action.detail}"
    return ""


def _calm(draft: Draft, focus: Focus, incident: Incident) -> Draft:
    """Over when every objective has been calm for long enough, shorter after a verified mitigation. Counted on the data:
    time in which nothing arrived is no calm.
    """
    restless = _restless(draft, focus, incident)
    if restless:
        return (
            draft.put("incidents", incident.id, replace(incident, calm_since=0))
            if incident.calm_since
            else draft
        )
    if not incident.calm_since:
        return draft.put("incidents", incident.id, replace(incident, calm_since=draft.at))
    needed = CALM_AFTER_MITIGATION_MS if incident.stage is Stage.MITIGATED else CALM_ALONE_MS
    mark = draft.world.counters.watermark(focus.name)
    if isinstance(mark, NoData) or mark - incident.calm_since < needed:
        return draft
    calm = "seen again" if incident.episode == BLIND else "calm"
    words = f"every objective has been {calm} for {needed // SECOND} s"
    return _move(draft, focus, incident, Cause.RECOVER, words)


def _restless(draft: Draft, focus: Focus, incident: Incident) -> bool:
    if incident.episode == "drift" and focus.name in draft.world.drifts:
        return True
    rollout = draft.world.rollouts.get(focus.name)
    if rollout is not None and rollout.live and incident.episode == f"rollout {rollout.id}":
        return True
    healths = trouble_.of_episode(draft, focus, incident.episode)
    if any(health.state is State.BLIND for health in healths):
        return True
    return incident.episode != BLIND and any(health.level >= Level.ACT for health in healths)


def _move(draft: Draft, focus: Focus, incident: Incident, cause: Cause, reason: str) -> Draft:
    after = incidents.advance(incident, cause, draft.at)
    draft = draft.put("incidents", incident.id, replace(after, calm_since=0)).say(
        Kind.INCIDENT_MOVED,
        focus.name,
        incident.id,
        reason,
        stage=str(after.stage),
        **after.impact,
    )
    return tell(draft, focus, after, "failing again" if cause is Cause.RELAPSE else str(after.stage), reason)


def tell(draft: Draft, focus: Focus, incident: Incident, news: str, reason: str) -> Draft:
    """One message to each channel of the owner for this news; pages go to the page channels, the rest to tickets."""
    names = focus.alerts.page if incident.level >= Level.ACT else focus.alerts.ticket
    about = (incident.id, news, str(incident.since))
    return _send(draft, focus, names, about, f"{incident.title} [{news}]", reason)


def _send(
    draft: Draft, focus: Focus, names: tuple[str, ...], about: tuple[str, ...], title: str, body: str
) -> Draft:
    team = draft.world.policies.set.teams.get(focus.owner)
    incident = about[0] if about[0] in draft.world.incidents else ""
    for name in names:
        url = team.channels.get(name, "") if team is not None else ""
        if url:
            key = short_id("ntf", *about, name)
            draft = draft.cause(Notify(key, focus.name, name, url, title, body, incident))
    return draft


def _bounded(draft: Draft) -> Draft:
    kept = draft.world.incidents
    if len(kept) <= KEPT:
        return draft
    ended = [key for key, incident in kept.items() if incident.stage not in LIVE][: len(kept) - KEPT]
    return draft.but(incidents={key: incident for key, incident in kept.items() if key not in ended})
