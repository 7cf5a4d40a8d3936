"""Policies from the command line: init, check, diff, schema. Nothing here needs a running plane."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import click

from focusplane.cli.findings import FORMATS, count_errors
from focusplane.cli.output import Output, counted
from focusplane.cli.policy_set import Place, good, loaded_from
from focusplane.define.focus import PolicySet
from focusplane.define.form_focus import METADATA_NAME
from focusplane.define.load import load
from focusplane.define.shapes import Name
from focusplane.edge.policy_files import PolicyDirectory
from focusplane.kernel.errors import ConflictError, UsageError
from focusplane.kernel.quantity import parse_rate
from focusplane.kernel.tick import SECOND
from focusplane.wire.clock import SystemClock

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
{alerts}"""
_ALERTS = "  alerts: {{page: [{channel}], ticket: [{channel}]}}  # who is woken, and who hears of what can wait: a channel of the owner{where}\n"
_TEAM = """\
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
@click.option("--json", "as_json", is_flag=True)
def init_command(name: str, owner: str, into: Path, as_json: bool) -> None:
    """Write a first focus file and its schema into a directory. Never overwrites."""
    _nameable("a focus", name)
    _nameable("a team", owner)
    path = into / f"{name}.yaml"
    there = load(PolicyDirectory(into).read() if into.is_dir() else {}).policies
    if path.exists() or name in there.focuses:
        raise ConflictError(
            f"{path} exists" if path.exists() else f"{into} declares {name!r} already",
            "choose another name, or edit it",
        )
    into.mkdir(parents=True, exist_ok=True)
    path.write_text(_first(name, owner, there), encoding="utf-8")
    (into / "focus.schema.json").write_text(_schema(), encoding="utf-8")
    Output(as_json).show({"file": str(path), "team": owner not in there.teams}, lambda: click.echo(str(path)))
    click.echo(f"next  focus check {into}, and before `focus serve`: export PAGER_URL=...", err=True)


def _nameable(what: str, name: str) -> None:
    shape = METADATA_NAME.shape
    if isinstance(shape, Name) and re.fullmatch(shape.pattern, name) is None:
        near = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")[:63].strip("-")
        hint = f"such as {near}" if near else "such as checkout"
        raise UsageError(f"{name!r} cannot be the name of {what}: that is {shape.words}, at most 63", hint)


def _first(name: str, owner: str, there: PolicySet) -> str:
    """A team that stands in the directory is not declared a second time; its first channel is the one that wakes."""
    team = there.teams.get(owner)
    channel, where = ("pager", ", below") if team is None else (next(iter(team.channels), ""), "")
    alerts = _ALERTS.format(channel=channel, where=where) if channel else ""
    text = _FIRST.format(name=name, owner=owner, alerts=alerts)
    return text if team is not None else text + _TEAM.format(owner=owner)


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

    loaded = loaded_from(path)
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
    """What changes in meaning between two policy sets, and whom edits of flags give another variant. Exit 1 if
    something changes.
    """
    from focusplane.control.churn import SAMPLE, churn
    from focusplane.control.flags.declared import declared_of
    from focusplane.define.diff import diff

    old, new = good(before).policies, good(after).policies
    changes = diff(old, new)
    at_s = SystemClock().now_ms() // SECOND
    moved = list(churn(declared_of(old.focuses), declared_of(new.focuses), at_s))
    told = "\n".join(str(one) for one in changes) or "no change"
    shown = {
        "items": [asdict(one) for one in changes],
        "next": None,
        "churn": [{**asdict(one), "of": SAMPLE, "warns": one.warns} for one in moved],
    }
    Output(as_json).show(shown, lambda: click.echo(told))
    for one in moved:
        click.echo(f"{'warning' if one.warns else 'notice'}  {one}", err=True)
    raise click.exceptions.Exit(int(bool(changes)))


@click.command("schema")
@click.option("--json", "as_json", is_flag=True, help="the same: a schema is JSON")
def schema_command(as_json: bool) -> None:
    """The JSON Schema of the focus file."""
    click.echo(_schema(), nl=False)


def _stated(text: str) -> tuple[str, Fraction]:
    name, _, rate = text.partition("=")
    try:
        return name, parse_rate(rate).per_second
    except ValueError as error:
        raise UsageError(f"{text!r} is not FOCUS=RATE", "such as checkout=200/s") from error


def _schema() -> str:
    from focusplane.define.schema import json_schema

    return json.dumps(json_schema(), indent=2) + "\n"
