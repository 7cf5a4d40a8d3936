"""Silences and tickets from the command line."""

import click

from focusplane.cli.instants import instant
from focusplane.cli.output import Shown, clock, table
from focusplane.cli.remote import Remote, asks
from focusplane.kernel.errors import UsageError


@click.group("silence")
def silence_command() -> None:
    """Add, list and end silences: nobody is told, the budget burns on, mitigations act."""


@silence_command.command("add")
@click.argument("focus", default="")
@click.option("--for", "lasts", default=None, help="how long, such as 2h; or --until")
@click.option("--until", default="", help="when it ends: 2026-11-01T04:00+01:00")
@click.option("--from", "start", default="", help="when it begins; default: now")
@click.option("--reason", required=True, help="what is going on, for whoever wonders at night")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="every focus with this label")
@click.option("--all", "everything", is_flag=True, help="every focus; only for an admin")
@click.option("--tenant", default="", help="only while this tenant alone fails")
@click.option("--objective", default="", help="only this objective")
@click.option("--level", default="outage", show_default=True, help="the gravest that it mutes")
@click.option("--blindness", is_flag=True, help="also that a focus cannot be seen")
@asks
def add(
    remote: Remote, focus: str, everything: bool, labels: tuple[str, ...], **rest: str | bool | None
) -> None:
    """FOCUS, or --label, or --all."""
    if not (focus or labels or everything):
        raise UsageError(
            "which focus is to be silent?", "focus silence add FOCUS, or --label KEY=VALUE, or --all"
        )
    body = {
        "focus": focus,
        "labels": dict(_pair(label) for label in labels),
        "for": rest["lasts"],
        "until": instant(str(rest["until"])),
        "from": instant(str(rest["start"])),
        **{key: rest[key] for key in ("reason", "tenant", "objective", "level", "blindness")},
    }
    shown = remote.post("/api/v1/silences", body)
    if shown.get("warning"):
        click.echo(f"warning  {shown['warning']}: {', '.join(shown['names'])}", err=True)
    remote.output.show(shown, lambda: click.echo(f"{shown['id']}  {shown['answer']}"))


@silence_command.command("list")
@click.argument("focus", default="")
@click.option("--over", is_flag=True, help="also those of the last week")
@asks
def list_silences(remote: Remote, focus: str, over: bool) -> None:
    """Those that stand or come, the next to end first."""
    shown = remote.get("/api/v1/silences", focus=focus, over=int(over), limit=1000)

    def human() -> None:
        rows = [
            [
                one["id"],
                one["state"],
                _breadth(one),
                one["level"],
                clock(one["until"]),
                one["by"],
                one["reason"],
            ]
            for one in shown["items"]
        ]
        table(["SILENCE", "STATE", "WHAT", "UP TO", "UNTIL", "BY", "WHY"], rows)

    remote.output.show(shown, human)


@silence_command.command("end")
@click.argument("key", metavar="SILENCE")
@click.option("--reason", default="")
@asks
def end(remote: Remote, key: str, reason: str) -> None:
    """What still fails is told at once."""
    shown = remote.delete(f"/api/v1/silences/{key}", reason=reason)
    remote.output.show(shown, lambda: click.echo(f"{shown['id']}  {shown['answer']}"))


@click.group("ticket")
def ticket_command() -> None:
    """What degrades and can wait."""


@ticket_command.command("list")
@click.argument("focus", default="")
@asks
def list_tickets(remote: Remote, focus: str) -> None:
    """Open ones first."""
    shown = remote.get("/api/v1/tickets", focus=focus, limit=1000)

    def human() -> None:
        rows = [
            [
                one["id"],
                f"{one['focus']}/{one['objective']}",
                one["state"],
                one["level"],
                clock(one["opened_at"]),
                one["hushed"] or one["reason"],
            ]
            for one in shown["items"]
        ]
        table(["TICKET", "OBJECTIVE", "STATE", "LEVEL", "OPENED", "WHY"], rows)

    remote.output.show(shown, human)


def _pair(text: str) -> tuple[str, str]:
    key, found, value = text.partition("=")
    if not (key and found):
        raise UsageError(f"{text!r} is no label", "such as product=shop")
    return key, value


def _breadth(one: Shown) -> str:
    parts = [one["focus"] or "", *(f"{key}={value}" for key, value in one["labels"].items())]
    parts += [f"{name} {one[name]}" for name in ("objective", "tenant") if one[name]]
    return " ".join(part for part in parts if part) or "everything"
