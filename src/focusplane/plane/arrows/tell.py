"""Incidents: opened by what fails, grown with what it costs, ended when it is over; told, unless something hushes them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from focusplane.act import incident as incidents
from focusplane.act.action import Phase as ActionPhase
from focusplane.act.change import rank
from focusplane.act.fact import Fact, Kind
from focusplane.act.incident import LIVE, Cause, Incident, Stage
from focusplane.define.focus import Focus, GroupBy
from focusplane.define.slo import Level
from focusplane.kernel.ids import short_id
from focusplane.kernel.tick import SECOND
from focusplane.observe.health import State
from focusplane.observe.reading import NoData
from focusplane.plane.arrows import damage, grouping, hush, route, sight, watch
from focusplane.plane.arrows import trouble as trouble_
from focusplane.plane.arrows.trouble import ALERT, BLIND, Trouble
from focusplane.plane.draft import Draft

CALM_AFTER_MITIGATION_MS = 15 * SECOND
KEPT = 200


def troubles(draft: Draft) -> Draft:
    """Open what is new, causes before what suffers from them; grow what is live."""
    told, found = _by_focus(draft.facts), dict[str, list[Trouble]]()
    for focus in draft.world.policies.set.focuses.values():
        mine = told.get(focus.name, ())
        new = [*trouble_.happened(draft, focus, mine), *trouble_.lasts(draft, focus)]
        if new:
            found[focus.name] = new
        draft = _questions(draft, focus, mine)
    for name in hush.causes_first(draft, found):
        focus = draft.world.policies.set.focuses[name]
        for trouble in found[name]:
            for one in grouping.apart(draft, focus, trouble):
                draft = _open(draft, focus, one)
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


def _questions(draft: Draft, focus: Focus, told: Sequence[Fact]) -> Draft:
    """A rollout that cannot decide asks a person, in working hours."""
    for fact in told:
        if fact.kind is Kind.ROLLOUT_HELD and fact.body.get("asks"):
            title = f"{focus.name}: somebody must decide on {fact.body['version']}"
            names = focus.alerts.ticket or focus.alerts.page
            about = (fact.subject, str(fact.at))
            draft = route.send(draft, focus.owner, focus, names, route.Message(about, title, fact.reason))
    return draft


def _alarms(draft: Draft) -> Draft:
    """A policy set that shrinks sharply or becomes empty is not obeyed, and pages every owner (N16)."""
    for fact in draft.facts:
        if fact.kind is not Kind.POLICY_HELD or not fact.body.get("alarm"):
            continue
        for focus in draft.world.policies.set.focuses.values():
            title = "the policy set is not obeyed"
            about = ("set", str(fact.at), focus.name)
            said = route.Message(about, title, fact.reason, level=Level.PAGE)
            draft = route.send(draft, focus.owner, focus, focus.alerts.page, said)
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
    """One live incident per episode and tenant; what comes back soon after it was over is the old one again."""
    if _covered(draft, focus, trouble):
        return _ask(draft, focus, trouble)
    before = watch.soon_again(draft, focus, trouble)
    if before is not None:
        anew = replace(before, hushed="", hushed_by="", cause="", lifted_at=0)
        return _move(draft, focus, watch.hushed(draft, focus, anew), Cause.RELAPSE, trouble.reason)
    group = trouble_.group_in(trouble.episode)
    first_bad = trouble.began or damage.first_bad(draft, focus, trouble.version, trouble.objective, group)
    key = short_id("inc", focus.name, trouble.episode, draft.tick.number)
    changes = draft.world.changes
    suspects = rank(changes, focus.name, first_bad, trouble.version, focus.depends_on, group)
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
        objective=trouble.objective,
        tenant=trouble_.tenant_in(trouble.episode),
    )
    incident = replace(incident, impact=damage.impact(draft, focus, incident))
    incident = watch.hushed(draft, focus, incident)
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
        **watch.said(incident),
    )
    said = f"{trouble.reason}; {trouble.asks}" if trouble.asks else trouble.reason
    return route.tell(draft, focus, incident, "opened", said)


def _ask(draft: Draft, focus: Focus, trouble: Trouble) -> Draft:
    """Who was woken by the failure already is asked for the yes that what answers it waits for."""
    if not trouble.asks:
        return draft
    about = (trouble.asks, str(draft.at))
    said = route.Message(about, trouble.title, f"{trouble.reason}; {trouble.asks}", level=Level.ACT)
    return route.send(draft, focus.owner, focus, focus.alerts.page, said)


def _grow(draft: Draft, focus: Focus, incident: Incident) -> Draft:
    incident = replace(incident, impact=damage.impact(draft, focus, incident))
    draft = draft.put("incidents", incident.id, incident)
    if whole := _whole(draft, focus, incident):
        return _move(
            draft, focus, incident, Cause.RESOLVE, f"more tenants fail: {whole} tells of all of them"
        )
    draft = _linked(draft, incident)
    draft = watch.look(draft, focus, incident, _restless(draft, focus, incident))
    incident = draft.world.incidents[incident.id]
    if incident.stage is Stage.MITIGATED and (again := _again(draft, focus, incident)):
        return _move(draft, focus, incident, Cause.RELAPSE, again)
    if incident.stage in (Stage.OPEN, Stage.ACKED) and (how := _mitigated(draft, incident)):
        return _move(draft, focus, incident, Cause.MITIGATE, how)
    return _calm(draft, focus, incident)


def _whole(draft: Draft, focus: Focus, incident: Incident) -> str:
    """The live incident of the whole focus, beside which one of a single tenant says nothing new."""
    if not incident.tenant or focus.alerts.group_by is not GroupBy.TENANT:
        return ""
    for other in draft.world.incidents.values():
        if other.focus == incident.focus and other.stage in LIVE and other.episode == "burn":
            return other.id
    return ""


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
    No action gives back the sight of what cannot be seen, and whether another system's alert is over only that system says.
    """
    if incident.episode == BLIND or incident.episode.startswith(ALERT):
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
    if incident.episode.startswith(ALERT):
        return _as_said(draft, focus, incident)
    restless = _restless(draft, focus, incident)
    if restless:
        return (
            draft.put("incidents", incident.id, replace(incident, calm_since=0))
            if incident.calm_since
            else draft
        )
    if not incident.calm_since:
        return draft.put("incidents", incident.id, replace(incident, calm_since=draft.at))
    needed = CALM_AFTER_MITIGATION_MS if incident.stage is Stage.MITIGATED else watch.calm_ms(incident)
    mark = draft.world.counters.watermark(focus.name)
    if isinstance(mark, NoData) or mark - incident.calm_since < needed:
        return draft
    calm = "seen again" if incident.episode == BLIND else "calm"
    words = f"every objective has been {calm} for {needed // SECOND} s"
    return _move(draft, focus, incident, Cause.RECOVER, words)


def _as_said(draft: Draft, focus: Focus, incident: Incident) -> Draft:
    """Of what another system alerts, that system knows when it is over, also where nothing is counted."""
    if _restless(draft, focus, incident):
        return draft
    alert = trouble_.alert_of(draft, incident.episode)
    return _move(
        draft, focus, incident, Cause.RECOVER, alert.why if alert is not None else "its alert is gone"
    )


def _restless(draft: Draft, focus: Focus, incident: Incident) -> bool:
    if incident.episode == "drift" and sight.adrift(draft, focus):
        return True
    if incident.episode.startswith(ALERT):
        alert = trouble_.alert_of(draft, incident.episode)
        return alert is not None and alert.fires and alert.focus == focus.name
    rollout = draft.world.rollouts.get(focus.name)
    if rollout is not None and rollout.live and incident.episode == f"rollout {rollout.id}":
        return True
    healths = trouble_.of_episode(draft, focus, incident.episode)
    if any(health.state is State.BLIND for health in healths):
        return True
    if incident.episode == BLIND:
        return False
    grave = [health for health in healths if health.level >= Level.ACT]
    return bool(grave) or grouping.fails_alone(draft, focus, incident)


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
    again = "again" if after.episode == BLIND else "failing again"
    return route.tell(draft, focus, after, again if cause is Cause.RELAPSE else str(after.stage), reason)


def _bounded(draft: Draft) -> Draft:
    """So many are kept: those that nobody needs to look back at go first."""
    kept = draft.world.incidents
    if len(kept) <= KEPT:
        return draft
    ended = [incident for incident in kept.values() if incident.stage not in LIVE]
    ended.sort(key=lambda incident: incident.stage is not Stage.CLOSED)
    gone = {incident.id for incident in ended[: len(kept) - KEPT]}
    return draft.but(incidents={key: incident for key, incident in kept.items() if key not in gone})
