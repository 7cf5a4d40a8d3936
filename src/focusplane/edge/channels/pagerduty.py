"""PagerDuty by its Events API v2: an incident of ours is one alert there, acknowledged and resolved with ours."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

from focusplane.act.effect import Event, Notify
from focusplane.define.slo import Level
from focusplane.kernel.errors import UnreachableError

SCHEME = "pagerduty"
ENQUEUE = {
    "us": "https://events.pagerduty.com/v2/enqueue",
    "eu": "https://events.eu.pagerduty.com/v2/enqueue",
}
TIMEOUT_S = 10.0
MOST_SUMMARY, MOST_BODY, MOST_KEY = 1024, 20_000, 255
_SEVERITY: Mapping[Level, str] = {
    Level.OUTAGE: "critical",
    Level.PAGE: "critical",
    Level.ACT: "error",
    Level.REVIEW: "warning",
    Level.TICKET: "warning",
    Level.NONE: "info",
}
_TAKEN, _BUSY = 202, 429


async def send(url: str, notify: Notify) -> bool:
    """`url` is `pagerduty://INTEGRATION_KEY`, with `?region=eu` where the account lives there, or `?url=` for what speaks the same
    protocol elsewhere. What only tells more of an alert that is open already is not sent: it would say nothing there.

    Raises `UnreachableError`, whose text holds no key.
    """
    if notify.event is Event.NEWS and notify.incident:
        return False
    key, where = _address(url)
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False) as client:
            answer = await client.post(where, json=event(key, notify))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UnreachableError(
            f"PagerDuty gave no answer ({type(error).__name__})", "is it reached?"
        ) from None
    if answer.status_code != _TAKEN:
        raise UnreachableError(f"PagerDuty answered {answer.status_code}", _hint(answer.status_code))
    return True


def event(key: str, notify: Notify) -> dict[str, Any]:
    """The body. An alert is joined by what it is about, so that a repetition opens no second one."""
    action = Event.TRIGGER if notify.event is Event.NEWS else notify.event
    named = {"routing_key": key, "event_action": str(action), "dedup_key": _joined(notify)}
    if action is not Event.TRIGGER:
        return named
    payload = {
        "summary": notify.title[:MOST_SUMMARY],
        "source": "focusplane",
        "severity": _SEVERITY[notify.level],
        "component": notify.focus,
        "class": notify.level.name.lower(),
        "custom_details": {"why": notify.body[:MOST_BODY], "focus": notify.focus, "about": notify.about},
    }
    return {**named, "client": "focusplane", "payload": payload}


def _joined(notify: Notify) -> str:
    about = notify.about if notify.event is not Event.NEWS else notify.key
    return f"focusplane:{notify.focus}:{about or notify.key}"[-MOST_KEY:]


def _address(url: str) -> tuple[str, str]:
    """The integration key and where to send it. Apprise's form, with the key of the API behind an `@`, is understood."""
    parts = urlsplit(url)
    said = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    before, at, _ = parts.netloc.rpartition("@")
    key = unquote(said.get("integrationkey") or (before if at else parts.netloc))
    where = said.get("url") or ENQUEUE.get(said.get("region", "us"), "")
    if not key or not where.startswith(("https://", "http://")):
        raise UnreachableError(
            "the channel's URL is no address of PagerDuty",
            "pagerduty://INTEGRATION_KEY, with ?region=eu or ?url=",
        )
    return key, where


def _hint(status: int) -> str:
    if status == _BUSY:
        return "too many events with one key within a minute"
    return (
        "is it the integration key of an Events API v2 integration?" if status < 500 else "it is tried again"
    )
