"""`focus rollout together`: versions of several focuses as one release."""

import time

import click

from focusplane.cli.output import Shown, clock, number, pairs, table
from focusplane.cli.remote import Remote, asks
from focusplane.kernel.errors import RefusedError, UsageError

WAIT_S = 10.0
LOOK_S = 0.2


@click.group("together")
def together_command() -> None:
    """Roll several focuses out as one: they begin, go on and go back together."""


@together_command.command("start")
@click.argument("members", nargs=-1, required=True, metavar="FOCUS=VERSION...")
@click.option("--why", "reason", default="", help="the reason, for the journal")
@asks
def start(remote: Remote, members: tuple[str, ...], reason: str) -> None:
    """Begin when every destination is ready. What others depend on comes first: it is taken back last.

    Exit 4 if one of them may not be changed or is not ready; then nothing was moved.
    """
    named = dict(map(_member, members))
    if len(named) != len(members):
        raise UsageError("a focus stands there twice", "each focus once")
    if len(named) < 2:
        raise UsageError(
            "a release has two members at least",
            f"one alone: focus rollout start {' '.join(members[0].split('='))}",
        )
    shown = remote.post("/api/v1/releases", {"members": named, "reason": reason})
    click.echo(shown["answer"], err=True)
    ends = time.monotonic() + WAIT_S
    while shown["stage"] == "asking" and time.monotonic() < ends:
        time.sleep(LOOK_S)
        shown = remote.get(f"/api/v1/releases/{shown['id']}")
    if shown["stage"] == "refused":
        raise RefusedError(shown["why"], "no traffic was moved; try again when all are ready")
    remote.output.show(shown, lambda: _show(shown))
    if shown["stage"] == "asking":
        raise click.exceptions.Exit(1)


@together_command.command("list")
@asks
def list_(remote: Remote) -> None:
    """The newest first."""
    found = remote.get("/api/v1/releases")
    rows = [
        [one["id"], clock(one["asked_at"]), one["stage"], _named(one), one["why"]] for one in found["items"]
    ]
    remote.output.show(found, lambda: table(["RELEASE", "ASKED", "STAGE", "MEMBERS", "WHY"], rows))


@together_command.command("status")
@click.argument("release")
@asks
def status(remote: Remote, release: str) -> None:
    """The release, and how each member stands."""
    shown = remote.get(f"/api/v1/releases/{release}")
    remote.output.show(shown, lambda: _show(shown))


def _member(text: str) -> tuple[str, str]:
    focus, equals, version = text.partition("=")
    if not focus or not equals or not version:
        raise UsageError(f"{text!r} names no version", "FOCUS=VERSION, such as pay=v2 ledger=v5")
    return focus, version


def _named(shown: Shown) -> str:
    return ", ".join(f"{focus}={version}" for focus, version in shown["members"].items())


def _show(shown: Shown) -> None:
    pairs(
        [
            ("release", shown["id"]),
            ("members", _named(shown)),
            ("stage", shown["stage"]),
            ("why", shown["why"]),
            ("asked by", f"{shown['by']} at {clock(shown['asked_at'])}"),
            ("reason", shown["reason"]),
            ("waits for", ", ".join(shown["waits_for"])),
        ]
    )
    if not shown.get("rollouts"):
        return
    click.echo()
    rows = [
        [one["focus"], one["phase"], one.get("weight_text", ""), *_odds(one), one["reason"]]
        for one in shown["rollouts"]
    ]
    table(["FOCUS", "PHASE", "WEIGHT", "E OF HARM", "E OF SAFETY", "REASON"], rows)


def _odds(one: Shown) -> tuple[str, str]:
    verdict = one.get("verdict")
    return (number(verdict["e_regress"]), number(verdict["e_safe"])) if verdict else ("", "")
