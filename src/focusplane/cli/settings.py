"""Every setting of the plane as an option of `focus serve`; meaning and default come from `Settings` itself."""

import ast
import functools
import inspect
import itertools
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

import click

from focusplane.plane import settings as module
from focusplane.plane.settings import PREFIX, Settings

_NOT_HERE = frozenset({"policy_dir"})


def described() -> dict[str, str]:
    """The docstring under each setting."""
    tree = ast.parse(inspect.getsource(module))
    body = next(one.body for one in tree.body if isinstance(one, ast.ClassDef))
    return {
        field.target.id: inspect.cleandoc(words.value.value)
        for field, words in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(words, ast.Expr)
        and isinstance(words.value, ast.Constant)
        and isinstance(words.value.value, str)
    }


def settings_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command POLICY_DIR and an option for every setting, and the `Settings` as its first argument."""

    @functools.wraps(function)
    def command(**given: Any) -> Any:
        names = [field.name for field in fields(Settings)]
        chosen = {name: given.pop(name) for name in names}
        return function(Settings(**chosen), **given)

    words = described()
    decorated: Callable[..., Any] = command
    for field in reversed(fields(Settings)):
        if field.name not in _NOT_HERE:
            decorated = _option(field, words.get(field.name, ""))(decorated)
    place = click.Path(exists=True, path_type=Path)
    return click.argument("policy_dir", type=place, envvar=f"{PREFIX}POLICY_DIR")(decorated)


def _option(field: Field[Any], words: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    default = None if field.default is MISSING else field.default
    kind = _kind(str(field.type))
    if isinstance(default, bool):
        return click.option(
            f"--{field.name.replace('_', '-')}",
            field.name,
            is_flag=True,
            default=default,
            envvar=PREFIX + field.name.upper(),
            help=" ".join(words.split()),
        )
    return click.option(
        f"--{field.name.replace('_', '-')}",
        field.name,
        type=kind,
        default=default,
        show_default=default not in (None, ""),
        envvar=PREFIX + field.name.upper(),
        help=" ".join(words.split()),
    )


def _kind(annotation: str) -> click.ParamType[Any]:
    if "Path" in annotation:
        return click.Path(path_type=Path)
    return click.IntRange(0, 65_535) if "int" in annotation else click.STRING
