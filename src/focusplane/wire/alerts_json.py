"""Alerts as Prometheus and Alertmanager send them (API v2, webhook version 4): each read alone, so that a bad one hides no good."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from focusplane.act.foreign import Sent
from focusplane.kernel.errors import DataError, UsageError
from focusplane.wire.json_door import storable

MOST = 1_000
"""Alerts in one call."""
MOST_LABELS, LONGEST_LABEL = 64, 1_000
MOST_ANNOTATIONS, LONGEST_ANNOTATION = 20, 1_000
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,199}")
_OFFSET, _PRIME, _64 = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Post:
    """What of a call can be taken, and what is wrong with each of the others."""

    good: tuple[Sent, ...]
    bad: tuple[str, ...]


def fingerprint(labels: Mapping[str, str]) -> str:
    """FNV-1a over the sorted labels, each name and each value followed by 0xFF: the identity that Prometheus gives an alert."""
    found = _OFFSET
    for name in sorted(labels):
        for byte in b"%b\xff%b\xff" % (name.encode(), labels[name].encode()):
            found = ((found ^ byte) * _PRIME) & _64
    return f"{found:016x}"


def posted(body: object, at: int) -> Post:
    """The body of `POST /api/v2/alerts`, at `at` (Unix ms). Raises `UsageError` for what is no list of alerts at all."""
    if not isinstance(body, list):
        raise UsageError("the body is no list of alerts", '[{"labels": {"alertname": "..."}}]')
    if len(body) > MOST:
        raise UsageError(f"{len(body)} alerts in one call", f"at most {MOST}: send them in several")
    good: dict[tuple[str, int, bool], Sent] = {}
    bad: list[str] = []
    for place, one in enumerate(body):
        try:
            read = _alert(one, at)
        except (ValueError, DataError, UsageError) as error:
            bad.append(f"alert {place + 1}{_named(one)}: {error}")
            continue
        good[read.fingerprint, read.starts_at, read.resolved] = read
    return Post(tuple(good.values()), tuple(bad))


def webhook(body: object, at: int) -> Post:
    """The body of a webhook. Unknown keys are let through: its payload may be a template. Raises `UsageError`."""
    if not isinstance(body, Mapping) or not isinstance(body.get("alerts"), list):
        raise UsageError("the body has no list of `alerts`", "point a webhook_config of an Alertmanager here")
    if body.get("version", "4") != "4":
        raise UsageError("the webhook is not of version 4", "an Alertmanager of 0.16 or later")
    return posted(body["alerts"], at)


def _alert(one: object, at: int) -> Sent:
    """Raises `ValueError` with what is wrong with it."""
    if not isinstance(one, Mapping):
        raise ValueError("it is no object")
    storable(one, "it")
    labels = _labels(one.get("labels"))
    starts, ends = _time(one, "startsAt"), _time(one, "endsAt")
    status = one.get("status", "")
    if starts and ends and ends < starts:
        raise ValueError("it ends before it starts")
    resolved = status == "resolved" or 0 < ends <= at
    link = one.get("generatorURL")
    return Sent(
        fingerprint(labels),
        labels,
        _annotations(one.get("annotations")),
        starts,
        ends,
        link[:LONGEST_LABEL] if isinstance(link, str) else "",
        resolved,
    )


def _labels(sent: object) -> dict[str, str]:
    """A label without a value is none."""
    if not isinstance(sent, Mapping) or not all(isinstance(value, str) for value in sent.values()):
        raise ValueError("`labels` is no object of texts")
    found = {str(name): str(value) for name, value in sorted(sent.items()) if value}
    if not found:
        raise ValueError("it has no label, and so no identity")
    if len(found) > MOST_LABELS:
        raise ValueError(f"it has more than {MOST_LABELS} labels")
    for name, value in found.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name[:60]!r} is no name of a label")
        if len(value) > LONGEST_LABEL:
            raise ValueError(f"the label {name} is longer than {LONGEST_LABEL} characters")
    return found


def _annotations(sent: object) -> dict[str, str]:
    """What people read of it; cut, for it is no part of its identity."""
    if not isinstance(sent, Mapping):
        return {}
    kept = [(name, value) for name, value in sorted(sent.items()) if isinstance(value, str)]
    return {str(name)[:200]: value[:LONGEST_ANNOTATION] for name, value in kept[:MOST_ANNOTATIONS]}


def _time(one: Mapping[str, object], key: str) -> int:
    """Unix ms; 0 for none, and for the zero of Go."""
    text = one.get(key)
    if text is None or text == "":
        return 0
    return instant(text, key)


def instant(text: object, key: str) -> int:
    """RFC 3339 -> Unix ms, never negative. Raises `ValueError`."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) and len(text) <= 40 else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ValueError(f"{key} is no time such as 2026-11-22T14:26:08Z")
    since = found - _EPOCH
    return max(0, since.days * 86_400_000 + since.seconds * 1_000 + since.microseconds // 1_000)


def _named(one: object) -> str:
    labels = one.get("labels") if isinstance(one, Mapping) else None
    name = labels.get("alertname") if isinstance(labels, Mapping) else None
    return f" ({name[:60]!a})" if isinstance(name, str) else ""
