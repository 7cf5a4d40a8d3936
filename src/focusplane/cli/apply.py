"""`focus apply`: what the directory of a plane would hold afterwards is built and checked first, then written."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click

from focusplane.cli.findings import FORMATS
from focusplane.cli.output import Output
from focusplane.cli.policy_set import Place, good, read, today
from focusplane.define.focus import PolicySet
from focusplane.define.items import items_of
from focusplane.define.load import load
from focusplane.define.log import did_you_mean
from focusplane.define.overlay import Overlaid, is_item, overlay
from focusplane.kernel.errors import ConflictError, NotFoundError, UsageError


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written, path -> text, and deleted; nothing of what stays as it is."""

    target: Path
    written: Mapping[str, str]
    deleted: tuple[str, ...]
    kept: tuple[str, ...]


@click.command("apply")
@click.argument("source", type=Place)
@click.argument("target", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--remove", "removed", multiple=True, metavar="NAME", help="take it out, and write a tombstone for it"
)
@click.option(
    "--remove-held",
    "held",
    multiple=True,
    metavar="NAME",
    help="write a tombstone for what neither set declares and a plane still holds",
)
@click.option("--dry-run", is_flag=True, help="only say what would be written")
@click.option("--json", "as_json", is_flag=True)
def apply_command(
    source: Path, target: Path, removed: Sequence[str], held: Sequence[str], dry_run: bool, as_json: bool
) -> None:
    """Put a set over the directory that a plane watches. Refused as a whole unless the result is good.

    What only the directory declares stays: taking something out needs --remove. Exit 1 with the mistakes of the result.
    """
    upper = good(source).policies
    below = read(target) if target.is_dir() else {}
    _removable(removed, upper, load(below, today()).policies)
    _nameable(held)
    made = overlay(below, read(source), frozenset((*removed, *held)))
    _check(target, made)
    plan = Plan(
        target,
        {name: text for name, text in made.files.items() if below.get(name) != text},
        tuple(sorted(below.keys() - made.files.keys())),
        made.kept,
    )
    if not dry_run:
        _write(plan)
    _tell(plan, dry_run, Output(as_json))


def _removable(names: Iterable[str], upper: PolicySet, below: PolicySet) -> None:
    """Raises unless each name is declared in the directory, or removed there already, and not declared by the source."""
    names = tuple(names)
    _nameable(names)
    wanted, there = items_of(upper), items_of(below)
    for name in names:
        if name in wanted:
            raise ConflictError(
                f"{name!r} is declared by the source and to be removed at once", "take it out of the source"
            )
        if name not in there and name not in below.removed:
            hint = did_you_mean(name, sorted(there))
            raise NotFoundError(
                f"nothing is called {name!r} in the directory",
                f"{hint}; if a plane still holds it: --remove-held {name}",
            )


def _nameable(names: Iterable[str]) -> None:
    for name in names:
        if not is_item(name):
            raise UsageError(
                f"{name!r} cannot be the name of anything", "such as checkout or checkout/flag.x"
            )


def _check(target: Path, made: Overlaid) -> None:
    loaded = load({str(target / name): text for name, text in made.files.items()}, today())
    if loaded.refused:
        click.echo(FORMATS["text"](loaded.problems), nl=False, err=True)
        click.echo("nothing was written: this is wrong with what the directory would hold", err=True)
        raise click.exceptions.Exit(1)


def _write(plan: Plan) -> None:
    """All of it is on the disk before any of it counts: a plane takes up what holds still, not half a set."""
    staged: list[tuple[Path, Path]] = []
    try:
        for name, text in plan.written.items():
            path = plan.target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_name(f".{path.name}.new")
            staged.append((fresh, path))
            fresh.write_text(text, encoding="utf-8")
    except OSError as error:
        for fresh, _ in staged:
            with suppress(OSError):
                fresh.unlink()
        raise ConflictError(
            f"{plan.target} cannot be written: {error.strerror}", "nothing was changed"
        ) from error
    for fresh, path in staged:
        fresh.replace(path)
    for name in plan.deleted:
        (plan.target / name).unlink()


def _tell(plan: Plan, dry_run: bool, output: Output) -> None:
    would = "would " if dry_run else ""
    shown = {
        "target": str(plan.target),
        "written": sorted(plan.written),
        "deleted": list(plan.deleted),
        "kept": list(plan.kept),
        "dry_run": dry_run,
    }

    def human() -> None:
        for name in sorted(plan.written):
            click.echo((f"{would}write " if dry_run else "") + str(plan.target / name))
        for name in plan.deleted:
            click.echo(f"{would}delete {plan.target / name}" if dry_run else f"deleted {plan.target / name}")
        for name in plan.kept:
            click.echo(f"kept  {name}, which the source does not declare", err=True)
        if not plan.written and not plan.deleted:
            click.echo("nothing to write: the directory says so already", err=True)

    output.show(shown, human)
