"""Schema migrations under watch: gated, told to the ledger of changes, stopped and taken back on harm."""

import contextlib
import os
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from uuid import uuid4

import click

from focusplane.cli.migration import (
    APPLICATION,
    Limits,
    Watch,
    carry_out,
    deaf,
    find,
    linger,
    told_to_end,
    undo,
)
from focusplane.cli.remote import Brake, Remote, asks
from focusplane.kernel.errors import DataError, FocusplaneError, RefusedError, UsageError
from focusplane.kernel.quantity import format_duration, parse_duration

_PASSWORD = re.compile(r"(://[^:/@\s]*:)\S*@")
_SECRET = re.compile(r"(?is)((?:password|passwd|pwd|secret|token|api_?key)=).+")
"""To the end of the word: where a secret ends only its tool knows. `PGPASSWORD=...` is one, too."""
_OPTION = re.compile(r"(?i)--?(?:\w+[-_.])*\w*(?:password|passwd|pwd|secret|token|api[-_]?key)")
_LONGEST = 1_000
"""Characters of a command line that are told: the ledger takes no more than twice that."""
if TYPE_CHECKING:
    from focusplane.edge.postgres_locks import PostgresLocks

F = TypeVar("F", bound=Callable[..., Any])


@click.group("migrate")
def migrate_command() -> None:
    """Run a migration tool (pgroll, gh-ost, your own) while the focus and the locks of its database are watched.

    The tool and its arguments stand after `--`. It is stopped as soon as the focus fails, somebody waits too long for a lock,
    or nothing can be seen any more; then the way back is run.
    """


def _watched(function: F) -> F:
    for option in reversed(
        (
            click.argument("focus"),
            click.argument("tool", nargs=-1, required=True),
            click.option("--undo", "back", default="", help="the way back, such as 'pgroll rollback'"),
            click.option("--tenant", default="", help="whose data it touches: looked at by itself, too"),
            click.option("--database", default="", help="whose locks are watched: a URL, or env:NAME"),
            click.option(
                "--lock-limit", default="1s", show_default=True, help="so long anybody may wait for a lock"
            ),
            click.option(
                "--watch",
                default="1m",
                show_default=True,
                help="so long it is watched after the tool has ended",
            ),
            click.option("--patience", default="5s", show_default=True, help="so long nothing may be seen"),
        )
    ):
        function = option(function)
    return function


@migrate_command.command("start")
@_watched
@asks
def start(remote: Remote, **given: Any) -> None:
    """Expand: FOCUS must be allowed to change now. Exit 4 if it may not, or if harm was seen and it was taken back."""
    _run(remote, "start", _migration(**given))


@migrate_command.command("complete")
@_watched
@asks
def complete(remote: Remote, **given: Any) -> None:
    """Contract: after it there is no way back but `--undo`. The same gate and the same watch."""
    _run(remote, "complete", _migration(**given))


@migrate_command.command("rollback")
@click.argument("focus")
@click.argument("tool", nargs=-1, required=True)
@click.option("--tenant", default="", help="whose data it touches")
@asks
def rollback(remote: Remote, focus: str, tool: tuple[str, ...], tenant: str) -> None:
    """The way back by hand: no gate stands before it, and nothing stops it."""
    asked = Migration(focus, tool, (), tenant, "", Limits(0, 0, 0))
    find(tool[0])
    change = ""
    try:
        change = _tell(remote, asked, f"migration rolled back: {said(tool)}")
    except FocusplaneError as error:  # the way back is needed most when the plane is what is gone
        click.echo(f"the ledger does not know of it: {error.what}", err=True)
    status = undo(tool)
    if status:
        raise DataError(f"{tool[0]} ended with {status}: the migration may still stand")
    remote.output.show({"focus": focus, "change": change}, lambda: click.echo("rolled back"))


@dataclass(frozen=True, slots=True)
class Migration:
    """One run of the tool. `back` is the way back, empty if there is none."""

    focus: str
    tool: tuple[str, ...]
    back: tuple[str, ...]
    tenant: str
    database: str
    limits: Limits


def _migration(
    focus: str, tool: tuple[str, ...], back: str, tenant: str, database: str, **spans: str
) -> Migration:
    limits = Limits(_span(spans["lock_limit"]), _span(spans["patience"]), _span(spans["watch"]))
    try:
        return Migration(focus, tool, tuple(shlex.split(back)), tenant, database, limits)
    except ValueError as error:
        raise UsageError(f"--undo: {error}", "--undo 'pgroll rollback'") from error


def _run(remote: Remote, step: str, asked: Migration) -> None:
    for argv in (asked.tool, asked.back):
        if argv:
            find(argv[0])
    with told_to_end(), _locks(asked.database) as locks, Brake(remote, asked.focus, asked.tenant) as brake:
        _gate(remote, brake, asked.focus)
        eye = Watch(brake.ask, locks, asked.limits)
        change = _tell(remote, asked, f"migration {step}: {said(asked.tool)}")
        ended = carry_out(asked.tool, eye)
        harm = ended.harm or ("" if ended.status else linger(eye))
        longest = locks.longest_ms if locks is not None else None
        if harm or ended.status:
            with deaf():
                _take_back(remote, asked, harm or f"{asked.tool[0]} ended with {ended.status}", bool(harm))
    waits = f"; the longest wait for a lock was {longest} ms" if longest is not None else ""
    words = f"{step}: it stands, watched for {format_duration(asked.limits.watch_ms)}{waits}"
    told = {"focus": asked.focus, "change": change, "step": step, "longest_lock_wait_ms": longest}
    remote.output.show(told, lambda: click.echo(words))


def _take_back(remote: Remote, asked: Migration, why: str, harmed: bool) -> NoReturn:
    """Whatever comes of it, the reason and what is left to do are the last words."""
    kind = RefusedError if harmed else DataError
    if not asked.back:
        raise kind(f"stopped: {why}", "nothing was taken back, for no --undo was given")
    words = said(asked.back)
    click.echo(f"stopped: {why}; taking it back: {words}", err=True)
    with contextlib.suppress(FocusplaneError):  # the plane may be what is gone
        _tell(remote, asked, f"migration taken back ({why}): {words}"[:500])
    status = undo(asked.back)
    if status:
        raise DataError(f"stopped: {why}; and the way back ended with {status}: it may still stand", words)
    raise kind(f"stopped and taken back: {why}")


def _gate(remote: Remote, brake: Brake, focus: str) -> None:
    """Nothing is changed while a person or the budget says no, or while nobody could see what it does."""
    allowed = remote.post(f"/api/v1/gate/{focus}")
    if not allowed["allow"]:
        raise RefusedError(f"{focus} may not be changed now: {allowed['reason']}", f"focus explain {focus}")
    said = brake.ask()
    if not said["run"]:
        raise RefusedError(f"{focus} may not be changed now: {said['reason']}", f"focus explain {focus}")


def said(argv: Sequence[str]) -> str:
    """A command line as it may be written down: without what it says as a secret."""
    words, hide = [], False
    for word in argv:
        words.append("***" if hide else _SECRET.sub(r"\1***", _PASSWORD.sub(r"\1***@", word)))
        hide = _OPTION.fullmatch(word) is not None
    return shlex.join(words)


def _tell(remote: Remote, asked: Migration, what: str) -> str:
    """On the ledger before it happens, so that whoever is woken by it sees it first. The id of the change."""
    body = {"focus": asked.focus, "kind": "migration", "what": what[:_LONGEST], "tenant": asked.tenant}
    return str(remote.post("/api/v1/changes", {**body, "id": f"mig-{uuid4().hex[:12]}"})["id"])


@contextlib.contextmanager
def _locks(database: str) -> "Iterator[PostgresLocks | None]":
    if not database:
        yield None
        return
    try:
        from focusplane.edge.postgres_locks import PostgresLocks
    except ModuleNotFoundError as missing:
        raise UsageError(
            f"{missing.name} is not installed", "pip install 'focusplane[postgres]'"
        ) from missing
    with PostgresLocks(_url(database), APPLICATION) as locks:
        yield locks


def _url(said: str) -> str:
    """`env:NAME` is what the environment says, so that no password stands in a list of processes."""
    kind, _, name = said.partition(":")
    if kind != "env":
        return said
    if not os.environ.get(name):
        raise UsageError(f"--database: {name} is not set", f"export {name}=postgresql://...")
    return os.environ[name]


def _span(text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(str(error), "such as 500ms, 30s or 5m") from error
