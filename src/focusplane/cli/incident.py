"""Incidents from the command line."""

from pathlib import Path

import click

from focusplane.cli.output import Shown, clock, in_words, pairs, span, table
from focusplane.cli.remote import Data, Remote, asks


@click.group("incident")
def incident_command() -> None:
    """List, show, acknowledge, note, resolve, write up, review, close."""


@incident_command.command("list")
@click.argument("focus", default="")
@Data
@asks
def list_incidents(remote: Remote, focus: str, data: Path | None) -> None:
    """Newest first."""
    shown = _stored(data, focus) if data else remote.get("/api/v1/incidents", focus=focus)

    def human() -> None:
        rows = [
            [one["id"], one["focus"], one["stage"], one["level"], clock(one["opened_at"]), one["title"]]
            for one in shown["items"]
        ]
        table(["INCIDENT", "FOCUS", "STAGE", "LEVEL", "OPENED", "WHAT"], rows)

    remote.output.show(shown, human)


def _stored(data: Path, focus: str) -> Shown:
    from focusplane.cli.stopped import open_world
    from focusplane.plane import queries

    return {"items": queries.incidents(open_world(data)[1], focus), "next": None}


@incident_command.command("show")
@click.argument("key", metavar="INCIDENT")
@asks
def show(remote: Remote, key: str) -> None:
    """Impact, suspects, and the timeline with measured delays."""
    _tell(remote, remote.get(f"/api/v1/incidents/{key}"))


@incident_command.command("ack")
@click.argument("key", metavar="INCIDENT")
@asks
def ack(remote: Remote, key: str) -> None:
    """You have it."""
    _tell(remote, remote.post(f"/api/v1/incidents/{key}/ack"))


@incident_command.command("note")
@click.argument("key", metavar="INCIDENT")
@click.argument("text")
@asks
def note(remote: Remote, key: str, text: str) -> None:
    """Write something into its timeline."""
    _tell(remote, remote.post(f"/api/v1/incidents/{key}/note", {"text": text}))


@incident_command.command("resolve")
@click.argument("key", metavar="INCIDENT")
@click.option("--reason", default="")
@asks
def resolve(remote: Remote, key: str, reason: str) -> None:
    """It is over."""
    _tell(remote, remote.post(f"/api/v1/incidents/{key}/resolve", {"reason": reason}))


@incident_command.command("review")
@click.argument("key", metavar="INCIDENT")
@click.option("--reason", default="", help="Why now, or with whom.")
@asks
def review(remote: Remote, key: str, reason: str) -> None:
    """You look back at it, now that it is over."""
    _tell(remote, remote.post(f"/api/v1/incidents/{key}/review", {"reason": reason}))


@incident_command.command("close")
@click.argument("key", metavar="INCIDENT")
@click.option("--reason", required=True, help="What came of the review.")
@asks
def close(remote: Remote, key: str, reason: str) -> None:
    """The review is done, or none is needed."""
    _tell(remote, remote.post(f"/api/v1/incidents/{key}/close", {"reason": reason}))


@incident_command.command("postmortem")
@click.argument("key", metavar="INCIDENT")
@click.option("--review", "begins", is_flag=True, help="Its review begins with it.")
@asks
def postmortem(remote: Remote, key: str, begins: bool) -> None:
    """The write-up as Markdown, or with --json as JSON."""
    path = f"/api/v1/incidents/{key}/postmortem"
    if begins:
        remote.post(f"/api/v1/incidents/{key}/review", {"reason": "the postmortem is written"})
    if remote.output.as_json:
        remote.output.show(remote.get(path), lambda: None)
    else:
        click.echo(remote.text(path, "text/markdown"), nl=False)


def _tell(remote: Remote, shown: Shown) -> None:
    remote.output.show(shown, lambda: _show(shown))


def _show(shown: Shown) -> None:
    if shown.get("answer"):
        click.echo(shown["answer"], err=True)
    pairs(
        [
            ("incident", shown["id"]),
            ("focus", shown["focus"]),
            ("stage", shown["stage"]),
            ("what", shown["title"]),
            ("why", shown["reason"]),
            ("nobody is told", shown.get("hushed") or ""),
            ("cause", shown.get("cause") or ""),
            ("it explains", ", ".join(shown.get("symptoms", []))),
            ("reviewed by", shown.get("reviewed_by") or ""),
            ("what came of it", shown.get("conclusion") or ""),
        ]
    )
    for line in in_words(shown["impact"]):
        click.echo(line)
    for one in shown["suspects"]:
        click.echo(f"suspect  {one['what']} by {one['by']}: {one['why']}")
        if one.get("price"):
            click.echo(f"         {one['price']['text']}")
    click.echo()
    for one in shown["timeline"]:
        sign = "-" if one["after_ms"] < 0 else "+"
        mark = f"  [{one['mark']}]" if one["mark"] else ""
        click.echo(f"{sign}{span(abs(one['after_ms'])):<8} {one['what']}{mark}  {one['why']}")
