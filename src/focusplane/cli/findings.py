"""Problems of policies as text, JSON, SARIF 2.1.0, and GitHub annotations."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from focusplane import __version__
from focusplane.define.problem import Problem, Severity

_SARIF_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTICE: "note"}


def text(problems: Sequence[Problem]) -> str:
    """`file:line:col  error D012  what`, and its hint below."""
    lines = []
    for one in problems:
        lines.append(str(one))
        if one.hint:
            lines.append(f"    hint  {one.hint}")
    return "\n".join(lines) + "\n" if lines else ""


def as_json(problems: Sequence[Problem]) -> str:
    return json.dumps([row(one) for one in problems], indent=2, ensure_ascii=False) + "\n"


def sarif(problems: Sequence[Problem]) -> str:
    """SARIF 2.1.0, for code scanning."""
    rules = [{"id": code} for code in sorted({one.code for one in problems})]
    driver = {"name": "focus check", "version": __version__, "rules": rules}
    run = {"tool": {"driver": driver}, "results": [_result(one) for one in problems]}
    document = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def github(problems: Sequence[Problem]) -> str:
    """Workflow commands that annotate a pull request."""
    return "".join(
        f"::{one.severity} file={_escape(one.path, True)},line={one.line},col={one.column},"
        f"title={_escape(one.code, True)}::{_escape(' - '.join(filter(None, (one.what, one.hint))), False)}\n"
        for one in problems
    )


def row(one: Problem) -> dict[str, Any]:
    return {
        "path": one.path,
        "line": one.line,
        "column": one.column,
        "severity": str(one.severity),
        "code": one.code,
        "what": one.what,
        "hint": one.hint,
    }


def count_errors(problems: Sequence[Problem]) -> tuple[int, int, int]:
    """Errors, warnings, notices."""
    found = [one.severity for one in problems]
    return found.count(Severity.ERROR), found.count(Severity.WARNING), found.count(Severity.NOTICE)


def _result(one: Problem) -> dict[str, Any]:
    region = {"startLine": one.line, "startColumn": one.column}
    place = {"physicalLocation": {"artifactLocation": {"uri": one.path}, "region": region}}
    message = {"text": f"{one.what}\n{one.hint}".strip()}
    return {
        "ruleId": one.code,
        "level": _SARIF_LEVELS[one.severity],
        "message": message,
        "locations": [place],
    }


def _escape(told: str, property_: bool) -> str:
    told = told.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return told.replace(":", "%3A").replace(",", "%2C") if property_ else told


FORMATS: Mapping[str, Callable[[Sequence[Problem]], str]] = {
    "text": text,
    "json": as_json,
    "sarif": sarif,
    "github": github,
}
