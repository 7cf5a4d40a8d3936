"""Ask the judge about two versions: for pipelines that move the traffic themselves."""

import click

from focusplane.cli import following
from focusplane.cli.output import Shown, number, pairs, table
from focusplane.cli.remote import Remote, asks
from focusplane.kernel.errors import UsageError
from focusplane.plane.arrows.words import gist

STATUS = {"promote": 0, "rollback": 1, "continue": 4}


@click.command("judge")
@click.argument("focus", default="")
@click.option("--stable", default="", help="the version beside it; default: what served before")
@click.option("--canary", default="", help="the new version; default: what came after")
@click.option("--checksum", default="", help="another one begins anew, such as the id of this deploy")
@click.option("--step", default="", help="another one asks for safety anew, such as the present weight")
@click.option("--min-requests", type=click.IntRange(0, 10**9), default=0, help="of the canary, at least")
@click.option("--flag", default="", help="both are variants of this flag")
@click.option("--wait", "lasts", default="", help="until it is decided, at most so long: 30m")
@click.option("--list", "listed", is_flag=True, help="every pair that somebody asks about")
@asks
def judge_command(remote: Remote, focus: str, lasts: str, listed: bool, **wish: str | int) -> None:
    """Is the canary worse than the stable version, or shown to be no worse?

    The first question begins to gather evidence. Exit 0 for promote, 1 for rollback, 4 for neither yet: no data is neither.
    """
    if listed:
        return _list(remote, focus)
    if not focus:
        raise UsageError("which focus?", "focus judge checkout --canary v2, or --list")
    body = {"focus": focus, **wish}
    seconds = following.seconds_of(lasts, "--wait") if lasts else 0.0
    shown: Shown = {}
    said = ("", "")
    for shown in following.looks(lambda: remote.post("/api/v1/judge", body), seconds):
        why = "; ".join(shown["reasons"])
        if lasts and said != (shown["verdict"], gist(why)):
            click.echo(f"{shown['verdict']}  {why}", err=True)
        said = shown["verdict"], gist(why)
        if shown["verdict"] != "continue":
            break
    remote.output.show(shown, lambda: _show(shown))
    raise click.exceptions.Exit(STATUS[shown["verdict"]])


def _list(remote: Remote, focus: str) -> None:
    found = remote.get("/api/v1/judge", limit=1000)
    rows = [one for one in found["items"] if focus in ("", one["focus"])]
    columns = ["ID", "FOCUS", "CANARY", "STABLE", "VERDICT", "BY", "WHY"]
    keys = ("id", "focus", "canary", "stable", "verdict", "by")
    lines = [[*(one[key] for key in keys), "; ".join(one["reasons"])] for one in rows]
    remote.output.show({**found, "items": rows}, lambda: table(columns, lines))


def _show(shown: Shown) -> None:
    pairs(
        [
            ("verdict", f"{shown['verdict']}: {'; '.join(shown['reasons'])}"),
            ("canary", shown["canary"]),
            ("stable", shown["stable"]),
            ("e of harm", f"{number(shown['e_regress'])} of {number(shown['threshold'])}"),
            ("e of safety", f"{number(shown['e_safe'])} of {number(shown['threshold'])}"),
            ("requests", f"{shown['canary_requests']} against {shown['baseline_requests']}"),
            ("still to come", number(shown["eta_requests"])),
        ]
    )
