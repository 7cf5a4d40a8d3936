"""Routes: which channels hear of what, and how often; above so many pages an hour the rest is told once, as a whole (A6)."""

from dataclasses import dataclass, replace

from focusplane.act import change
from focusplane.act.effect import Event, Notify
from focusplane.act.fact import Kind
from focusplane.act.incident import Incident, Stage
from focusplane.define.focus import Focus
from focusplane.define.slo import Level
from focusplane.kernel.ids import short_id
from focusplane.kernel.quantity import format_duration
from focusplane.kernel.tick import HOUR
from focusplane.plane.draft import Draft
from focusplane.plane.world import Noise

OVER = str(Stage.RESOLVED)


@dataclass(frozen=True, slots=True)
class Message:
    """What is said. `about` makes the key, and names first the incident, ticket or rollout that it is about."""

    about: tuple[str, ...]
    title: str
    body: str
    event: Event = Event.NEWS
    level: Level = Level.NONE
    quiet: bool = False


def channels(focus: Focus, level: Level) -> tuple[str, ...]:
    """Names of the owner's channels for a level: pages wake people, reviews go where tickets go unless told otherwise."""
    if level >= Level.ACT:
        return focus.alerts.page
    if level is Level.REVIEW and focus.alerts.review:
        return focus.alerts.review
    return focus.alerts.ticket


def tell(draft: Draft, focus: Focus, incident: Incident, news: str, reason: str) -> Draft:
    """One message to each channel of the owner for this news. Who is hushed is not told; who was woken hears that it is over."""
    incident = draft.world.incidents.get(incident.id, incident)
    if incident.hushed and not (incident.paged_at and news == OVER):
        return draft
    title = f"{incident.title} [{news}]"
    if not _room(draft, focus):
        held = _hold(draft, focus, incident, title)
        return follow(held, focus, incident, reason) if news == OVER else held
    about = (incident.id, news, str(incident.since))
    said = Message(about, title, body(incident, news, reason), _event(incident, news), incident.level)
    draft = send(draft, focus.owner, focus, channels(focus, incident.level), said)
    if news == OVER:
        draft = _escalation(draft, focus, incident, said)
    return _count(_woken(draft, incident), focus)


def _event(incident: Incident, news: str) -> Event:
    """What is mitigated is still open."""
    if news == OVER:
        return Event.RESOLVE
    return Event.TRIGGER if incident.stage is Stage.OPEN else Event.NEWS


def follow(draft: Draft, focus: Focus, incident: Incident, reason: str) -> Draft:
    """Pagers that keep a state follow that somebody has it, or that it is over, and nobody is woken by that."""
    event = {Stage.ACKED: Event.ACKNOWLEDGE, Stage.RESOLVED: Event.RESOLVE}.get(incident.stage)
    if event is None or not incident.paged_at:
        return draft
    about = (incident.id, event, str(incident.since))
    said = Message(about, f"{incident.title} [{incident.stage}]", reason, event, incident.level, quiet=True)
    draft = send(draft, focus.owner, focus, channels(focus, incident.level), said)
    return _escalation(draft, focus, incident, said)


def _escalation(draft: Draft, focus: Focus, incident: Incident, said: Message) -> Draft:
    """To those whom the escalation reached as well; a pager on a step before a relapse may still keep it open, so it follows."""
    team = draft.world.policies.set.teams.get(focus.owner)
    for number, step in enumerate(team.escalation if team is not None else ()):
        heard = number < incident.escalated
        mine = replace(said, quiet=said.quiet or not heard, about=(*said.about, str(number)))
        draft = send(draft, step.team or focus.owner, focus, step.channels, mine)
    return draft


def _woken(draft: Draft, incident: Incident) -> Draft:
    """From the first word on an answer is waited for."""
    if incident.paged_at:
        return draft
    return draft.put("incidents", incident.id, replace(incident, paged_at=draft.at))


def body(incident: Incident, news: str, reason: str) -> str:
    """Why, and while it lasts what changed before it."""
    changed = change.told(incident.suspects) if news != OVER else ""
    return f"{reason}\nWhat changed: {changed}" if changed else reason


def send(draft: Draft, team: str, focus: Focus, names: tuple[str, ...], said: Message) -> Draft:
    """The same words to each of a team's channels."""
    whose = draft.world.policies.set.teams.get(team)
    about = said.about[0]
    incident = about if about in draft.world.incidents else ""
    for name in names:
        url = whose.channels.get(name, "") if whose is not None else ""
        if url:
            key = short_id("ntf", *said.about, name)
            draft = draft.cause(
                Notify(
                    key,
                    focus.name,
                    name,
                    url,
                    said.title,
                    said.body,
                    incident,
                    about=about,
                    event=said.event,
                    level=said.level,
                    quiet=said.quiet,
                )
            )
    return draft


def summaries(draft: Draft) -> Draft:
    """What was held back is told as a whole as soon as the hour has room again."""
    for name, noise in draft.world.noise.items():
        focus = draft.world.policies.set.focuses.get(name)
        recent = _recent(noise, draft.at)
        if not recent and not noise.held:
            draft = draft.drop("noise", name)
        elif noise.held and focus is not None and len(recent) < focus.alerts.most_pages:
            draft = _summary(draft, focus, noise)
    return draft


def _summary(draft: Draft, focus: Focus, noise: Noise) -> Draft:
    over = format_duration((draft.at - noise.since) // 1000 * 1000)
    incident = draft.world.incidents.get(noise.incident)
    stands = f"; it is {incident.stage} now" if incident is not None else ""
    title = f"{focus.name}: {noise.held} more messages in {over}"
    words = f"they were held back because there were too many; the last one: {noise.last}{stands}"
    event = Event.TRIGGER if incident is not None and incident.stage is Stage.OPEN else Event.NEWS
    level = incident.level if incident is not None else Level.PAGE
    said = Message((noise.incident, "summary", str(noise.since)), title, words, event, level)
    draft = send(draft, focus.owner, focus, focus.alerts.page, said)
    draft = draft.put("noise", focus.name, replace(noise, held=0, since=0, last="", incident=""))
    for one in draft.world.incidents.values():
        if one.focus == focus.name and one.stage is Stage.OPEN and not one.hushed:
            draft = _woken(draft, one)
    return _count(draft, focus)


def _recent(noise: Noise, at: int) -> tuple[int, ...]:
    return tuple(one for one in noise.pages if at - one < HOUR)


def _room(draft: Draft, focus: Focus) -> bool:
    """Once something is held back, everything is until the summary: the order of what people read is the order of things."""
    noise = draft.world.noise.get(focus.name, Noise())
    return not noise.held and len(_recent(noise, draft.at)) < focus.alerts.most_pages


def _count(draft: Draft, focus: Focus) -> Draft:
    noise = draft.world.noise.get(focus.name, Noise())
    return draft.put("noise", focus.name, replace(noise, pages=(*_recent(noise, draft.at), draft.at)))


def _hold(draft: Draft, focus: Focus, incident: Incident, title: str) -> Draft:
    """The incident grows and nobody is woken again; that this begins is said once."""
    noise = draft.world.noise.get(focus.name, Noise())
    first = not noise.held
    held = replace(
        noise, held=noise.held + 1, since=noise.since or draft.at, last=title, incident=incident.id
    )
    draft = draft.put("noise", focus.name, held)
    if not first:
        return draft
    why = (
        f"{focus.alerts.most_pages} pages within an hour: what follows is gathered in {incident.id} and told as a whole, "
        "within the hour"
    )
    event = Event.TRIGGER if incident.stage is Stage.OPEN else Event.NEWS
    about = (incident.id, "too many", str(draft.at))
    said = Message(about, f"{title}; too many messages", why, event, incident.level)
    draft = send(draft, focus.owner, focus, focus.alerts.page, said)
    draft = _woken(draft, incident)
    return draft.say(Kind.PAGES_HELD, focus.name, incident.id, why)
