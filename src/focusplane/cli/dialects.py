"""Files of other SLO tools, into focus files and out of them. Nothing here needs a running plane."""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from focusplane.cli.findings import FORMATS, row
from focusplane.cli.output import counted
from focusplane.cli.policy_set import Place, good
from focusplane.define.engine import parse_url
from focusplane.define.problem import Problem, Severity
from focusplane.define.shapes import Name
from focusplane.edge.dialects.draft import Wanted
from focusplane.edge.dialects.grafana import KINDS, dashboards
from focusplane.edge.dialects.reading import TOOLS, import_from
from focusplane.edge.dialects.writing import export_to
from focusplane.edge.policy_files import PolicyDirectory
from focusplane.kernel.errors import ConflictError, UsageError
from focusplane.kernel.quantity import parse_duration

STDIN = "-"


def _out_option(command: Any) -> Any:
    return click.option(
        "--out",
        type=click.Path(file_okay=False, path_type=Path),
        help="write a file for each focus here; never overwrites. Default: one stream on stdout",
    )(command)


@click.command("import")
@click.argument("tool", type=click.Choice(list(TOOLS)))
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, allow_dash=True, path_type=Path)
)
@_out_option
@click.option("--owner", default="my-team", show_default=True, help="the team that answers for it")
@click.option("--url", default="", help="the Prometheus that is asked; default: as the files say")
@click.option(
    "--window",
    default="",
    help="how long a budget lasts, where the files leave it open (Sloth, slo-generator)",
)
@click.option("--json", "as_json", is_flag=True, help="files and notes as JSON on stdout")
def import_command(tool: str, files: Sequence[Path], as_json: bool, out: Path | None, **said: str) -> None:
    """Turn SLOs of another tool into focus files. What could not be carried over, or means something else, is told
    on stderr with its place. Exit 1 if something was refused; the rest is written all the same."""
    wanted = Wanted(_owner(said["owner"]), _url(said["url"]), _window(said["window"]))
    found = import_from(tool, _read(files), wanted)
    if out is not None:
        _write(out, found.files)
    _show(found.files, found.notes, as_json, quiet=out is not None)
    _tell(found.files, found.notes)
    if out is not None and found.files:
        click.echo(f"next  focus check {out}", err=True)
    raise click.exceptions.Exit(int(found.refused or not found.files))


@click.command("openslo")
@click.argument("path", type=Place, default=".")
@_out_option
@click.option("--json", "as_json", is_flag=True, help="files and notes as JSON on stdout")
def openslo_export(path: Path, out: Path | None, as_json: bool) -> None:
    """Objectives that ask a Prometheus as OpenSLO v1. What it cannot say is told on stderr with its place."""
    _export("openslo", path, out, as_json)


@click.command("sloth")
@click.argument("path", type=Place, default=".")
@_out_option
@click.option("--json", "as_json", is_flag=True, help="files and notes as JSON on stdout")
def sloth_export(path: Path, out: Path | None, as_json: bool) -> None:
    """Objectives that ask a Prometheus as files of Sloth, prometheus/v1. What it cannot say is told on stderr with its
    place. Sloth has alert tables for 28 and 30 days; any other period needs a catalogue of its own."""
    _export("sloth", path, out, as_json)


@click.command("grafana")
@click.argument("path", type=Place, default=".")
@click.option("--kind", type=click.Choice(list(KINDS)), default="focus", show_default=True, help="for whom")
@_out_option
@click.option("--json", "as_json", is_flag=True, help="the same: a dashboard is JSON")
def grafana_export(path: Path, kind: str, out: Path | None, as_json: bool) -> None:
    """Dashboards that read the plane's /metrics: one for each focus, one for those on call, one for those who decide.
    Several need --out."""
    files = dashboards(kind, good(path).policies.focuses.values())
    if out is not None:
        _write(out, files)
        for name in files:
            click.echo(name)
    elif len(files) == 1:
        click.echo(next(iter(files.values())), nl=False)
    else:
        raise UsageError(
            f"these are {len(files)} dashboards, and stdout holds one", "--out DIR, or name one file"
        )


def _export(tool: str, path: Path, out: Path | None, as_json: bool) -> None:
    made = export_to(tool, good(path))
    if out is not None:
        _write(out, made.files)
    _show(made.files, made.notes, as_json, quiet=out is not None)
    _tell(made.files, made.notes)
    raise click.exceptions.Exit(int(made.refused or not made.files))


def _read(paths: Sequence[Path]) -> dict[str, str]:
    """Path as it was said -> text. Raises `UsageError` for what cannot be read."""
    texts: dict[str, str] = {}
    for path in paths:
        if str(path) == STDIN:
            texts["<stdin>"] = sys.stdin.read()
            continue
        directory = PolicyDirectory(path)
        found = directory.read()
        if directory.unreadable or not found:
            why = directory.unreadable[0].why if directory.unreadable else "no *.yaml or *.yml is below it"
            raise UsageError(f"{path} cannot be taken: {why}", "name files, or a directory that holds some")
        texts |= {str(path / name) if path.is_dir() else str(path): text for name, text in found.items()}
    return texts


def _owner(name: str) -> str:
    if re.fullmatch(Name("team").pattern, name) is None:
        raise UsageError(
            f"{name[:80]!r} cannot be the name of a team", f"{Name('team').words}, such as payments"
        )
    return name


def _url(text: str) -> str:
    try:
        return parse_url(text) if text else ""
    except ValueError as error:
        raise UsageError(f"--url: {error}", "such as http://prometheus:9090") from error


def _window(text: str) -> int:
    try:
        return parse_duration(text) if text else 0
    except ValueError as error:
        raise UsageError(str(error), "--window 28d") from error


def _write(out: Path, files: Mapping[str, str]) -> None:
    """All of them or none; no directory for nothing."""
    if not files:
        return
    there = [name for name in files if (out / name).exists()]
    if there:
        raise ConflictError(f"{out / there[0]} exists", "choose another directory, or take it away")
    out.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (out / name).write_text(text, encoding="utf-8")


def _show(files: Mapping[str, str], notes: Sequence[Problem], as_json: bool, quiet: bool) -> None:
    if as_json:
        shown: dict[str, Any] = {"files": dict(files), "notes": [row(note) for note in notes]}
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
        return
    click.echo(FORMATS["text"](notes), nl=False, err=True)
    if quiet:
        for name in files:
            click.echo(name)
    else:
        click.echo("---\n".join(files.values()), nl=False)


def _tell(files: Mapping[str, str], notes: Sequence[Problem]) -> None:
    kinds = [note.severity for note in notes]
    told = (
        counted(len(files), "file"),
        f"{kinds.count(Severity.ERROR):,} refused",
        f"{kinds.count(Severity.WARNING):,} left out or changed",
        f"{kinds.count(Severity.NOTICE):,} assumed",
    )
    click.echo(", ".join(told), err=True)
