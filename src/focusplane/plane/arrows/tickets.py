"""Tickets and reviews: degradation that can wait, one for each objective and episode, with a beginning and an end."""

from dataclasses import replace

from focusplane.act.effect import Event
from focusplane.act.fact import Kind
from focusplane.act.incident import LIVE
from focusplane.act.silence import About
from focusplane.act.ticket import Ticket
from focusplane.define.focus import Focus
from focusplane.define.slo import Level
from focusplane.kernel.ids import short_id
from focusplane.kernel.tick import MINUTE
from focusplane.observe.health import Health, State
from focusplane.observe.reading import NoData
from focusplane.plane.arrows import hush, route, trouble
from focusplane.plane.arrows.trouble import MOST_GROUPS
from focusplane.plane.draft import Draft

CALM_MS = 15 * MINUTE
"""A ticket is closed when its objective has been calm for so long, counted on the data."""


def tickets(draft: Draft) -> Draft:
    """Open what begins to degrade, raise what gets worse, close what is over; what cannot be seen stays as it is."""
    for focus in draft.world.policies.set.focuses.values():
        for health in trouble.healths(draft, focus):
            draft = _look(draft, focus, health, f"{focus.name}/{health.objective}")
            draft = _groups(draft, focus, health)
    return _orphans(draft)


def _orphans(draft: Draft) -> Draft:
    """What is judged no more leaves: a focus, an objective or a group. Nobody is told, since nobody can say how it stands."""
    for key, ticket in draft.world.tickets.items():
        judged = f"{ticket.focus}/{ticket.objective}"
        groups = draft.world.groups.get(judged, ())
        if judged in draft.world.health and (
            not ticket.group or any(one.group == ticket.group for one in groups)
        ):
            continue
        draft = draft.drop("tickets", key)
        if not ticket.closed_at:
            words = f"{ticket.objective}{' of ' if ticket.group else ''}{ticket.group} is judged no more"
            draft = draft.say(Kind.TICKET_MOVED, ticket.focus, ticket.id, words, news="over")
    return draft


def _groups(draft: Draft, focus: Focus, whole: Health) -> Draft:
    """Of groups that are judged apart, the worst few while the whole is well; and those that have a ticket."""
    key = f"{focus.name}/{whole.objective}"
    burning = [one for one in draft.world.groups.get(key, ()) if one.level > Level.NONE]
    new = {one.group for one in burning[:MOST_GROUPS]} if whole.level is Level.NONE else set()
    for health in draft.world.groups.get(key, ()):
        own = f"{key}/{health.group}"
        if health.group in new or own in draft.world.tickets:
            draft = _look(draft, focus, health, own)
    return draft


def _look(draft: Draft, focus: Focus, health: Health, key: str) -> Draft:
    ticket = draft.world.tickets.get(key)
    open_now = ticket is not None and not ticket.closed_at
    if health.state is State.BLIND:
        return draft if ticket is None else _keep(draft, key, replace(ticket, calm_since=0))
    if not open_now or ticket is None:
        slow = Level.NONE < health.level < Level.ACT
        return _open(draft, focus, health, key) if slow and not _covered(draft, focus) else draft
    if health.level > Level.NONE:
        return _worse(draft, focus, health, key, replace(ticket, calm_since=0))
    return _calm(draft, focus, key, ticket)


def _covered(draft: Draft, focus: Focus) -> bool:
    """A live incident tells of it already."""
    incidents = draft.world.incidents.values()
    return any(one.focus == focus.name and one.stage in LIVE and one.episode == "burn" for one in incidents)


def _keep(draft: Draft, key: str, ticket: Ticket) -> Draft:
    return draft if draft.world.tickets.get(key) == ticket else draft.put("tickets", key, ticket)


def _open(draft: Draft, focus: Focus, health: Health, key: str) -> Draft:
    about = (health.objective, *filter(None, [health.group]))
    name = short_id("tkt", focus.name, *about, draft.tick.number)
    quiet = hush.expected(draft, _about(focus, health, health.level))
    hushed = quiet.why if quiet is not None else ""
    ticket = Ticket(
        name,
        focus.name,
        health.objective,
        health.level,
        health.reason,
        draft.at,
        hushed=hushed,
        group=health.group,
    )
    draft = draft.put("tickets", key, ticket).say(
        Kind.TICKET_OPENED,
        focus.name,
        name,
        health.reason,
        objective=health.objective,
        level=health.level.name.lower(),
        hushed=hushed,
    )
    return _tell(draft, focus, ticket, "opened", health.reason)


def _about(focus: Focus, health: Health, level: Level) -> About:
    tenant = trouble.tenant_in(trouble.group_episode(health.group))
    return About(focus.name, focus.labels, level, health.objective, (tenant,) if tenant else ())


def _worse(draft: Draft, focus: Focus, health: Health, key: str, ticket: Ticket) -> Draft:
    """Raised from ticket to review; beyond that the incident speaks. Told after all when what hushed it is over."""
    quiet = hush.expected(draft, _about(focus, health, ticket.level))
    if ticket.hushed and quiet is None:
        heard = replace(ticket, hushed="", reason=health.reason)
        draft = _keep(draft, key, heard).say(
            Kind.TICKET_MOVED, focus.name, ticket.id, f"no longer hushed: {health.reason}", news="opened"
        )
        return _tell(draft, focus, heard, "opened", health.reason)
    if not ticket.level < health.level < Level.ACT:
        return _keep(draft, key, ticket)
    raised = replace(ticket, level=health.level, reason=health.reason)
    draft = draft.put("tickets", key, raised).say(
        Kind.TICKET_MOVED,
        focus.name,
        ticket.id,
        health.reason,
        news="raised",
        level=health.level.name.lower(),
    )
    return _tell(draft, focus, raised, "worse", health.reason)


def _calm(draft: Draft, focus: Focus, key: str, ticket: Ticket) -> Draft:
    if not ticket.calm_since:
        return draft.put("tickets", key, replace(ticket, calm_since=draft.at))
    mark = draft.world.counters.watermark(focus.name)
    if isinstance(mark, NoData) or mark - ticket.calm_since < CALM_MS:
        return draft
    words = f"calm for {CALM_MS // MINUTE} minutes"
    draft = draft.put("tickets", key, replace(ticket, closed_at=draft.at)).say(
        Kind.TICKET_MOVED, focus.name, ticket.id, words, news="over"
    )
    return _tell(draft, focus, ticket, "over", words)


def _tell(draft: Draft, focus: Focus, ticket: Ticket, news: str, reason: str) -> Draft:
    if ticket.hushed:
        return draft
    word = "review" if ticket.level is Level.REVIEW else "ticket"
    of = f" of {ticket.group}" if ticket.group else ""
    title = f"{focus.name}: {ticket.objective}{of} burns ({word}) [{news}]"
    about = (ticket.id, news, str(draft.at))
    event = Event.RESOLVE if news == "over" else Event.TRIGGER
    said = route.Message(about, title, reason, event, ticket.level)
    return route.send(draft, focus.owner, focus, route.channels(focus, ticket.level), said)
