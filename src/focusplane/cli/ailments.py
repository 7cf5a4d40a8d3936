"""Ailments: what is wrong with a plane, its telemetry, its nodes or its policies, in words, with what to do."""

from collections.abc import Iterator

import click

from focusplane.cli.output import Shown, clock, counted, span
from focusplane.kernel.tick import MINUTE

_MOST = 5
"""So many causes of telemetry that was not counted are told; `--json` has them all."""
_SLOW_MS = 15_000
"""A source that reports less often is too old for promotions most of the time."""
_TELL = {
    "tenant": "send tenant.id, or put the gateway in front and name its tenantHeader",
    "version": "OTEL_RESOURCE_ATTRIBUTES=service.version=...",
}
_NEVER = ("duplicate", "span is neither", "classic bucket beside a native")
"""What is not counted because that is right."""
_REFUSED = "refused it"
_REFUSES = "refuses the board"
_ALERT = "alert '"
"""How the cause of an alert without a focus begins."""
GONE_MS = 5 * MINUTE
"""A node that has been silent for so long was taken away: instances come and go."""


def findings(shown: Shown) -> list[Shown]:
    """Warnings first, then notes, which are worth knowing and no fault."""
    warnings = [
        *_stands(shown),
        *_fenced(shown),
        *_blind(shown),
        *_engines(shown),
        *_behind(shown),
        *_policies(shown),
        *_unreached(shown),
        *_locked_out(shown),
    ]
    notes = [
        *_of_engines(shown),
        *_old(shown),
        *_silent(shown),
        *_gone(shown),
        *_boardless(shown),
        *_unmatched(shown),
    ]
    return [
        {"severity": severity, "what": what, "hint": hint}
        for severity, rows in (("warning", warnings), ("note", notes))
        for what, hint in rows
    ]


def tell_findings(found: list[Shown]) -> None:
    if not any(one["severity"] == "warning" for one in found):
        click.echo("everything arrives, and every node runs the newest board")
    for one in found:
        click.echo(f"{one['severity']:<7}  {one['what']}")
        if one["hint"]:
            click.echo(f"    hint  {one['hint']}")


Told = Iterator[tuple[str, str]]


def _stands(shown: Shown) -> Told:
    if shown.get("trouble"):
        hint = "nothing is counted or decided until then; data planes go on with the last board"
        yield f"the plane cannot write down what it takes: {shown['trouble']}", hint


def _fenced(shown: Shown) -> Told:
    if shown.get("fenced"):
        yield shown["fenced"], "focus adopt, once it is clear that this plane is the right one"


def _blind(shown: Shown) -> Told:
    for one in shown["focuses"]:
        if one["health"] == "blind":
            asked = "the engine:" in one["reason"]
            hint = "send telemetry with focus.id, or declare a boundary that matches it"
            hint = "nothing is counted until the engine answers: see its own line" if asked else hint
            yield f"{one['id']} is blind: {one['reason']}", hint


def _engines(shown: Shown) -> Told:
    """PromQL engines that do not answer as they should; each cause once."""
    for one in shown.get("engines", []):
        causes: dict[str, list[str]] = {}
        for focus, why in one["problems"].items():
            causes.setdefault(why, []).append(focus)
        for why, focuses in list(causes.items())[:_MOST]:
            told = f"the engine {one['url']} is no help to {', '.join(focuses[:_MOST])}: {why}"
            yield (
                told,
                "ask it yourself: curl URL/api/v1/query?query=up; what it kept meanwhile is counted later",
            )


def _of_engines(shown: Shown) -> Told:
    for one in shown.get("engines", []):
        for note in one["notes"][:_MOST]:
            yield f"the engine {one['url']}: {note}", ""


def _old(shown: Shown) -> Told:
    """Sources whose age bounds what may be decided, and what no source can tell."""
    for one in shown["focuses"]:
        for source in one["sources"]:
            told = f"{one['id']}: what the {source['source']} says is {span(source['data_age_ms'])} old"
            if source["counts"] and (source["interval_ms"] or 0) > _SLOW_MS:
                hint = "a shorter export interval: OTEL_METRIC_EXPORT_INTERVAL=1000"
                yield f"{told} and comes each {span(source['interval_ms'])}; {source['may']}", hint
        for dimension, why in one["untold"].items():
            yield f"{one['id']}: {dimension} {why}", _TELL[dimension]


def _behind(shown: Shown) -> Told:
    yield from _drifting(shown)
    here = [node for node in shown["nodes"] if node["silent_ms"] <= GONE_MS]
    for node in here:
        if node["state"] != "current":
            state = "has refused the newest board" if node["state"] == _REFUSED else f"is {node['state']}"
            told = f"{node['node']} ({node['dataplane']}) {state}, seen {span(node['silent_ms'])} ago"
            yield told, node["detail"] or "is it still running?"
    if not here:
        yield "no data plane follows the board", "focus export envoy, or the SDK's Client"


def _drifting(shown: Shown) -> Told:
    for focus, why in shown.get("drifts", {}).items():
        hint = "the board is offered again and again; if it stays, look who else configures that gateway"
        if _REFUSES in why:
            hint = "it goes on with what it has; mend what it complains of, and it is offered again"
        yield f"{focus} drifts: {why}", hint


def _policies(shown: Shown) -> Told:
    for one in shown["policies"]["refused"]:
        place = f"{one['path']}:{one['line']}:{one['column']}"
        yield f"refused policy {place} {one['code']} {one['what']}", one["hint"]
    for name in shown["policies"]["held"]:
        told = f"{name} vanished from the policies and is held: it is still obeyed"
        yield told, f"bring it back, or say that it is meant: focus apply DIR DIR --remove-held {name}"


def _unreached(shown: Shown) -> Told:
    for one in shown.get("channels", []):
        if one["missing"]:
            told = f"the channel {one['channel']} of {one['team']} reaches nobody: {one['missing']}"
            yield told, "set it in the plane's environment and restart it: nobody would be woken now"
    for one in shown.get("undelivered", []):
        told = f"{counted(one['count'], 'notification')} not delivered, the last at {clock(one['at'])}: {one['why']}"
        yield told, "look at the channel; a later message that it takes settles this"


def _locked_out(shown: Shown) -> Told:
    for one in shown.get("unknown_tokens", []):
        told = (
            f"{one['remote']} asked {counted(one['count'], 'time')} for the board or flags without a known token,"
            f" the last at {clock(one['at'])}"
        )
        yield told, "give that application the token of DATA/sdk.token: it follows no board and decides alone"


def _silent(shown: Shown) -> Told:
    for node in shown["nodes"]:
        if node["counts"] is False:
            told = f"{node['node']} (envoy) follows the board, and sent no counts in the last ten minutes"
            yield (
                told,
                "has it had a request? else its --otlp (focus export envoy) must be this plane's OTLP port",
            )


def _gone(shown: Shown) -> Told:
    gone = [node for node in shown["nodes"] if node["silent_ms"] > GONE_MS]
    for node in gone[:_MOST]:
        told = f"{node['node']} ({node['dataplane']}) has been silent for {span(node['silent_ms'])}"
        yield told, "nothing to do if it was stopped; it is forgotten after an hour"
    if len(gone) > _MOST:
        yield f"{counted(len(gone) - _MOST, 'more node')} silent for over 5m", "focus doctor --json"


def _boardless(shown: Shown) -> Told:
    for one in shown.get("boardless", [])[:_MOST]:
        told = f"{one['reporter']} sends counts of {', '.join(one['focuses'])} and follows no board"
        yield (
            told,
            "right for plain OpenTelemetry; an application with the SDK needs the plane's URL and a token",
        )


def _never(shown: Shown) -> Told:
    for focus in shown["focuses"]:
        for one in focus["objectives"]:
            if one.get("unmatched"):
                hint = "is it spelt as the telemetry spells it? else nothing of the kind has happened yet"
                yield f"{focus['id']}/{one['name']}: {one['unmatched']}", hint


def _unmatched(shown: Shown) -> Told:
    rows = [one for one in shown["unused"] if not one["cause"].startswith(_NEVER)]
    for one in rows[:_MOST]:
        where = f" of {one['focus']}" if one["focus"] else ""
        unit = "alert" if one["cause"].startswith(_ALERT) else "point"
        what = f"{counted(one['count'], unit)}{where} not counted"
        yield f"{what}: {one['cause']}", _remedy(one["cause"])
    if len(rows) > _MOST:
        yield (
            f"{counted(len(rows) - _MOST, 'more cause')} of telemetry that was not counted",
            "focus doctor --json",
        )


def _remedy(cause: str) -> str:
    if cause.startswith(_ALERT):
        return "give the rule a label focus_id, or service, which a boundary names"
    if "no boundary names service" in cause:
        service = cause.partition("service ")[2].partition("'")[2].partition("'")[0]
        return f"if it belongs to a focus, under its boundary: - {{service: {service}}}"
    if cause.startswith("refused: too much"):
        return "the senders come again; if it lasts, send less often, or less that belongs to no focus"
    if "fits the route" in cause:
        return "add the route to the boundary of its focus; `focus journal tail` has an example"
    return ""
