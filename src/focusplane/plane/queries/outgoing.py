"""What stands at this moment, as alerts that an Alertmanager takes (its API v2): one for each incident."""

from datetime import UTC, datetime, timedelta

from focusplane.act import change
from focusplane.act.foreign import Via
from focusplane.act.incident import LIVE, Incident
from focusplane.define.slo import Level
from focusplane.kernel.tick import MINUTE
from focusplane.plane.queries.shown import Shown
from focusplane.plane.world import World

OVER_FOR_MS = 5 * MINUTE
"""So long it is said again that an incident is over: a receiver may have been away when it ended."""
STANDS_MS = 4 * MINUTE
"""What is not said again within this time ends by itself at the receiver: a plane that died keeps nothing firing."""
WATCHDOG_MS = 3 * MINUTE
"""So long the watchdog alert stands after it was said last, and after the last judgement is said no more."""
MOST = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES = {"burn": "FocusBurns", "blind": "FocusBlind", "drift": "FocusDrifts"}
_SEVERITIES = {Level.OUTAGE: "critical", Level.PAGE: "critical", Level.ACT: "critical"}


def outgoing(world: World, at: int, link: str) -> list[Shown]:
    """Every incident that is live, or was until five minutes before `at` (Unix ms); what people silenced is left out,
    and what an Alertmanager told us itself.

    `link` is the address of the pages. The labels are the identity of an alert: of one incident they change only with its
    severity, and the alert with the former one ends by itself.
    """
    told = [
        one
        for one in world.incidents.values()
        if not one.hushed and _matters(one, at) and not _came_from_one(world, one)
    ]
    return [alert(world, one, at, link) for one in told[-MOST:]]


def watchdog(world: World, at: int) -> Shown:
    """An alert that always fires: it ends when this plane no longer judges, and that it is absent is the news."""
    return {
        "labels": {"alertname": "Watchdog", "plane": world.board.plane, "environment": world.environment},
        "annotations": {"summary": "focusplane judges; if this alert ends, it no longer does"},
        "startsAt": rfc3339(world.up_since),
        "endsAt": rfc3339(at + WATCHDOG_MS),
    }


def rfc3339(at: int) -> str:
    """Unix milliseconds as `2026-11-22T14:26:08.120Z`."""
    return (_EPOCH + timedelta(milliseconds=at)).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % 1000:03d}Z"


def _matters(incident: Incident, at: int) -> bool:
    return incident.stage in LIVE or 0 <= at - incident.resolved_at < OVER_FOR_MS


def _came_from_one(world: World, incident: Incident) -> bool:
    """An Alertmanager told us of it by its webhook, and has told whom it tells."""
    found = world.alerts.get(incident.episode.removeprefix("alert "))
    return found is not None and found.via == Via.WEBHOOK


def alert(world: World, incident: Incident, at: int, link: str) -> Shown:
    ends = at + STANDS_MS if incident.stage in LIVE else incident.resolved_at
    return {
        "labels": _labels(world, incident),
        "annotations": _annotations(incident),
        "startsAt": rfc3339(incident.opened_at),
        "endsAt": rfc3339(ends),
        "generatorURL": f"{link}/focus/{incident.focus}" if link else "",
    }


def _labels(world: World, incident: Incident) -> dict[str, str]:
    focus = world.policies.set.focuses.get(incident.focus)
    episode = incident.episode.partition(" ")[0]
    found = {
        "alertname": _NAMES.get(episode, f"Focus{episode.capitalize()}"),
        "focus_id": incident.focus,
        "incident": incident.id,
        "severity": _SEVERITIES.get(incident.level, "warning"),
        "team": focus.owner if focus is not None else "",
        "environment": focus.environment if focus is not None else world.environment,
        "objective": incident.objective,
        "tenant": incident.tenant,
        "version": incident.version,
    }
    return {name: value for name, value in found.items() if value}


def _annotations(incident: Incident) -> dict[str, str]:
    """What it is, why, and what changed before it."""
    over = "" if incident.stage in LIVE else "it is over"
    found = {
        "summary": incident.title,
        "description": incident.reason,
        "what_changed": change.told(incident.suspects),
        "over": over,
    }
    return {name: value for name, value in found.items() if value}
