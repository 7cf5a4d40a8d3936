"""A flag taken out of the policy text: the lines that go, the tombstone that comes, and where code names the flag."""

import difflib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from focusplane.define.yaml_nodes import Place

MOST_FILES, MOST_HITS, MOST_OCTETS = 50_000, 200, 1_000_000
"""Files that are looked into, places that are told, and the size above which a file is no source."""
SKIPPED = frozenset(
    {
        ".git",
        ".hg",
        ".venv",
        "venv",
        "node_modules",
        "__pycache__",
        ".mypy_cache",
        ".ruff_cache",
        "dist",
        "build",
    }
)
TOMBSTONE = "---\n{{apiVersion: focusplane/v1, kind: Removed, metadata: {{name: {focus}/flag.{key}}}}}\n"
_OPEN, _CLOSE = "{[", "}]"


@dataclass(frozen=True, slots=True)
class Hit:
    path: str
    line: int
    text: str


def without(text: str, place: Place, focus: str, key: str) -> str:
    """The text without the flag whose key stands at `place`, and with a tombstone at its end."""
    lines = text.splitlines(keepends=True)
    at, column = place.line - 1, place.column - 1
    if lines[at][:column].strip():
        rest = _out_of_flow(text, sum(len(line) for line in lines[:at]) + column)
    else:
        rest = _out_of_block(lines, at, column)
    end = "" if rest.endswith("\n") else "\n"
    return f"{rest}{end}{TOMBSTONE.format(focus=focus, key=key)}"


def patch(name: str, before: str, after: str) -> str:
    """A unified diff as `patch -p1` and `git apply` take it."""
    lines = difflib.unified_diff(_lines_of(before), _lines_of(after), f"a/{name}", f"b/{name}")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _lines_of(text: str) -> list[str]:
    """As `patch` counts them: only `\\n` ends one."""
    return [line for line in re.split(r"(?<=\n)", text) if line]


def named_in(folder: Path, key: str) -> Iterator[Hit]:
    """Where files below a folder name the flag as a whole word; at most `MOST_HITS` of them."""
    word = re.compile(rf"(?<![\w-]){re.escape(key)}(?![\w-])")
    told = 0
    for path in _sources(folder):
        for number, line in enumerate(_lines(path), start=1):
            if word.search(line):
                yield Hit(str(path), number, line.strip()[:160])
                told += 1
                if told >= MOST_HITS:
                    return


def _out_of_block(lines: list[str], at: int, column: int) -> str:
    """A key on a line of its own, with all that is indented below it."""
    end = at + 1
    while end < len(lines) and _below(lines[end], column):
        end += 1
    while end > at + 1 and not lines[end - 1].strip():
        end -= 1
    kept = [*lines[:at], *lines[end:]]
    above = max((number for number in range(at) if _stands(lines[number])), default=0)
    after = next((number for number in range(at, len(kept)) if _stands(kept[number])), None)
    alone = _indent(lines[above]) < column and (after is None or _indent(kept[after]) < column)
    if alone and lines[above].split("#")[0].rstrip().endswith(":"):
        head, mark, comment = lines[above].partition("#")
        kept[above] = f"{head.rstrip()} {{}}" + (f"  {mark}{comment}" if mark else "\n")
    return "".join(kept)


def _below(line: str, column: int) -> bool:
    return not line.strip() or _indent(line) > column


def _stands(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _out_of_flow(text: str, start: int) -> str:
    """An entry of `{a: ..., b: ...}`, with one of the commas beside it."""
    end = _entry_end(text, start)
    if text[end : end + 1] == ",":
        rest = text[end + 1 :]
        return text[:start] + rest.lstrip(" ")
    head = text[:start].rstrip()
    return (head[:-1] if head.endswith(",") else head) + text[end:]


def _entry_end(text: str, start: int) -> int:
    """Where the comma or the bracket after an entry stands."""
    depth, quote, at = 0, "", start
    while at < len(text):
        letter = text[at]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in _OPEN:
            depth += 1
        elif letter in _CLOSE and depth:
            depth -= 1
        elif letter in _CLOSE or (letter == "," and not depth):
            return at
        at += 1
    return at


def _sources(folder: Path) -> Iterator[Path]:
    looked = 0
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        for name in sorted(files):
            looked += 1
            if looked > MOST_FILES:
                return
            yield Path(where) / name


def _lines(path: Path) -> list[str]:
    """Nothing of what is too long, no text, or not to be read."""
    try:
        found = path.lstat()
        if not S_ISREG(found.st_mode) or found.st_size > MOST_OCTETS:  # a pipe would be read for ever
            return []
        octets = path.read_bytes()
    except OSError:
        return []
    return [] if b"\0" in octets[:8_192] else octets.decode("utf-8", "replace").splitlines()
