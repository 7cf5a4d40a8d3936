"""Reference pages that are read from the text of the source, without importing it: names, settings, rooms."""

import ast
from collections.abc import Iterator
from pathlib import Path

from reference import MissingSourceError, cell, table

import focusplane

SOURCE = Path(focusplane.__file__).parent
LOOP = "kernel define instrument control observe act learn wire plane edge sdk web testing assembly demo cli"


# attributes: the constants of instrument/conventions.py with the sentence below each


def attributes() -> str:
    rows = [
        f"| `{name}` | {', '.join(f'`{value}`' for value in _values(node))} | {cell(words)} |"
        for name, node, words in _documented(SOURCE / "instrument" / "conventions.py")
        if _values(node)
    ]
    return (
        "# Attributes on telemetry\n\nWhere several names are given, the first is the present OpenTelemetry name "
        "and the others are older names that are read too.\n\n" + table("| constant | name | meaning |", rows)
    )


def _values(node: ast.expr | None) -> tuple[str, ...]:
    """The texts in an assigned expression: one string, or a tuple of strings and constants' names."""
    match node:
        case ast.Constant(value=str() as text):
            return (text,)
        case ast.Name(id=name):
            return (name,)
        case ast.Tuple(elts=parts):
            return tuple(text for part in parts for text in _values(part))
        case _:
            return ()


def _documented(path: Path, inside: str | None = None) -> Iterator[tuple[str, ast.expr | None, str]]:
    """Name, value and following docstring of each assignment in a module, or in one class of it."""
    if not path.exists():
        raise MissingSourceError(f"{path.relative_to(SOURCE.parent)} does not exist yet")
    tree: ast.Module | ast.ClassDef = ast.parse(path.read_text(encoding="utf-8"))
    if inside is not None:
        tree = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == inside)
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name, node.value, _text_of(after)
            case _:
                continue


def _text_of(node: ast.stmt | None) -> str:
    match node:
        case ast.Expr(value=ast.Constant(value=str() as text)):
            return text
        case _:
            return ""


# settings: every field of plane/settings.py with the docstring under it


def settings() -> str:
    path = SOURCE / "plane" / "settings.py"
    rows = [
        f"| `{name}` | `FOCUS_{name.upper()}` | {f'`{ast.unparse(node)}`' if node else ''} | {cell(words)} |"
        for name, node, words in _documented(path, inside="Settings")
    ]
    return (
        "# Settings of the plane\n\nEach is an option of `focus serve` and an environment variable; "
        "the option wins.\n\n" + table("| setting | variable | default | meaning |", rows)
    )


# rooms: what each says of itself, and each of its modules


def rooms() -> str:
    parts = [
        "# Rooms\n\nEach imports only what stands above it here "
        "([why](../decisions/0001-rooms-and-import-order.md)). "
        "`kernel` to `learn`, `plane.world` and `plane.step` are pure.\n"
    ]
    for room in LOOP.split(" "):
        if (SOURCE / room / "__init__.py").exists():
            parts.append(f"## {room}\n\n{_docstring(SOURCE / room / '__init__.py')}\n")
            rows = [f"| `{name}` | {cell(sentence)} |" for name, sentence in _modules(SOURCE / room)]
            parts.append(table("| module | what |", rows) if rows else "")
    return "\n".join(parts)


def _modules(room: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(room.rglob("*.py")):
        name = ".".join(path.relative_to(room).with_suffix("").parts).removesuffix(".__init__")
        if name != "__init__" and not name.endswith("_pb2"):
            yield name, _docstring(path).split("\n\n", 1)[0]


def _docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
