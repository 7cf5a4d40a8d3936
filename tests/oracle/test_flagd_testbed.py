"""The conformance suite that flagd has for its evaluators, played row by row."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from focusplane.control.flags.answer import Reason
from focusplane.control.flags.ruleset import Ruleset

SUITE = Path(__file__).resolve().parents[1] / "data" / "flagd-testbed"
RULES = Ruleset.of((SUITE / "testkit-flags.json").read_text(encoding="utf-8"))
OLDER = "@fractional-v1"
"""Rows of the generation of bucketing before those that clients have now."""
TYPES = {"Boolean": bool, "String": str, "Integer": int, "Float": (int, float), "Object": (dict, list)}
STEPS = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r'an? (\w+)-flag with key "(.*)" and a fallback value "(.*)"', "flag"),
        (r'a context containing a key "(.*)", with type "(.*)" and with value "(.*)"', "attribute"),
        (r'a context containing a targeting key with value "(.*)"', "target"),
        (
            r'a context containing a nested property with outer key "(.*)" and inner key "(.*)", with value "(.*)"',
            "nested",
        ),
        (r'the resolved details value should be "(.*)"', "value"),
        (r'the reason should be "(.*)"', "reason"),
        (r'the error-code should be "(.*)"', "error"),
        (r"the resolved metadata should contain", "metadata"),
        (r"the resolved metadata is empty", "no_metadata"),
        (r"an evaluator|the flag was evaluated with details", ""),
    )
)


@dataclass
class Row:
    name: str
    steps: list[str]
    table: dict[str, Any] = field(default_factory=dict)


def rows() -> Iterator[Row]:
    for path in sorted(SUITE.glob("*.feature")):
        for scenario in re.split(r"\n(?=[ \t]*Scenario)", path.read_text(encoding="utf-8"))[1:]:
            yield from _rows(path.stem, [line.strip() for line in scenario.splitlines()])


def _rows(feature: str, lines: list[str]) -> Iterator[Row]:
    title = next(line for line in lines if line.startswith("Scenario")).partition(":")[2].strip()
    end = next((at for at, line in enumerate(lines) if line.startswith("Examples")), len(lines))
    steps = [
        match[1] for line in lines[:end] if (match := re.match(r"(?:Given|When|Then|And|But) (.*)", line))
    ]
    cells = [_cells(line) for line in lines[:end] if line.startswith("|")]
    table = (
        {key: _typed(kind, value) for key, kind, value in cells[1:]} if cells and len(cells[0]) == 3 else {}
    )
    if end == len(lines):
        yield Row(f"{feature}: {title}", steps, table)
        return
    header: list[str] = []
    tags = ""
    for line in lines[end - 1 :]:
        if line.startswith("@"):
            tags, header = line, []
        elif line.startswith("Examples"):
            header = []
        elif line.startswith("|") and not header:
            header = _cells(line)
        elif line.startswith("|") and OLDER not in tags:
            yield _filled(f"{feature}: {title}", steps, dict(zip(header, _cells(line), strict=True)), table)


def _filled(name: str, steps: list[str], given: dict[str, str], table: dict[str, Any]) -> Row:
    filled = [re.sub(r"<(\w+)>", lambda match: given[match[1]], step) for step in steps]
    return Row(f"{name}: {' '.join(given.values())}", filled, table)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def _typed(kind: str, text: str) -> Any:
    if kind == "String":
        return text
    if kind == "Object":
        return json.loads(text.replace('\\"', '"')) if text else {}
    return {"Boolean": lambda word: word.lower() == "true", "Integer": int, "Float": float}[kind](text)


ROWS = list(rows())


def test_the_suite_is_whole():
    assert len(ROWS) == 125


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_flagds_own_suite(row):
    context: dict[str, Any] = {}
    steps = [(name, match.groups()) for name, match in map(_step, row.steps)]
    kind, key, fallback = next(found for step, found in steps if step == "flag")
    for step, found in steps:
        if step in ("attribute", "target", "nested"):
            context |= _given(step, *found)
        elif step == "metadata":
            assert dict(RULES.metadata_of(key)) == row.table
        elif step == "no_metadata":
            assert not RULES.flags[key].metadata
        elif step in ("value", "reason", "error"):
            assert said(key, kind, _typed(kind, fallback), context)[step] == _wanted(step, kind, found[0])


def _given(step: str, *found: str) -> dict[str, Any]:
    if step == "target":
        return {"targetingKey": found[0]}
    return {found[0]: {found[1]: found[2]} if step == "nested" else _typed(found[1], found[2])}


def _wanted(step: str, kind: str, text: str) -> Any:
    return _typed(kind, text) if step == "value" else text


def _step(text: str) -> tuple[str, re.Match[str]]:
    return next((name, match) for pattern, name in STEPS if (match := pattern.fullmatch(text)))


def said(key: str, kind: str, fallback: Any, context: dict[str, Any]) -> dict[str, Any]:
    """What a client makes of our answer: it has a value of its own, and a type that it wants."""
    answer = RULES.evaluate(key, context, 1_800_000_000)
    if key not in RULES.flags and key not in RULES.faults:
        return {"value": fallback, "reason": "ERROR", "error": "FLAG_NOT_FOUND"}
    if answer.reason is Reason.ERROR:
        return {
            "value": fallback,
            "reason": "ERROR",
            "error": "PARSE_ERROR" if key in RULES.faults else "GENERAL",
        }
    if not answer.variant:
        return {"value": fallback, "reason": str(answer.reason), "error": ""}
    if not isinstance(answer.value, TYPES[kind]) or (kind != "Boolean" and isinstance(answer.value, bool)):
        return {"value": fallback, "reason": "ERROR", "error": "TYPE_MISMATCH"}
    return {"value": answer.value, "reason": str(answer.reason), "error": ""}
