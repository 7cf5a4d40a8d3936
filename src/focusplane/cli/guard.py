"""Gate, freeze, and the yes or no to actions."""

from urllib.parse import quote

import click

from focusplane.cli import following
from focusplane.cli.output import Shown
from focusplane.cli.remote import Remote, asks
from focusplane.kernel.errors import UsageError


@click.command("gate")
@click.argument("focus")
@click.option(
    "--flag", default="", metavar="KEY", help="by the rules that this flag's rollouts have of their own"
)
@click.option("--wait", "lasts", default="", help="until the answer is yes, at most so long: 1h")
@asks
def gate_command(remote: Remote, focus: str, flag: str, lasts: str) -> None:
    """May this focus be changed now? Exit 0 for yes, 1 for no."""
    seconds = following.seconds_of(lasts, "--wait") if lasts else 0.0
    shown: Shown = {}
    said = ""
    path = f"/api/v1/gate/{focus}" + (f"?flag={quote(flag, safe='')}" if flag else "")
    for shown in following.looks(lambda: remote.post(path), seconds):
        if lasts and shown["reason"] != said and not shown["allow"]:
            click.echo(f"not yet: {shown['reason']}", err=True)
        said = shown["reason"]
        if shown["allow"]:
            break
    word = "yes" if shown["allow"] else "no"
    remote.output.show(shown, lambda: click.echo(f"{word}  {shown['reason']}"))
    raise click.exceptions.Exit(0 if shown["allow"] else 1)


@click.command("freeze")
@click.argument("focus", default="")
@click.option("--all", "everything", is_flag=True, help="every focus")
@click.option("--reason", default="")
@asks
def freeze_command(remote: Remote, focus: str, everything: bool, reason: str) -> None:
    """Stop all automation and rollouts of a focus, or with --all of every focus, at once."""
    _tell(remote, remote.post("/api/v1/freeze", {"focus": _which(focus, everything), "reason": reason}))


@click.command("unfreeze")
@click.argument("focus", default="")
@click.option("--all", "everything", is_flag=True, help="every focus")
@asks
def unfreeze_command(remote: Remote, focus: str, everything: bool) -> None:
    """Let automation go on."""
    _tell(remote, remote.post("/api/v1/unfreeze", {"focus": _which(focus, everything)}))


@click.command("approve")
@click.argument("action")
@asks
def approve_command(remote: Remote, action: str) -> None:
    """Say yes to an action that waits. The one who asked for it never counts."""
    _tell(remote, remote.post(f"/api/v1/actions/{action}/approve"))


@click.command("deny")
@click.argument("action")
@click.option("--reason", default="")
@asks
def deny_command(remote: Remote, action: str, reason: str) -> None:
    """Say no to an action that waits."""
    _tell(remote, remote.post(f"/api/v1/actions/{action}/deny", {"reason": reason}))


@click.command("undo")
@click.argument("action")
@click.option("--reason", default="")
@asks
def undo_command(remote: Remote, action: str, reason: str) -> None:
    """Take an action back."""
    _tell(remote, remote.post(f"/api/v1/actions/{action}/undo", {"reason": reason}))


def _which(focus: str, everything: bool) -> str:
    if bool(focus) == everything:
        raise UsageError("say which focus, or --all", "focus freeze checkout")
    return focus


def _tell(remote: Remote, shown: Shown) -> None:
    remote.output.show(shown, lambda: click.echo(f"{shown['id']}  {shown['reason']}".strip()))
