"""What changed, from the command line: told by hand or by a pipeline, read out of a Git repository, and listed."""

import json
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import click

from focusplane.cli.instants import instant
from focusplane.cli.output import clock, counted, table
from focusplane.cli.remote import Remote, Shown, asks
from focusplane.kernel.errors import DataError, UnreachableError, UsageError
from focusplane.wire.kubernetes_changes import Changed, Unread, kubernetes_changes

KINDS = ("deploy", "flag", "config", "migration", "rollout", "other")
MOST_COMMITS = 300
MOST_BYTES, MOST_NAMED = 32 * 1024 * 1024, 20
_GIT_WITHIN_S = 60
_FIELDS = "%x1e%H%x00%ct%x00%an%x00%D%x00%s"


@dataclass(frozen=True, slots=True)
class Commit:
    """`at` is when it was committed, Unix ms; `tag` is empty for a commit that has none."""

    sha: str
    at: int
    author: str
    tag: str
    subject: str


@click.group("change")
def change_command() -> None:
    """Changes are ranked as suspects of every incident that begins soon after them."""


@change_command.command("add")
@click.argument("focus", default="")
@click.option("--kind", type=click.Choice(KINDS), default="deploy", show_default=True)
@click.option("--what", required=True, help="such as: v42 goes out")
@click.option("--service", default="", help="every focus whose boundary has it, instead of FOCUS")
@click.option("--route", default="", help="such as 'POST /pay': narrows --service, or the slice of FOCUS")
@click.option("--version", default="", help="what it brought")
@click.option("--tenant", default="", help="only this tenant was touched")
@click.option("--region", default="", help="only this region was touched")
@click.option("--exposure", default="100%", show_default=True, help="the share of the traffic it touched")
@click.option("--by", "author", default="", help="whose change it is")
@click.option("--at", default="", help="when, if not now: 2026-11-01T04:00Z")
@click.option("--id", "key", default="", help="the same id again adds nothing")
@asks
def add(remote: Remote, focus: str, at: str, key: str, **rest: str) -> None:
    """FOCUS, or --service; neither is a change of everything."""
    shown = remote.post("/api/v1/changes", {"focus": focus, "at": instant(at), "id": key, **rest})
    remote.output.show(shown, lambda: click.echo(f"{shown['id']}  {shown['reason']}"))


@change_command.command("list")
@click.argument("focus", default="")
@click.option("--kind", default="", help="only this kind")
@click.option("--from", "start", default="", help="such as 2026-11-01T04:00Z")
@click.option("--to", "end", default="", help="such as 2026-11-01T05:00Z")
@asks
def list_changes(remote: Remote, focus: str, kind: str, start: str, end: str) -> None:
    """Newest first."""
    span = {name: instant(said) for name, said in (("from", start), ("to", end)) if said}
    shown = remote.get("/api/v1/changes", focus=focus, kind=kind, limit=1000, **span)

    def human() -> None:
        rows = [
            [clock(one["at"]), one["kind"], one["focus"] or "everything", one["what"], one["by"]]
            for one in shown["items"]
        ]
        table(["WHEN", "KIND", "FOCUS", "WHAT", "BY"], rows)

    remote.output.show(shown, human)


@change_command.command("from-git")
@click.argument("span", metavar="[RANGE]", default="HEAD")
@click.option("--repo", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path())
@click.option("--focus", default="", help="whose code it is; or --service")
@click.option("--service", default="", help="every focus whose boundary has it")
@click.option("--most", type=click.IntRange(1, MOST_COMMITS), default=50, show_default=True)
@asks
def from_git(remote: Remote, span: str, repo: Path, focus: str, service: str, most: int) -> None:
    """The newest commits of RANGE as deploys, such as v1..v2; again adds nothing. Merges stand for what they bring in."""
    if bool(focus) == bool(service):
        raise UsageError("whose code is it?", "--focus checkout, or --service payment")
    commits = read_git(repo, span, most)
    answers = [remote.post("/api/v1/changes", _body(one, focus, service)) for one in commits]
    added = sum(1 for one in answers if one.get("added"))
    shown: Shown = {"commits": len(commits), "added": added}
    remote.output.show(shown, lambda: click.echo(f"{len(commits)} commits read, {added} new on the ledger"))


@change_command.command("from-kubernetes")
@click.argument("source", type=click.File("rb"), default="-")
@click.option(
    "--focus", default="", help="whose objects they are; else each by the service that its labels name"
)
@asks
def from_kubernetes(remote: Remote, source: BinaryIO, focus: str) -> None:
    """What `kubectl get deployments,events -o json` prints, a watched object or an audit event; - is stdin. Again adds nothing."""
    changes: list[Changed] = []
    passed: list[Unread] = []
    for one in kubernetes_changes(_json(source)):
        (changes if isinstance(one, Changed) else passed).append(one)  # type: ignore[arg-type]
    answers = [remote.post("/api/v1/changes", {**asdict(one), **_whose(one, focus)}) for one in changes]
    added = sum(1 for one in answers if one.get("added"))
    shown: Shown = {
        "changes": len(changes),
        "added": added,
        "passed": [{"name": one.name, "why": one.why} for one in passed],
    }

    def human() -> None:
        click.echo(f"{counted(len(changes), 'change')} read, {added} new on the ledger")
        for one in passed[:MOST_NAMED]:
            click.echo(f"passed over  {one.name}: {one.why}", err=True)

    remote.output.show(shown, human)


def _whose(one: Changed, focus: str) -> Shown:
    return {"focus": focus, "service": ""} if focus else {"service": one.service}


def _json(source: BinaryIO) -> object:
    raw = source.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise UsageError(f"more than {MOST_BYTES:,} bytes", "select fewer objects, by --namespace or a label")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"that is no JSON: {error}", "kubectl get deployments,events -o json") from error


def read_git(repo: Path, span: str, most: int) -> list[Commit]:
    """Those of the main line, the oldest first. Raises `UsageError` for a range or a directory that Git does not know."""
    if span.startswith("-"):
        raise UsageError(f"{span!r} is no range", "such as v1..v2 or main")
    asked = ["git", "-C", str(repo), "log", "--first-parent", "--decorate=full", f"--max-count={most}"]
    try:
        said = subprocess.run(
            [*asked, f"--format={_FIELDS}", "--end-of-options", span, "--"],
            capture_output=True,
            timeout=_GIT_WITHIN_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise UnreachableError("git is not installed", "install git, or use focus change add") from error
    except subprocess.TimeoutExpired as error:
        raise UnreachableError(f"git took longer than {_GIT_WITHIN_S} s", "name a shorter range") from error
    if said.returncode:
        why = said.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UsageError(f"git log {span}: {why[0] if why else 'failed'}", "name a range that --repo has")
    text = said.stdout.decode("utf-8", "replace")
    return [_commit(row) for row in reversed(text.split("\x1e")) if row.strip()]


def _commit(row: str) -> Commit:
    parts = row.rstrip("\n").split("\0")
    if len(parts) != 5 or not parts[1].isdigit():
        raise DataError("git log said what cannot be read", "git 2.24 or later is needed")
    sha, seconds, author, names, subject = parts
    tags = [name.removeprefix("tag: refs/tags/") for name in names.split(", ") if name.startswith("tag: ")]
    return Commit(sha, int(seconds) * 1000, author[:200], tags[0][:200] if tags else "", subject)


def _body(one: Commit, focus: str, service: str) -> Shown:
    what = f"{one.tag or one.sha[:12]}: {one.subject}"[:2_000]
    return {
        "kind": "deploy",
        "what": what,
        "focus": focus,
        "service": service,
        "version": one.tag,
        "at": one.at,
        "author": one.author,
        "id": f"git {one.sha}",
    }
