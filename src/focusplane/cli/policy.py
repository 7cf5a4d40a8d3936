"""Policies from the command line: init, check, diff, apply, schema. Nothing here needs a running plane."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import click

from focusplane.cli.findings import FORMATS, count_errors
from focusplane.cli.output import counted
from focusplane.define.load import Loaded, load
from focusplane.edge.policy_files import PolicyDirectory
from focusplane.kernel.errors import ConflictError, UsageError
from focusplane.kernel.quantity import parse_rate

Place = click.Path(exists=True, path_type=Path)
_FIRST = """\
# yaml-language-server: $schema=focus.schema.json
apiVersion: focusplane/v1
kind: Focus
metadata: {{name: {name}}}
spec:
  description: What customers get from it, in one sentence.
  owner: {owner}
  tier: standard
  boundary:
    - {{service: {name}}}
  objectives:
    - name: availability
      target: 99.9%
      window: 30d
      sli: {{bad: {{status: 5xx}}, exclude: {{synthetic: true}}}}
  alerts: {{page: [pager]}}               # who is woken: a channel of the owner, below
---
apiVersion: focusplane/v1
kind: Team
metadata: {{name: {owner}}}
spec:
  members: [you@example.org]
  channels:
    pager: {{url: "env:PAGER_URL"}}       # an Apprise URL, such as slack://..., mailto://... or pagerduty://...;
                                        # the plane reads it from this variable, so that no secret stands here
"""


@click.command("init")
@click.argument("name")
@click.option("--owner", default="my-team", show_default=True)
@click.option(
    "--into", type=click.Path(file_okay=False, path_type=Path), default=Path("focus"), show_default=True
)
def init_command(name: str, owner: str, into: Path) -> None:
    """Write a first focus file and its schema into a directory. Never overwrites."""
    path = into / f"{name}.yaml"
    if path.exists():
        raise ConflictError(f"{path} exists", "choose another name, or edit it")
    into.mkdir(parents=True, exist_ok=True)
    path.write_text(_FIRST.format(name=name, owner=owner), encoding="utf-8")
    (into / "focus.schema.json").write_text(_schema(), encoding="utf-8")
    click.echo(str(path))
    click.echo(f"next  focus check {into}, and before `focus serve`: export PAGER_URL=...", err=True)


@click.command("check")
@click.argument("path", type=Place, default=".")
@click.option("--format", "style", type=click.Choice(sorted(FORMATS)), default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="the same as --format json")
@click.option("--strict", is_flag=True, help="warnings fail, too")
@click.option(
    "--traffic", multiple=True, metavar="FOCUS=RATE", help="what a focus gets, such as checkout=200/s"
)
def check_command(path: Path, style: str, as_json: bool, strict: bool, traffic: Sequence[str]) -> None:
    """Every mistake of a policy set at once, with file, line, column, code and hint. Exit 1 with errors."""
    from focusplane.define.check import Seen, check

    loaded = _load(path)
    problems = check(loaded, Seen(traffic={name: rate for name, rate in map(_stated, traffic)}))
    click.echo(FORMATS["json" if as_json else style](problems), nl=False)
    errors, warnings, notices = count_errors(problems)
    totals = (
        (len(loaded.policies.focuses), "focus", "es"),
        (errors, "error", "s"),
        (warnings, "warning", "s"),
        (notices, "notice", "s"),
    )
    click.echo(", ".join(counted(number, word, many) for number, word, many in totals), err=True)
    raise click.exceptions.Exit(int(bool(errors or (strict and warnings))))


@click.command("diff")
@click.argument("before", type=Place)
@click.argument("after", type=Place)
@click.option("--json", "as_json", is_flag=True)
def diff_command(before: Path, after: Path, as_json: bool) -> None:
    """What changes in meaning between two policy sets. Exit 1 if something does."""
    from focusplane.define.diff import diff

    changes = diff(_good(before).policies, _good(after).policies)
    told = "\n".join(str(one) for one in changes) or "no change"
    click.echo(json.dumps([asdict(one) for one in changes], indent=2) if as_json else told)
    raise click.exceptions.Exit(int(bool(changes)))


@click.command("apply")
@click.argument("source", type=Place)
@click.argument("target", type=click.Path(file_okay=False, path_type=Path))
@click.option("--remove", "removed", multiple=True, metavar="NAME", help="write a tombstone for a focus")
@click.option("--dry-run", is_flag=True, help="only say what would be written")
def apply_command(source: Path, target: Path, removed: Sequence[str], dry_run: bool) -> None:
    """Check a set and put its files into the directory that a plane watches. A set with errors is refused."""
    _good(source)
    files = dict(PolicyDirectory(source).read())
    files.update({f"removed-{name}.yaml": _tombstone(name) for name in removed})
    for name in sorted(files):
        click.echo(("would write " if dry_run else "") + str(target / name))
    if not dry_run:
        _write(target, files)


@click.command("schema")
def schema_command() -> None:
    """The JSON Schema of the focus file."""
    click.echo(_schema(), nl=False)


def _stated(text: str) -> tuple[str, Fraction]:
    name, _, rate = text.partition("=")
    try:
        return name, parse_rate(rate).per_second
    except ValueError as error:
        raise UsageError(f"{text!r} is not FOCUS=RATE", "such as checkout=200/s") from error


def _load(path: Path) -> Loaded:
    directory = PolicyDirectory(path)
    files = directory.read()
    if directory.unreadable:
        first = directory.unreadable[0]
        raise UsageError(f"{first.path}: {first.why}", "a set with holes is not checked")
    if not files:
        raise UsageError(f"no policy file in {path}", "*.yaml or *.yml; `focus init NAME` writes one")
    shown = {str(path / name) if path.is_dir() else str(path): text for name, text in files.items()}
    return load(shown, time.strftime("%Y-%m-%d"))


def _good(path: Path) -> Loaded:
    loaded = _load(path)
    if loaded.refused:
        click.echo(FORMATS["text"](loaded.problems), nl=False, err=True)
        raise click.exceptions.Exit(1)
    return loaded


def _tombstone(name: str) -> str:
    return f"apiVersion: focusplane/v1\nkind: Removed\nmetadata: {{name: {name}}}\n"


def _write(target: Path, files: Mapping[str, str]) -> None:
    """Each file whole or not at all."""
    for name, text in files.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)


def _schema() -> str:
    from focusplane.define.schema import json_schema

    return json.dumps(json_schema(), indent=2) + "\n"
