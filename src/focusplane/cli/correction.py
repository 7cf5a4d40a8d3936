"""Corrections from the command line."""

import click

from focusplane.cli.instants import instant_near
from focusplane.cli.output import Shown, clock, pairs, table
from focusplane.cli.remote import Remote, asks


@click.group("correction")
def correction_command() -> None:
    """Judge a span otherwise than it was counted, list such spans, end them."""


@correction_command.command("add")
@click.argument("focus")
@click.option("--from", "since", required=True, help="2026-11-26T02:00Z, or 90m for so long ago")
@click.option("--to", "until", required=True, help="the same; 0s means now, +2h lies ahead")
@click.option("--as", "mode", type=click.Choice(["exclude", "good"]), required=True)
@click.option("--reason", required=True)
@click.option("--objective", default="", help="one objective; all of them without it")
@click.option("--author", default="", help="who stands for it, if that is not you")
@click.option("--expires", default="", help="when it is judged as counted again: a time as above")
@asks
def add(remote: Remote, focus: str, since: str, until: str, mode: str, reason: str, **rest: str) -> None:
    """Leave a span out of budget and burn, or count its failures as good. What was counted stays on the record."""
    now = int(remote.get("/api/v1/status")["at"])
    body = {
        "focus": focus,
        "objective": rest["objective"],
        "from": instant_near(since, now),
        "to": instant_near(until, now),
        "as": mode,
        "reason": reason,
        "author": rest["author"],
        "expires": instant_near(rest["expires"], now) if rest["expires"] else 0,
    }
    _tell(remote, remote.post("/api/v1/corrections", body))


@correction_command.command("list")
@click.argument("focus", default="")
@asks
def list_corrections(remote: Remote, focus: str) -> None:
    """Those in force first."""
    shown = remote.get("/api/v1/corrections", focus=focus)

    def human() -> None:
        rows = [_row(one) for one in shown["items"]]
        table(
            [
                "CORRECTION",
                "FOCUS",
                "OBJECTIVE",
                "STATE",
                "FROM",
                "LASTS",
                "AS",
                "BUDGET",
                "AUTHOR",
                "REASON",
            ],
            rows,
        )

    remote.output.show(shown, human)


@correction_command.command("end")
@click.argument("key", metavar="CORRECTION")
@click.option("--reason", default="")
@asks
def end(remote: Remote, key: str, reason: str) -> None:
    """Judge its span as it was counted again."""
    _tell(remote, remote.delete(f"/api/v1/corrections/{key}", reason=reason))


def _row(one: Shown) -> list[str]:
    what = [
        one["id"],
        one["focus"],
        one["objective"] or "all",
        one["state"],
        clock(one["from"]),
        one["lasts"],
    ]
    return [*what, one["as"], _briefly(one), one["author"], one["reason"]]


def _briefly(one: Shown) -> str:
    """A column is for the first of the budgets that it changed; `--json` has all."""
    said = [each for each in one["effects"].values() if each["before_text"] != each["after_text"]]
    if not said:
        return "unchanged" if one["effects"] else ""
    more = f", {len(said) - 1} more" if len(said) > 1 else ""
    return f"{said[0]['before_text']} -> {said[0]['after_text']}{more}"


def _tell(remote: Remote, shown: Shown) -> None:
    def human() -> None:
        click.echo(shown["answer"], err=True)
        pairs(
            [
                ("correction", shown["id"]),
                ("focus", shown["focus"]),
                ("objective", shown["objective"] or "all"),
                ("from", clock(shown["from"])),
                ("to", clock(shown["to"])),
                ("as", shown["as"]),
                ("state", shown["state"]),
                ("budget left", _change(shown)),
            ]
        )

    remote.output.show(shown, human)


def _change(one: Shown) -> str:
    return "; ".join(
        f"{name} {each['before_text']} -> {each['after_text']}" for name, each in one["effects"].items()
    )
