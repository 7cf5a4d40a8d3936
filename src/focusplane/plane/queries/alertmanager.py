"""What stands and what is silenced, in the shapes of Alertmanager's API v2, so that `amtool` and its like can look at a plane."""

from focusplane.act.foreign import Foreign
from focusplane.act.incident import LIVE, Incident
from focusplane.act.silence import Silence
from focusplane.plane.queries.outgoing import alert, rfc3339
from focusplane.plane.queries.shown import Shown
from focusplane.plane.world import World

RECEIVERS = [{"name": "focusplane"}]


def live_alerts(world: World) -> list[Shown]:
    """Live incidents that the plane found itself, then the alerts of other systems that fire."""
    live = [one for one in world.incidents.values() if one.stage in LIVE]
    by_episode = {one.episode: one for one in live}
    mine = [one for one in live if not one.episode.startswith("alert ")]
    theirs = [_foreign(one, by_episode.get(f"alert {key}")) for key, one in world.alerts.items() if one.fires]
    return [*(_incident(world, one) for one in mine), *theirs]


def _incident(world: World, one: Incident) -> Shown:
    made = alert(world, one, world.tick.at, "")
    return {
        **made,
        "fingerprint": one.id,
        "updatedAt": rfc3339(world.tick.at),
        "receivers": RECEIVERS,
        "status": _status(one),
    }


def _foreign(one: Foreign, incident: Incident | None) -> Shown:
    return {
        "labels": dict(one.sent.labels),
        "annotations": dict(one.sent.annotations),
        "startsAt": rfc3339(one.sent.starts_at),
        "endsAt": rfc3339(one.until),
        "updatedAt": rfc3339(one.seen_at),
        "generatorURL": one.sent.link,
        "fingerprint": one.sent.fingerprint,
        "receivers": RECEIVERS,
        "status": _status(incident),
    }


def _status(incident: Incident | None) -> Shown:
    """`suppressed` by a silence or by the incident that is its cause."""
    by = incident.hushed_by if incident is not None else ""
    cause = incident.cause if incident is not None else ""
    return {
        "state": "suppressed" if by else "active",
        "silencedBy": [by] if by and not cause else [],
        "inhibitedBy": [cause] if cause else [],
    }


def silence_v2(world: World, one: Silence) -> Shown:
    at = world.tick.at
    state = "expired" if one.over(at) else "active" if one.stands(at) else "pending"
    return {
        "id": one.id,
        "status": {"state": state},
        "updatedAt": rfc3339(one.ended_at or one.made_at),
        "comment": one.reason,
        "createdBy": one.by,
        "startsAt": rfc3339(one.from_at),
        "endsAt": rfc3339(one.ended_at or one.until),
        "matchers": _matchers(one),
    }


def _matchers(one: Silence) -> list[Shown]:
    """One that covers everything matches every focus: a silence has at least one matcher."""
    named = {"focus_id": one.focus, "tenant": one.tenant, "objective": one.objective, **one.labels}
    found = [_matcher(name, value) for name, value in named.items() if value]
    return found or [{"name": "focus_id", "value": ".+", "isRegex": True, "isEqual": True}]


def _matcher(name: str, value: str) -> Shown:
    return {"name": name, "value": value, "isRegex": False, "isEqual": True}
