"""Postmortem: an incident written up from what was journaled, with the questions people must answer themselves."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from focusplane.act.action import Action
from focusplane.act.incident import LIVE, Incident, Stage
from focusplane.kernel.ids import Json
from focusplane.kernel.quantity import format_duration
from focusplane.learn.timeline import Timeline, answers

QUESTIONS = (
    "Was the boundary of the focus right: did it hold everything that failed, and nothing else?",
    "Was the telemetry early and complete?",
    "Did the mitigation and the control plane work?",
    "What is automated next?",
)
"""O9: a person answers them; the record only brings its evidence."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with its paragraphs; `rows` become a list."""

    title: str
    text: str = ""
    rows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Postmortem:
    incident: str
    focus: str
    title: str
    sections: tuple[Section, ...]


def postmortem(incident: Incident, told: Timeline, actions: Iterable[Action]) -> Postmortem:
    """The same incident and facts give the same document, word for word. Of the actions only its answers count."""
    done = tuple(action for action in actions if answers(incident, action))
    return Postmortem(
        incident.id,
        incident.focus,
        incident.title,
        (
            Section("Summary", _summary(incident, told)),
            Section("Impact", "", _impact(incident) or ("No impact was counted.",)),
            Section("Timeline", "", tuple(_line(one.after_ms, one.what, one.why) for one in told.moments)),
            Section("What changed before it", "", _suspects(incident)),
            Section("What was done", "", _done(done)),
            Section("What worked, what did not", "", _verdicts(told, done)),
            Section("Questions", "", QUESTIONS),
            Section("Review", _review(incident)),
        ),
    )


def render(document: Postmortem) -> str:
    """Markdown."""
    parts = [f"# {_escape(document.title)}", "", f"`{document.incident}` · focus `{document.focus}`", ""]
    for section in document.sections:
        parts += [f"## {section.title}", ""]
        if section.text:
            parts += [_escape(section.text), ""]
        parts += [f"- {_escape(row)}" for row in section.rows]
        parts += [""] if section.rows else []
    return "\n".join(parts).rstrip() + "\n"


def record(document: Postmortem) -> dict[str, Json]:
    """The same as JSON."""
    return {
        "incident": document.incident,
        "focus": document.focus,
        "title": document.title,
        "sections": [
            {"title": one.title, "text": one.text, "rows": list(one.rows)} for one in document.sections
        ],
    }


def _summary(incident: Incident, told: Timeline) -> str:
    said = [f"{incident.title}.", incident.reason.rstrip(".") + "." if incident.reason else ""]
    for mark, words in (
        ("detected", "Detected"),
        ("control moved", "A control was moved"),
        ("verified", "The way back was verified"),
    ):
        if mark in told.delays:
            said.append(f"{words} {format_duration(told.delays[mark])} after the first bad answer.")
    said.append(f"It is {'under review' if incident.stage is Stage.REVIEW else incident.stage}.")
    return " ".join(part for part in said if part)


def _review(incident: Incident) -> str:
    """How far people are with it; what came of it is theirs to say."""
    if incident.stage is Stage.CLOSED:
        return f"Reviewed by {incident.reviewed_by}. {incident.conclusion}"
    if incident.stage is Stage.REVIEW:
        said = f"{incident.reviewed_by} looks back at it."
        return f"{said} When that is done, say what came of it: focus incident close {incident.id}"
    if incident.stage in LIVE:
        return "It is not over yet."
    return f"Nobody has looked back at it yet: focus incident review {incident.id}"


_IMPACT = {
    "failed": "requests failed",
    "total": "requests in all since the first failure",
    "version_failed": "of them were answered by the failing version",
    "version_total": "requests went to the failing version",
    "excess_failed": "requests failed beyond what the baseline would have",
    "full_rollout_would_have_failed": "requests would have failed with all of the traffic on it",
    "tenants_hurt": "tenants were hurt",
    "tenants_active": "tenants were active",
    "tenants_unknown": "(how many tenants were hurt)",
    "budget_spent": "of the error budget was spent",
}


def _impact(incident: Incident) -> tuple[str, ...]:
    """Known counts in words, unknown ones by their name; nothing that was counted is left out."""
    return tuple(
        f"{value} {_IMPACT[key]}" if key in _IMPACT else f"{key.replace('_', ' ')}: {_said(value)}"
        for key, value in incident.impact.items()
    )


def _said(value: Json) -> str:
    return ", ".join(str(one) for one in value) if isinstance(value, list | tuple) else str(value)


def _suspects(incident: Incident) -> tuple[str, ...]:
    if not incident.suspects:
        return ("Nothing is known to have changed in the six hours before it.",)
    return tuple(
        f"{one.change.what} by {one.change.by or 'nobody named'}: {one.why} (score {one.score} of 1000)"
        for one in incident.suspects
    )


def _done(actions: Sequence[Action]) -> tuple[str, ...]:
    if not actions:
        return ("Nothing was done by the plane.",)
    return tuple(
        f"{one.what} ({one.key}, {one.phase}) by {one.by}, rule {one.rule}: {one.reason}" for one in actions
    )


def _verdicts(told: Timeline, actions: Sequence[Action]) -> tuple[str, ...]:
    rows = [
        f"{one.what} ({one.key}): {one.phase}{' - ' + one.detail if one.detail else ''}" for one in actions
    ]
    missing = [
        mark for mark in ("detected", "control moved", "applied", "verified") if mark not in told.delays
    ]
    if missing:
        rows.append(f"not reached: {', '.join(missing)}")
    return tuple(rows)


def _line(after_ms: int, what: str, why: str) -> str:
    sign = "-" if after_ms < 0 else "+"
    return f"{sign}{format_duration(abs(after_ms))} {what}" + (f" - {why}" if why else "")


def _escape(text: str) -> str:
    """What people and systems wrote must not become markup."""
    table = {ord(char): f"\\{char}" for char in "\\`*_[]<>#|"}
    return " ".join(text.translate(table).split())
