"""Alerts of other systems into the world: each once, however often it is said; over when they say so, or say nothing more."""

from collections.abc import Mapping
from dataclasses import replace

from focusplane.act.fact import Kind
from focusplane.act.foreign import STANDS_MS, Foreign, Sent, Via, ours
from focusplane.act.request import Done, TakeAlerts
from focusplane.instrument import conventions as names
from focusplane.instrument.tagging import Index, Tagged, Value
from focusplane.kernel.tick import MINUTE
from focusplane.plane.arrows import count
from focusplane.plane.arrows.known import Answered
from focusplane.plane.draft import Draft

MOST = 2_000
"""Alerts of other systems that fire at a time."""
KEPT_MS = 15 * MINUTE
"""So long one that is over is still known."""
SHOWN = 100
"""Characters of a name that are repeated in a cause."""


def take(draft: Draft, ask: TakeAlerts, by: str) -> Answered:
    """Alerts that fire beyond the bound are not taken, which is said: the sender comes again."""
    index = Index(draft.world.policies.set.focuses, draft.world.environment)
    alerts, beyond, own, news = dict(draft.world.alerts), 0, 0, 0
    firing = sum(one.fires for one in alerts.values())
    for sent in ask.alerts:
        before = alerts.get(sent.fingerprint)
        fired = before is not None and before.fires
        if ours(sent.labels):
            own += 1
            continue
        if sent.resolved and not fired:
            continue
        if not sent.resolved and not fired and firing >= MOST:
            beyond += 1
            continue
        focus, why = _focus(index, sent.labels, ask.environment)
        after = _said(draft.at, before if fired else None, sent, focus, (ask.via, by))
        firing += after.fires - fired
        alerts.pop(sent.fingerprint, None)
        alerts[sent.fingerprint] = after
        if after.fires != fired:
            news += 1
            draft = _tell(draft, after, why)
    taken = len(ask.alerts) - beyond
    return draft.but(alerts=alerts), Done("", f"{taken} taken", {"beyond": beyond, "own": own, "news": news})


def watch(draft: Draft) -> Draft:
    """What nobody says any more is over; what is over is forgotten after a while."""
    late = [one for one in draft.world.alerts.values() if one.fires and one.until <= draft.at]
    old = {
        key for key, one in draft.world.alerts.items() if one.ended_at and draft.at - one.ended_at > KEPT_MS
    }
    if not late and not old:
        return draft
    alerts = {key: one for key, one in draft.world.alerts.items() if key not in old}
    for one in late:
        after = replace(one, ended_at=draft.at, why="it was not said again in time")
        alerts[one.sent.fingerprint] = after
        draft = _tell(draft, after, "")
    return draft.but(alerts=alerts)


def _said(at: int, before: Foreign | None, sent: Sent, focus: str, how: tuple[str, str]) -> Foreign:
    via, by = how
    starts = sent.starts_at or (before.sent.starts_at if before is not None else at)
    sent = replace(sent, starts_at=min(starts, at))
    since = before.since if before is not None else at
    until = sent.ends_at if sent.ends_at > at else at + STANDS_MS[Via(via)]
    if sent.resolved:
        return Foreign(sent, via, by, focus, since, at, at, at, "its sender says that it is over")
    return Foreign(sent, via, by, focus, since, at, until)


def _tell(draft: Draft, one: Foreign, untagged: str) -> Draft:
    """That it begins or ends is a fact; that it is said again is none."""
    kind = Kind.ALERT_FIRES if one.fires else Kind.ALERT_OVER
    name = one.name[:SHOWN]
    if one.fires and untagged:
        draft = count.unused(draft, "", f"alert {name!r} belongs to no focus: {untagged}", untagged)
    reason = f"{name} fires" if one.fires else f"{name}: {one.why}"
    return draft.say(kind, one.focus, one.sent.fingerprint, reason, by=one.by, via=one.via)


def _focus(index: Index, labels: Mapping[str, str], bound: str) -> tuple[str, str]:
    """The focus that an alert names, else the one whose boundary has its service and route; or empty, and why."""
    environment = bound or labels.get("environment", "")
    explicit = labels.get("focus_id") or labels.get("focus", "")
    service = labels.get("service") or labels.get("service_name", "")
    resource: dict[str, Value] = {names.FOCUS_ID: explicit, names.SERVICE_NAME: service}
    if environment:
        resource[names.ENVIRONMENT[0]] = environment
    method, route = labels.get("method", ""), labels.get("route", "")
    if not method and " " in route:
        method, _, route = route.partition(" ")
    if not explicit and not service:
        return "", "it has no label focus_id, focus or service"
    found = index.tag(resource, {names.METHOD[0]: method, names.ROUTE[0]: route})
    return (found.focus, "") if isinstance(found, Tagged) else ("", found.why.replace("focus.id", "focus_id"))
