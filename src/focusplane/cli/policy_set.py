"""A policy set of the command line: read from a path, with what could not be read among its problems."""

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click

from focusplane.cli.findings import FORMATS
from focusplane.define.load import Loaded, load
from focusplane.define.problem import Problem, Severity
from focusplane.edge.policy_files import PolicyDirectory
from focusplane.kernel.errors import PolicyError, UsageError

Place = click.Path(exists=True, path_type=Path)


def today() -> str:
    return time.strftime("%Y-%m-%d")


def read(path: Path) -> Mapping[str, str]:
    """Path below -> text. Raises `PolicyError` for a set with a hole: it is not to be written anywhere."""
    directory = PolicyDirectory(path)
    files = directory.read()
    if directory.unreadable:
        first = directory.unreadable[0]
        raise PolicyError(f"{path / first.path}: {first.why}", "a set with holes is not applied")
    return files


def loaded_from(path: Path) -> Loaded:
    """What stands there, and every problem; a file that cannot be read is one of them. Raises `UsageError` for nothing."""
    directory = PolicyDirectory(path)
    files = directory.read()
    if not files and not directory.unreadable:
        raise UsageError(f"no policy file in {path}", "*.yaml or *.yml; `focus init NAME` writes one")
    found = load({_shown(path, name): text for name, text in files.items()}, today())
    missed = [
        Problem(
            _shown(path, one.path),
            1,
            1,
            Severity.ERROR,
            "D006",
            f"the file cannot be taken: {one.why}",
            "a set with holes is not obeyed",
        )
        for one in directory.unreadable
    ]
    return replace(found, problems=tuple(sorted((*found.problems, *missed))))


def good(path: Path) -> Loaded:
    """The set, or exit 1 with its problems on stderr."""
    loaded = loaded_from(path)
    if loaded.refused:
        click.echo(FORMATS["text"](loaded.problems), nl=False, err=True)
        raise click.exceptions.Exit(1)
    return loaded


def _shown(path: Path, name: str) -> str:
    return str(path / name) if path.is_dir() else str(path)
