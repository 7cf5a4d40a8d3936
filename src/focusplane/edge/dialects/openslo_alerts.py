"""Alerts of OpenSLO: one condition with one window each -> rows of an alert table, and channels for their targets."""

from collections.abc import Callable

from focusplane.define.yaml_nodes import Items, Word
from focusplane.edge.dialects.draft import DraftFocus, Row
from focusplane.edge.dialects.notes import CHANGED, UNUSABLE, Notes, RefusedError
from focusplane.edge.dialects.openslo_window import shorthand
from focusplane.edge.dialects.quantities import named, number
from focusplane.edge.dialects.source import Part

Find = Callable[[str, str, Part, str], Part]
PAGING = frozenset({"page", "critical", "crit", "sev1", "sev0", "p1", "p0", "high", "error"})
SHORTER = 12


def alerts_of(spec: Part, find: Find, focus: DraftFocus, notes: Notes) -> list[Row]:
    """The rows of every policy; none means the default table."""
    rows = [row for policy in _policies(spec, find) for row in _policy(policy, find, focus, notes)]
    if rows:
        what = f"a condition looks at one window; a second one, {SHORTER} times shorter, makes its alert end sooner"
        notes.say(spec.at("alertPolicies"), CHANGED, what)
    return rows


def _policies(spec: Part, find: Find) -> list[Part]:
    node = spec.table.get("alertPolicies")
    if isinstance(node, Items) and all(isinstance(one, Word) for one in node.items):
        return [
            find("AlertPolicy", name, spec, "alertPolicies").part("spec")
            for name in spec.words("alertPolicies")
        ]
    return [_opened(one, "AlertPolicy", "alertPolicyRef", find) for one in spec.parts("alertPolicies")]


def _opened(part: Part, kind: str, reference: str, find: Find) -> Part:
    """The `spec` of something that stands here or elsewhere."""
    if part.has(reference):
        return find(kind, part.need(reference), part, reference).part("spec")
    part.silent("apiVersion", "kind")
    part.part("metadata").silent("name", "displayName")
    return part.part("spec")


def _policy(spec: Part, find: Find, focus: DraftFocus, notes: Notes) -> list[Row]:
    spec.ignore("description", "a row of an alert table has none")
    if not spec.truth("alertWhenResolved", True):
        notes.say(
            spec.at("alertWhenResolved"), CHANGED, "who was told of an incident is told of its end, too"
        )
    if not spec.truth("alertWhenNoData", True):
        notes.say(spec.at("alertWhenNoData"), CHANGED, "a focus without data is blind, and that always pages")
    breaching = spec.truth("alertWhenBreaching", True)
    rows = []
    for condition in spec.parts("conditions"):
        row = _condition(_opened(condition, "AlertCondition", "conditionRef", find), notes)
        if breaching:
            rows.append(row)
    if not breaching:
        notes.say(
            spec.at("alertWhenBreaching"), CHANGED, "it does not alert while it burns: no row is made of it"
        )
    levels = {row.level for row in rows}
    for target in spec.parts("notificationTargets"):
        _channel(target, find, focus, levels, notes)
    return rows


def _condition(spec: Part, notes: Notes) -> Row:
    spec.ignore("description", "a row of an alert table has none")
    severity, condition = spec.need("severity"), spec.part("condition")
    kind = condition.text("kind") or "burnrate"
    if kind.lower() != "burnrate":
        raise RefusedError(
            condition.at("kind"), UNUSABLE, f"a condition of the kind {kind[:40]!r} is not known"
        )
    op = condition.text("op") or "gte"
    if op not in ("gt", "gte"):
        raise RefusedError(
            condition.at("op"), UNUSABLE, "an alert fires above its threshold: op is gt or gte"
        )
    if op == "gte" and condition.has("op"):
        notes.say(
            condition.at("op"), CHANGED, "the burn rate must exceed the threshold; being equal is not enough"
        )
    burn = number(condition.need("threshold"), condition.at("threshold"), "the threshold")
    window = shorthand(condition.need("lookbackWindow"), condition.at("lookbackWindow"), "the window")
    if condition.text("alertAfter").strip() not in ("", "0", "0m", "0s"):
        what = "its alert waits before it fires; here the short window alone decides"
        notes.say(condition.at("alertAfter"), CHANGED, what)
    level = "page" if severity.strip().lower() in PAGING else "ticket"
    if severity.strip().lower() not in (level,):
        notes.say(spec.at("severity"), CHANGED, f"the severity {severity[:40]!r} becomes {level!r}")
    return Row(level, burn, window, window // SHORTER)


def _channel(part: Part, find: Find, focus: DraftFocus, levels: set[str], notes: Notes) -> None:
    """A target becomes a channel of the team; its address is asked of the environment."""
    if part.has("targetRef"):
        reference = part.need("targetRef")
        target = find("AlertNotificationTarget", reference, part, "targetRef")
    else:
        target, reference = part, part.part("metadata").need("name")
        part.silent("apiVersion", "kind")
        part.part("metadata").silent("displayName")
    spec = target.part("spec")
    spec.ignore("description", "a channel has none")
    kind = spec.need("target")
    name = named(reference, part.place, "the channel", notes)
    for level, names in (("page", focus.page), ("ticket", focus.ticket)):
        if level in levels and name not in names:
            names.append(name)
            notes.say(spec.at("target"), CHANGED, f"the target {kind[:40]!r} becomes the channel {name!r}")
