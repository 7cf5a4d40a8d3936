"""Actions from the command line: what was done, and what waits for a yes."""

import click

from focusplane.cli.output import Shown, clock, in_words, pairs, table
from focusplane.cli.remote import Remote, asks

_TOLD = ("id", "focus", "what", "phase", "reason", "rule", "detail")
"""What has a line of its own above the rest."""
_UNSAID = frozenset({"state", "decision", "board_version", "since"})


@click.group("action")
def action_command() -> None:
    """List and show what was done, and what waits for a yes."""


@action_command.command("list")
@click.argument("focus", default="")
@click.option("--waiting", is_flag=True, help="only what waits for a yes")
@asks
def list_actions(remote: Remote, focus: str, waiting: bool) -> None:
    """Newest first; `focus approve ID` and `focus deny ID` answer what waits."""
    shown = remote.get("/api/v1/actions", focus=focus, limit=1000)
    if waiting:
        shown["items"] = [one for one in shown["items"] if one["phase"] == "awaiting approval"]
    columns = ["ACTION", "FOCUS", "PHASE", "PLANNED", "BY", "WHAT", "REASON"]
    remote.output.show(shown, lambda: table(columns, [_row(one) for one in shown["items"]]))


@action_command.command("show")
@click.argument("key", metavar="ACTION")
@asks
def show_action(remote: Remote, key: str) -> None:
    """What it moves, why, who asked, and how it stands."""
    shown = remote.get(f"/api/v1/actions/{key}")
    remote.output.show(shown, lambda: _show(shown))


def _row(one: Shown) -> list[str]:
    known = (one["id"], one["focus"], one["phase"], clock(one["planned_at"]), one["by"], one["what"])
    return [*known, one["reason"]]


def _show(shown: Shown) -> None:
    pairs([("action" if key == "id" else key, shown[key]) for key in _TOLD])
    rest = {key: value for key, value in shown.items() if key not in _UNSAID and key not in _TOLD}
    click.echo()
    for line in in_words(rest):
        click.echo(line)
    if shown["phase"] == "awaiting approval":
        click.echo(f"\nfocus approve {shown['id']}  |  focus deny {shown['id']}", err=True)
