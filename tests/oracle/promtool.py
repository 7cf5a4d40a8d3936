"""Prometheus as an oracle: `promtool test rules` over generated series and Sloth-style rules, and what it found."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from tests.conftest import find_program

from focusplane.define.slo import BurnRule
from focusplane.kernel.tick import HOUR, MINUTE, SECOND

INSTALL = "apt-get install prometheus"
_TIME = {"d": 24 * HOUR, "h": HOUR, "m": MINUTE, "s": SECOND}
_FOUND = re.compile(
    r"alertname: (\S+), time: (\S+?),|expr: (\".*?\"), time: (\S+?),|got: (.*)$", re.MULTILINE
)


def seconds(span_ms: int) -> str:
    return f"{span_ms // SECOND}s"


def ratio(window_ms: int) -> str:
    return f"slo:sli_error:ratio_rate{seconds(window_ms)}"


def alert_of(rule: BurnRule) -> str:
    return f"{rule.level.name.lower()}-{rule.long_ms // SECOND}"


def sloth(rules: Sequence[BurnRule], budget: Fraction, every_ms: int) -> dict[str, Any]:
    """One group: the error ratio of each window by sums of rates, then an alert for each pair of windows.

    Sloth puts both into groups of their own, so that its alerts may read a ratio that is one evaluation old.
    """
    windows = sorted({length for rule in rules for length in (rule.long_ms, rule.short_ms)})
    recorded = [
        {"record": ratio(w), "expr": f"sum(rate(errors_total[{seconds(w)}])) / sum(rate(requests_total[{seconds(w)}]))"}
        for w in windows
    ]  # fmt: skip
    alerts = []
    for rule in rules:
        assert rule.factor is not None
        limit = f"({float(rule.factor)!r} * {float(budget)!r})"
        alerts.append(
            {"alert": alert_of(rule), "expr": f"{ratio(rule.long_ms)} > {limit} and {ratio(rule.short_ms)} > {limit}"}
        )  # fmt: skip
    return {"groups": [{"name": "slo", "interval": seconds(every_ms), "rules": [*recorded, *alerts]}]}


@dataclass
class Story:
    """Series by name, a sample each `step_ms` from time 0 (None: no sample); what is looked at, and when (ms)."""

    step_ms: int
    series: Mapping[str, Sequence[int | None]]
    every_ms: int = MINUTE
    looks: Sequence[int] = ()
    alerts: Sequence[str] = ()
    exprs: Sequence[tuple[str, int]] = ()


@dataclass
class Found:
    """When each alert fired (ms), and what each expression gave (None: nothing)."""

    firing: dict[str, set[int]] = field(default_factory=dict)
    values: dict[tuple[str, int], float] = field(default_factory=dict)


def ask(folder: Path, rules: Mapping[str, Any], story: Story) -> Found:
    """Nothing is expected of it, so that promtool names everything that it found."""
    (folder / "rules.json").write_text(json.dumps(rules))
    test = {
        "interval": seconds(story.step_ms),
        "input_series": [{"series": name, "values": _values(values)} for name, values in story.series.items()],
        "alert_rule_test": [
            {"eval_time": seconds(at), "alertname": name, "exp_alerts": []} for at in story.looks for name in story.alerts
        ],
        "promql_expr_test": [{"expr": expr, "eval_time": seconds(at)} for expr, at in story.exprs],
    }  # fmt: skip
    whole = {
        "rule_files": ["rules.json"],
        "evaluation_interval": seconds(story.every_ms),
        "tests": [test],
    }
    (folder / "test.json").write_text(json.dumps(whole))
    program = find_program("promtool")
    assert program is not None
    ran = subprocess.run(
        [program, "test", "rules", str(folder / "test.json")], capture_output=True, text=True, timeout=400
    )
    said = ran.stdout + ran.stderr
    assert "FAILED:" in said or ran.returncode == 0, said[:2_000]
    return _read(said, story)


def _values(values: Sequence[int | None]) -> str:
    return " ".join("_" if value is None else str(value) for value in values)


def _read(said: str, story: Story) -> Found:
    found = Found({name: set() for name in story.alerts})
    asked = ("", 0)
    for alert, at, expr, when, got in _FOUND.findall(said):
        if alert:
            found.firing[alert].add(_ms(at))
        elif expr:
            asked = (json.loads(expr), _ms(when))
        elif got and got != "[" and asked[0]:
            value = got.rpartition(" ")[2]
            if value != "nil":
                found.values[asked] = float(value)
            asked = ("", 0)
    return found


def _ms(text: str) -> int:
    return sum(int(number) * _TIME[unit] for number, unit in re.findall(r"(\d+)([dhms])", text))


def cumulative(amounts: Sequence[int]) -> Iterator[int]:
    """A counter that holds these amounts, from 0."""
    total = 0
    yield total
    for amount in amounts:
        total += amount
        yield total
