"""The text of each reference page, read from the code it describes."""

import importlib
import inspect
import json
import pkgutil
from collections.abc import Iterator, Mapping
from enum import Enum
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import click

ROOMS_WITH_LIFE_CYCLES = ("control", "act", "learn")


class MissingSourceError(Exception):
    """The module a page is made from does not exist yet."""


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("focusplane"):
            raise
        raise MissingSourceError(f"{error.name} does not exist yet") from error


def _function(module: str, name: str) -> Any:
    found = getattr(_module(module), name, None)
    if found is None:
        raise MissingSourceError(f"{module} has no {name} yet")
    return found


def table(head: str, rows: Iterator[str] | list[str]) -> str:
    columns = head.count("|") - 1
    return "\n".join([head, "|" + "---|" * columns, *rows]) + "\n"


def cell(text: object) -> str:
    return " ".join(str(text).replace("|", "\\|").split())


# policy: define.schema writes its own reference, beside the schema it comes from


def policy() -> str:
    return str(_function("focusplane.define.schema", "reference_markdown")())


def policy_schema() -> str:
    schema = _function("focusplane.define.schema", "json_schema")()
    return json.dumps(schema, indent=2, ensure_ascii=False)


# command line: the click tree, each command with its arguments and options


def cli() -> str:
    root = _function("focusplane.cli.main", "focus")
    parts = [f"# The command line\n\n{_paragraphs(root.help)}\n"]
    parts.extend(_command_pages(("focus",), root))
    return "\n".join(parts)


def _command_pages(path: tuple[str, ...], group: click.Group) -> Iterator[str]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = _command(group, context, name)
        if command.hidden:
            continue
        here = (*path, name)
        words = " ".join(
            [*here, *(one.make_metavar(context) for one in _parameters(command, click.Argument))]
        )
        yield f"## `{words}`\n\n{_paragraphs(command.help)}\n"
        options = [one for one in _parameters(command, click.Option) if not getattr(one, "hidden", False)]
        if options:
            yield table("| option | default | meaning |", [_option_row(one) for one in options])
        if isinstance(command, click.Group):
            yield from _command_pages(here, command)


def _command(group: click.Group, context: click.Context, name: str) -> click.Command:
    """Raises `MissingSourceError` while the module of the command does not exist."""
    try:
        found = group.get_command(context, name)
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("focusplane"):
            raise
        raise MissingSourceError(f"{error.name} does not exist yet") from error
    if found is None:
        raise LookupError(f"{name} is listed and not there")
    return found


def _parameters(command: click.Command, kind: type[click.Parameter]) -> list[click.Parameter]:
    return [one for one in command.params if isinstance(one, kind)]


def _paragraphs(text: str | None) -> str:
    return inspect.cleandoc((text or "").replace("\b\n", ""))


def _option_row(option: click.Parameter) -> str:
    told = option.to_info_dict()
    default = (
        told["default"] if isinstance(told["default"], str | int | float) and not told["is_flag"] else ""
    )
    words = ", ".join(f"`{word}`" for word in (*option.opts, *option.secondary_opts))
    meaning = f"{told['help'] or ''}{' (repeatable)' if told['multiple'] else ''}"
    return f"| {words} | {cell(default)} | {cell(meaning)} |"


# errors: the tree of kernel/errors.py


def errors() -> str:
    module = _module("focusplane.kernel.errors")
    tree = (module.__doc__ or "").strip().split("\n\n", 1)[1]
    rows = [
        f"| `{one.code}` | `{one.__name__}` | {one.exit_status} | {one.http_status} |"
        for one in _family(module.FocusplaneError)
    ]
    return (
        "# Errors\n\nEvery error says *what* went wrong and gives a *hint* what to try. "
        "The HTTP API answers with RFC 9457 problem details, the command line with the exit status.\n\n"
        f"```\n{tree}\n```\n\n" + table("| code | error | exit status | HTTP status |", rows)
    )


def _family(root: type) -> Iterator[Any]:
    yield root
    children: list[type] = type.__subclasses__(root)
    for child in sorted(children, key=lambda one: one.__name__):
        if child.__module__ == root.__module__:
            yield from _family(child)


# life cycles: every table NEXT[(state, cause)] = state, printed as a diagram


def states() -> str:
    parts = ["# Life cycles\n\nEach is a table in the code; a cause that is not drawn changes nothing.\n"]
    drawn: set[int] = set()
    for room in ROOMS_WITH_LIFE_CYCLES:
        package = _module(f"focusplane.{room}")
        for found in pkgutil.iter_modules(package.__path__, f"focusplane.{room}."):
            module = importlib.import_module(found.name)
            for name, moves in vars(module).items():
                if name.endswith("NEXT") and _is_life_cycle(moves) and id(moves) not in drawn:
                    drawn.add(id(moves))
                    parts.append(_life_cycle(module, name, moves))
    return "\n".join(parts)


def _is_life_cycle(moves: object) -> bool:
    return isinstance(moves, Mapping) and all(
        isinstance(key, tuple) and len(key) == 2 and isinstance(key[0], Enum) for key in moves
    )


def _life_cycle(module: ModuleType, name: str, moves: Mapping[Any, Any]) -> str:
    states: type[Enum] = type(next(iter(moves))[0])
    first = next(iter(states))
    title = module.__name__.removeprefix("focusplane.").replace(".", " · ")
    arrows = [
        f"    {state.name} --> {_landing(then)}: {_words(cause)}" for (state, cause), then in moves.items()
    ]
    heading = title if name == "NEXT" else f"{title} · {name.removesuffix('_NEXT').lower()}"
    summary = (module.__doc__ or "").strip().splitlines()[0]
    drawing = "\n".join(["```mermaid", "stateDiagram-v2", f"    [*] --> {first.name}", *arrows, "```"])
    return f"## {heading}\n\n{summary}\n\n{drawing}\n"


def _landing(then: Any) -> str:
    return str(then.name) if isinstance(then, Enum) else str(then)


def _words(cause: Any) -> str:
    return str(cause.value) if isinstance(cause, Enum) else str(cause)


# HTTP API: the OpenAPI description as a table; describing routes needs no running plane


def api() -> str:
    build_app = _function("focusplane.web.app", "build_app")
    description = build_app(MagicMock(name="plane"), MagicMock(name="tokens")).openapi()
    rows = []
    for path, calls in sorted(description["paths"].items()):
        for method, call in calls.items():
            what = ". ".join(filter(None, (call.get("summary"), call.get("description"))))
            rows.append(f"| `{method.upper()} {path}` | {cell(what)} |")
    return (
        f"# HTTP API\n\n{description['info']['description']}\n\n"
        "Every shape is at `/api/openapi.json` of a running plane.\n\n" + table("| call | what |", rows)
    )
