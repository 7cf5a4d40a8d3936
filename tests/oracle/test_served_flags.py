"""Whoever asks gets the same: an application evaluates a policy's flags as every flagd client evaluates what the plane serves."""

import json
import random
from fractions import Fraction

import pytest
from tests.oracle.flagd.environments import Oracle, node_oracle, python_oracle

from focusplane.control.board import Board, apply, declare
from focusplane.control.command import ControlId, Set
from focusplane.control.flag import Lamps
from focusplane.control.flags.context import context_of
from focusplane.control.flags.declared import declared_of, declared_state
from focusplane.control.flags.document import document
from focusplane.control.state import FlagState
from focusplane.define.load import load

TRAITS = (
    "{region: eu}",
    "{region: [eu, us], plan: gold}",
    '{age: "<18"}',
    '{age: ">=18"}',
    '{age: "<=0"}',
    '{appVersion: ">=2.3.0"}',
    '{appVersion: "<2.0"}',
    '{email: "*@acme.com"}',
    '{email: "ana*"}',
    '{email: "*b*"}',
    "{tenant: [t1, t2, t3]}",
    "{beta: true}",
    "{segment: chosen}",
    '{segment: chosen, not: {email: "*@test.com"}}',
    "{count: 5}",
)
SHARES = ("new", "old", "{new: 30%, old: 70%}", "{new: 12.5%, old: 87.5%}")
SOME_TIME = 1_796_000_000
"""Schedules of these policies begin before it and before today, or long after both."""


def policy(by: random.Random) -> str:
    rules = [f"{{when: {by.choice(TRAITS)}, serve: {by.choice(SHARES)}}}" for _ in range(by.randrange(4))]
    schedule = (
        "[{from: 2026-01-01T00:00:00Z, percentage: 60%}, {from: 2090-01-01T00:00:00Z, percentage: 100%}]"
    )
    more = f"rules: [{', '.join(rules)}]"
    if by.random() < 0.3:
        more += f", schedule: {schedule}"
    if by.random() < 0.4:
        more += ", requires: {first: new}"
    return f"""
apiVersion: focusplane/v1
kind: Focus
metadata: {{name: search}}
spec:
  owner: search
  objectives: [{{name: a, sli: {{bad: {{status: 5xx}}}}, target: 99%, window: 30d}}]
  segments: {{chosen: {{any: [{by.choice(TRAITS[:8])}, {by.choice(TRAITS[:8])}]}}}}
  controls:
    flags:
      first: {{variants: {{new: v2, old: v1}}, default: new, off: old, expires: 2099-01-01, percentage: 50%,
        rules: [{{when: {by.choice(TRAITS)}, serve: new}}]}}
      asked: {{variants: {{new: v2, old: v1}}, default: {by.choice(("new", "new", "old"))}, off: old, expires: 2099-01-01,
        percentage: {by.choice(("0%", "20%", "33.3%", "100%"))}, {more}}}
---
{{apiVersion: focusplane/v1, kind: Team, metadata: {{name: search}}, spec: {{members: [ana], channels: {{}}}}}}
"""


def board_of(declared, by: random.Random) -> Board:
    board = Board()
    for key, flag in declared["search"].items():
        target = ControlId("search", f"flag.{key}")
        board = declare(board, target, declared_state(flag))
        if by.random() < 0.3:
            share = Fraction(by.randrange(101), 100)
            pinned = ("t1", "t7") if by.random() < 0.3 else ()
            state = FlagState(by.choice(("new", "old")), share, salt=by.choice(("", "r-1")), pinned=pinned)
            board = apply(board, Set(target, state, "so", "ana"))
    return board


def said(by: random.Random) -> dict[str, object]:
    every = {
        "region": by.choice(("eu", "us", "cn")),
        "plan": by.choice(("gold", "free")),
        "age": by.choice((0, 5, 17, 18, 40)),
        "appVersion": by.choice(("1.9.3", "2.3.0", "2.10.1", "3", "2.3.0-rc.1")),
        "email": by.choice(("ana@acme.com", "bob@test.com", "b", "ana@x.org")),
        "beta": by.choice((True, False)),
        "count": by.choice((5, 6, "5")),
    }
    return {name: value for name, value in every.items() if by.random() < 0.8}


def asked(seed: int) -> tuple[dict[str, object], list[dict[str, object]], list[tuple[str, object]]]:
    """A served document, contexts, and what an application gets in each."""
    by = random.Random(seed)
    loaded = load({"p.yaml": policy(by)})
    while loaded.refused:  # a rule that is never reached, a schedule that says nothing
        loaded = load({"p.yaml": policy(by)})
    declared = declared_of(loaded.policies.focuses)
    board = board_of(declared, by)
    contexts = [context_of(by.choice((f"t{by.randrange(50)}", "t1", "")), said(by)) for _ in range(12)]
    lamp = Lamps.of(declared, board).lamps["search"]["asked"]
    answers = [lamp.evaluate(context, SOME_TIME) for context in contexts]
    served = document(declared, board)
    return json.loads(json.dumps(served)), contexts, [(one.variant, one.value) for one in answers]


def agreed(oracle: Oracle, policies: int) -> None:
    made = [asked(seed) for seed in range(policies)]
    lines = [
        {"document": served, "cases": [["asked", context] for context in contexts]}
        for served, contexts, _ in made
    ]
    for (served, contexts, ours), theirs in zip(made, oracle.answers(lines), strict=True):
        for context, mine, other in zip(contexts, ours, theirs, strict=True):
            assert "variant" in other, (other, context, served["flags"])
            assert (other["variant"], other["value"]) == mine, (other, mine, context, served["flags"])


def test_python_clients_serve_what_applications_serve():
    agreed(python_oracle("v2"), 300)


@pytest.mark.requires_server("npm", "apt-get install npm")
def test_javascript_clients_serve_what_applications_serve():
    agreed(node_oracle(), 300)
