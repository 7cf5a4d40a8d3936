"""Objects of Kubernetes -> changes: what was rolled out, scaled or edited, when and by whom.

Read are what `kubectl get ... -o json` prints (Deployments, StatefulSets, DaemonSets, Events, and lists of them), objects of a watch
(`{"type": "MODIFIED", "object": {...}}`) and audit events. The names are those of the Kubernetes API (apps/v1, core/v1
and events.k8s.io/v1 Event, audit.k8s.io/v1 Event). Of an Event only those of `TOLD` are a change; a probe that fails is a symptom.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
EDITED = {"configmaps": "config", "secrets": "config", "deployments": "deploy", "statefulsets": "deploy", "daemonsets": "deploy"}  # fmt: skip
"""Resource of an audit event -> the kind of change it is."""
VERBS = frozenset({"create", "update", "patch", "delete"})
TOLD = {"ScalingReplicaSet": "config", "SuccessfulRescale": "config", "DeploymentRollback": "deploy"}
"""Reason of an Event -> the kind of change it is."""
SERVICE = ("app.kubernetes.io/name", "app.kubernetes.io/instance", "app")
"""Labels that name the service, the first that is there; else it is the name of the object."""
REVISION = "deployment.kubernetes.io/revision"
MOST, MOST_WORDS = 1_000, 500
Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Changed:
    """`at` is Unix ms. The same `id` again is the same change."""

    kind: str
    what: str
    service: str
    version: str
    at: int
    author: str
    id: str


@dataclass(frozen=True, slots=True)
class Unread:
    """An object that is no change, or that cannot be read, and why."""

    name: str
    why: str


def kubernetes_changes(said: object) -> Iterator[Changed | Unread]:
    """Every object of what was said, at most `MOST`; what is none is named."""
    for number, one in enumerate(_objects(said)):
        if number >= MOST:
            yield Unread(f"object {number}", f"more than {MOST} objects at once")
            return
        yield _changed(one) if isinstance(one, Mapping) else Unread(f"object {number}", "it is no object")


def _objects(said: object) -> Iterator[object]:
    if isinstance(said, list):
        for one in said:
            yield from _objects(one)
    elif isinstance(said, Mapping) and isinstance(said.get("items"), list):
        yield from said["items"]
    elif isinstance(said, Mapping) and isinstance(said.get("object"), Mapping):
        yield said["object"]
    else:
        yield said


def _changed(one: Object) -> Changed | Unread:
    kind, version = _text(one, "kind"), _text(one, "apiVersion")
    if version.startswith("audit.k8s.io/"):
        return _audited(one)
    if kind == "Event":
        return _told(one)
    if kind in WORKLOADS:
        return _rolled_out(one, kind)
    return Unread(_name(one) or kind or "object", f"{kind or 'it'} is no workload, event or audit event")


def _rolled_out(one: Object, kind: str) -> Changed | Unread:
    meta, name = _under(one, "metadata"), _name(one)
    template = _under(_under(one, "spec"), "template")
    images = [_text(each, "image") for each in _list(_under(template, "spec"), "containers")]
    at = _instant(_updated(one) or _text(meta, "creationTimestamp"))
    if not name or not images or not at:
        return Unread(name or kind, "it has no name, no image or no time")
    told = ", ".join(image.rpartition("/")[2] for image in images)[:MOST_WORDS]
    tag = images[0].partition("@")[0].rpartition("/")[2].partition(":")[2]
    revision = _text(_under(meta, "annotations"), REVISION) or str(meta.get("generation", ""))
    labels = {**_under(meta, "labels"), **_under(_under(template, "metadata"), "labels")}
    what = f"{kind} {name} runs {told}" + (f" (revision {revision})" if revision else "")
    version = str(labels.get("app.kubernetes.io/version", "") or tag)[:200]
    key = f"kubernetes {_text(meta, 'uid') or name} {revision or at}"
    return Changed("deploy", what, _service(labels, name), version, at, "", key[:200])


def _updated(one: Object) -> str:
    """When the newest roll-out made its last progress."""
    conditions = _list(_under(one, "status"), "conditions")
    return next((_text(each, "lastUpdateTime") for each in conditions if each.get("type") == "Progressing"), "")  # fmt: skip


def _told(one: Object) -> Changed | Unread:
    about = _under(one, "involvedObject") or _under(one, "regarding")
    reason, name = _text(one, "reason"), _text(about, "name")
    if reason not in TOLD:
        return Unread(name or "event", f"{reason or 'an event without a reason'} is no change")
    times = (_text(one, key) for key in ("eventTime", "lastTimestamp", "deprecatedLastTimestamp", "firstTimestamp"))  # fmt: skip
    at = _instant(next((time for time in times if time), ""))
    if not name or not at:
        return Unread(name or "event", "it names no object or no time")
    words = _text(one, "message") or _text(one, "note") or reason
    key = f"kubernetes {_text(_under(one, 'metadata'), 'uid') or f'{reason} {name}'} {at}"
    return Changed(TOLD[reason], f"{name}: {words}"[:MOST_WORDS], name, "", at, "", key[:200])


def _audited(one: Object) -> Changed | Unread:
    about, verb = _under(one, "objectRef"), _text(one, "verb")
    resource, name = _text(about, "resource"), _text(about, "name")
    at = _instant(_text(one, "requestReceivedTimestamp"))
    status = _under(one, "responseStatus").get("code", 200)
    if resource not in EDITED or verb not in VERBS or _text(about, "subresource"):
        return Unread(name or "audit event", f"{verb or 'it'} of {resource or 'nothing'} is no change")
    if not name or not at or not isinstance(status, int) or status >= 400:
        return Unread(name or "audit event", "it was refused, or names no object or no time")
    what = f"{verb} {resource} {name}"[:MOST_WORDS]
    key = f"kubernetes {_text(one, 'auditID') or f'{what} {at}'}"
    who = _text(_under(one, "user"), "username")[:200]
    return Changed(EDITED[resource], what, name, "", at, who, key[:200])


def _service(labels: Object, name: str) -> str:
    return next((str(labels[key])[:200] for key in SERVICE if labels.get(key)), name[:200])


def _name(one: Object) -> str:
    return _text(_under(one, "metadata"), "name")


def _under(one: Object, key: str) -> Object:
    found = one.get(key)
    return found if isinstance(found, Mapping) else {}


def _list(one: Object, key: str) -> list[Object]:
    found = one.get(key)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def _text(one: Object, key: str) -> str:
    found = one.get(key)
    return found if isinstance(found, str) else ""


def _instant(text: str) -> int:
    """Unix ms; 0 for what is no time with a zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return 0
    return int(found.timestamp() * 1000) if found.tzinfo is not None else 0
