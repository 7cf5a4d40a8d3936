"""What goes to stdout: JSON if asked for, else a table or lines for people."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from focusplane.kernel.quantity import format_duration

Shown = dict[str, Any]
_TONES = {
    "ok": "green",
    "promoted": "green",
    "verified": "green",
    "resolved": "green",
    "current": "green",
    "burning": "red",
    "exhausted": "red",
    "rolled-back": "red",
    "failed": "red",
    "open": "red",
    "blind": "yellow",
    "held": "yellow",
    "acked": "yellow",
    "awaiting approval": "yellow",
    "stepping": "cyan",
    "applied": "cyan",
}


@dataclass(frozen=True, slots=True)
class Output:
    as_json: bool = False

    def show(self, answer: Any, human: Callable[[], None]) -> None:
        """The whole answer as JSON, or what `human` prints."""
        if self.as_json:
            click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
        else:
            human()


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Aligned columns; a state is coloured when stdout is a terminal."""
    lines = [tuple(columns), *(tuple(row) for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    for number, line in enumerate(lines):
        cells = [
            click.style(cell.ljust(width), bold=number == 0, fg=_TONES.get(cell) if number else None)
            for cell, width in zip(line, widths, strict=True)
        ]
        click.echo("  ".join(cells).rstrip())


def pairs(rows: Iterable[tuple[str, str]]) -> None:
    """`name   value` lines; empty values are left out."""
    told = [(name, value) for name, value in rows if value]
    width = max((len(name) for name, _ in told), default=0)
    for name, value in told:
        click.echo(f"{click.style(name.ljust(width), dim=True)}  {click.style(value, fg=_TONES.get(value))}")


def clock(at: int | None) -> str:
    """`2026-11-22 14:26:08Z`."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ") if at else ""


def counted(number: int, word: str, many: str = "s") -> str:
    """`1 point`, `1,048 points`, `2 focuses`."""
    return f"{number:,} {word}{'' if number == 1 else many}"


def in_words(values: Mapping[str, Any]) -> list[str]:
    """One line each, aligned: times as times, lists by commas; what is absent is left out."""
    told = [(key.replace("_", " "), said(key, value)) for key, value in values.items()]
    kept = [(key, text) for key, text in told if text]
    width = max((len(key) for key, _ in kept), default=0)
    return [f"{key.ljust(width)}  {text}" for key, text in kept]


def said(key: str, value: Any) -> str:
    """A value under its name, as people say it; nothing for nothing."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value in (None, "", [], {}) or (value == 0 and _is_time(key)):
        return ""
    if isinstance(value, Mapping):
        parts = {name: said(key if key in _EVIDENCE else name, part) for name, part in value.items()}
        return ", ".join(f"{name.replace('_', ' ')} {text}" for name, text in parts.items() if text)
    if isinstance(value, list | tuple):
        return ", ".join(said(key, part) for part in value)
    if isinstance(value, int) and value > _A_TIME and _is_time(key):
        return clock(value)
    return _figure(key, value)


_A_TIME = 10**11
_LEAST, _MILLION = 0.01, 1e6
_EVIDENCE = frozenset({"e_regress", "e_safe", "metrics"})


def _is_time(key: str) -> bool:
    return key == "at" or key == "since" or key.endswith(("_at", "_by"))


def _figure(key: str, value: Any) -> str:
    if isinstance(value, float) or key in _EVIDENCE:
        return number(float(value))
    if isinstance(value, int):
        return span(value) if key.endswith("_ms") else f"{value:,}"
    return str(value)


def span(length_ms: int | None) -> str:
    return "" if length_ms is None else format_duration(length_ms)


def number(value: float | None) -> str:
    """`<0.01`, `2.93`, `1,048`, `over a million`: never an exponent."""
    if value is None:
        return ""
    if value >= _MILLION:
        return "over a million"
    if 0 < value < _LEAST:
        return f"<{_LEAST}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
