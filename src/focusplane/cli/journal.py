"""The journal from the command line: of a running plane, or of the data of a stopped one."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from focusplane.act.fact import Fact
from focusplane.cli.output import Shown, clock, counted
from focusplane.cli.remote import Data, Remote, asks
from focusplane.kernel.errors import JournalError, UsageError
from focusplane.kernel.ids import canonical
from focusplane.plane.chain import GENESIS, link
from focusplane.plane.recover import Mismatch, replay

_CHUNK = 1_000
_CHANGED = "- is what was written then, + what is decided now: the data were changed, or focusplane was (an upgrade, for instance)"


@click.group("journal")
def journal_command() -> None:
    """Verify, read and export the journal."""


@journal_command.command("verify")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=".focus",
    show_default=True,
    help="the data of a plane, running or stopped: verify reads the bytes themselves",
)
@asks
def verify(remote: Remote, data: Path) -> None:
    """Recompute the hash chain: of --data, or with --server of what a running plane answers. Exit 1 at the first break."""
    from focusplane.cli.stopped import open_journal

    if _was_said("server") and _was_said("data"):
        raise UsageError("--server and --data are two journals", "say one of them")
    count = _whole(_facts(remote, None)) if _was_said("server") else open_journal(data).verify()
    told = {"facts": count, "whole": True}
    remote.output.show(told, lambda: click.echo(f"the chain of {counted(count, 'fact')} is whole"))


def _was_said(option: str) -> bool:
    source = click.get_current_context().get_parameter_source(option)
    return source is ParameterSource.COMMANDLINE


_CHAINED = ("seq", "turn", "at", "kind", "focus", "subject", "reason", "body")


def _whole(facts: Iterable[Shown]) -> int:
    """How many facts follow from each other, from the first. Raises `JournalError` at the first that does not."""
    prev, count = GENESIS, 0
    for fact in facts:
        count += 1
        text = canonical({key: fact[key] for key in _CHAINED}).decode()
        if fact["seq"] != count:
            raise JournalError(f"fact {count} is missing", "compare with the data of the plane")
        if fact["prev"] != prev or fact["hash"] != link(prev, text):
            raise JournalError(f"fact {count} was changed: its hash does not follow", "compare with a backup")
        prev = fact["hash"]
    return count


@journal_command.command("tail")
@Data
@click.option("-n", "number", default=20, show_default=True)
@asks
def tail(remote: Remote, data: Path | None, number: int) -> None:
    """The newest facts."""
    newest = list(_facts(remote, data))[-number:]
    remote.output.show(newest, lambda: _lines(newest))


@journal_command.command("export")
@Data
@click.option("--after", default=0, help="only facts with a higher seq")
@asks
def export(remote: Remote, data: Path | None, after: int) -> None:
    """Every fact as one JSON document a line."""
    for fact in _facts(remote, data, after):
        click.echo(json.dumps(fact, ensure_ascii=False, sort_keys=True))


@journal_command.command("head")
@Data
@asks
def head(remote: Remote, data: Path | None) -> None:
    """The newest seq and hash: kept elsewhere, they show a cut tail."""
    if data is None:
        shown = remote.get("/api/v1/journal/head")
    else:
        last: Shown = {"seq": 0, "hash": "", "at": 0}
        for fact in _facts(remote, data):
            last = fact
        shown = {key: last[key] for key in ("seq", "hash", "at")}
    remote.output.show(shown, lambda: click.echo(f"{shown['seq']} {shown['hash']}"))


@click.command("replay")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=".focus",
    show_default=True,
    help="the data of a plane, running or stopped",
)
@asks
def replay_command(remote: Remote, data: Path) -> None:
    """Decide everything in the journal again. Exit 1 if one decision differs."""
    from focusplane.cli.stopped import open_journal

    if _was_said("server"):
        raise UsageError(
            "a replay reads what came in, and a plane gives that to nobody",
            "on its machine: focus replay --data DIR",
        )
    turns = facts = 0
    differing: list[Shown] = []
    for made in replay(open_journal(data)):
        turns += 1
        facts += len(made.facts)
        if made.mismatch is not None:
            differing.append(_mismatch(made.mismatch))
    shown = {"turns": turns, "facts": facts, "same": not differing, "differing": differing}
    remote.output.show(shown, lambda: _replayed(shown))
    raise click.exceptions.Exit(1 if differing else 0)


def _mismatch(found: Mismatch) -> Shown:
    """The facts that only one side has; a journal gives the words of a body back in another order."""
    before, after = set(map(_line, found.journaled)), set(map(_line, found.replayed))
    return {"turn": found.turn, "journaled": sorted(before - after), "replayed": sorted(after - before)}


def _line(fact: Fact) -> str:
    about = " ".join(one for one in (fact.focus, fact.subject) if one)
    return f"{clock(fact.at)}  {fact.kind}  {about}  {fact.reason}  {canonical(dict(fact.body)).decode()}"


def _replayed(shown: Shown) -> None:
    told = f"{counted(shown['facts'], 'fact')} of {counted(shown['turns'], 'turn')}"
    click.echo(f"{told}: the same decisions again" if shown["same"] else f"{told}: not the same")
    for one in shown["differing"][:10]:
        click.echo(f"turn {one['turn']}")
        for sign, facts in (("-", one["journaled"]), ("+", one["replayed"])):
            for fact in facts:
                click.echo(f"  {sign} {fact}")
    if not shown["same"]:
        click.echo(_CHANGED, err=True)


def _facts(remote: Remote, data: Path | None, after: int = 0) -> Iterator[Shown]:
    read = _stored(data) if data is not None else _served(remote)
    while found := read(after):
        yield from found
        after = int(found[-1]["seq"])


def _served(remote: Remote) -> Callable[[int], list[Shown]]:
    return lambda after: list(remote.get("/api/v1/journal", after=after, limit=_CHUNK)["items"])


def _stored(data: Path) -> Callable[[int], list[Shown]]:
    from focusplane.cli.stopped import open_journal
    from focusplane.web.routes.journal import recorded

    journal = open_journal(data)
    return lambda after: [recorded(one) for one in journal.facts(after, _CHUNK)]


def _lines(facts: list[Any]) -> None:
    for one in facts:
        click.echo(
            f"{one['seq']:>6}  {clock(one['at'])}  {one['kind']:<20} {one['focus']:<12} {one['subject']}  {one['reason']}"
        )
