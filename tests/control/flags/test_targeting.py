"""What rules, prerequisites and schedules of a policy become in the flagd document, beside every state of the board."""

from fractions import Fraction

from focusplane.control.board import Board, apply, declare
from focusplane.control.command import Clear, ControlId, Set
from focusplane.control.flags.declared import declared_of, declared_state
from focusplane.control.flags.document import document
from focusplane.control.flags.logic import condition
from focusplane.control.flags.ruleset import Ruleset
from focusplane.control.state import FlagState
from focusplane.define.load import load
from focusplane.define.targeting import Clause, Crowd, Trait, When

HEAD = """
apiVersion: focusplane/v1
kind: Focus
metadata: {name: search}
spec:
  owner: search
  objectives: [{name: a, sli: {bad: {status: 5xx}}, target: 99%, window: 30d}]
  segments: {beta: {tenant: [acme, globex]}}
  controls:
    flags:
"""
TAIL = """
---
{apiVersion: focusplane/v1, kind: Team, metadata: {name: search}, spec: {members: [ana], channels: {}}}
"""
PLAIN = "      x: {variants: {new: 1, old: 0}, default: %s, off: old, expires: 2099-01-01, %s}\n"
TIMED = "schedule: [{from: 2026-12-01T08:00:00Z, percentage: 50%}, {from: 2026-12-01T08:00:00.5Z, percentage: 100%}]"


def flags(text):
    loaded = load({"p.yaml": HEAD + text + TAIL})
    assert not loaded.refused, loaded.problems
    return declared_of(loaded.policies.focuses)


def board_of(declared, **states):
    board = Board()
    for key, flag in declared["search"].items():
        target = ControlId("search", f"flag.{key}")
        board = declare(board, target, declared_state(flag))
        if key in states:
            board = apply(board, Set(target, states[key], "so", "ana"))
    return board


def served(text, key="x", **states):
    declared = flags(text)
    return document(declared, board_of(declared, **states))["flags"][key]


def split(new, old, nobody=None):
    who = {"var": "targetingKey"}
    return {"if": [who, {"fractional": [{"cat": ["search:x:", who]}, ["new", new], ["old", old]]}, nobody]}


BETA = {"in": [{"var": "targetingKey"}, ["acme", "globex"]]}
RULED = PLAIN % ("new", "percentage: 20%, rules: [{when: {segment: beta}, serve: new}]")


def test_rules_come_before_the_percentage():
    assert served(RULED)["targeting"] == {"if": [BETA, "new", split(2000, 8000)]}


def test_a_kill_serves_the_off_variant_to_everybody_whatever_rules_and_schedule_say():
    for text in (
        RULED,
        PLAIN % ("new", TIMED),
        PLAIN % ("old", "rules: [{when: {segment: beta}, serve: new}]"),
    ):
        told = served(text, x=FlagState("old"))
        assert (told["defaultVariant"], told["metadata"]["killed"]) == ("old", True)
        assert "targeting" not in told


def test_a_default_that_is_off_is_no_kill_and_its_rules_stand():
    told = served(PLAIN % ("old", "rules: [{when: {segment: beta}, serve: new}]"))
    assert told["targeting"] == {"if": [BETA, "new", "old"]}
    assert "killed" not in told["metadata"]


def test_clearing_a_kill_brings_rules_and_schedule_back():
    declared = flags(RULED)
    before = board_of(declared)
    killed = apply(before, Set(ControlId("search", "flag.x"), FlagState("old"), "so", "ana"))
    back = apply(killed, Clear(ControlId("search", "flag.x"), "well again", "ana"))
    one, other = (document(declared, board)["flags"]["x"] for board in (before, back))
    assert one["targeting"] == other["targeting"]
    assert other["metadata"]["revision"] == one["metadata"]["revision"] + 2


def test_a_variant_that_was_set_leaves_the_rules_and_stops_the_schedule():
    told = served(PLAIN % ("new", f"percentage: 0%, {TIMED}"), x=FlagState("new", Fraction(1, 10)))
    assert told["targeting"] == split(1000, 9000)
    ruled = served(RULED, x=FlagState("new", Fraction(1)))
    assert ruled["targeting"] == {"if": [BETA, "new", "new"]}


def test_a_schedule_begins_at_its_instant_and_never_before():
    told = served(PLAIN % ("new", f"percentage: 0%, {TIMED}"))
    clock = {"var": "$flagd.timestamp"}
    assert told["targeting"] == {
        "if": [
            {">=": [clock, 1_796_112_001]},
            "new",
            {">=": [clock, 1_796_112_000]},
            split(5000, 5000),
            "old",
        ]
    }


def test_shares_of_a_rule_end_with_the_off_variant_so_that_more_takes_it_from_nobody():
    told = served(PLAIN % ("new", "rules: [{when: {segment: beta}, serve: {old: 60%, new: 40%}}]"))
    assert told["targeting"] == {"if": [BETA, split(4000, 6000), "new"]}


def test_a_percentage_sticks_to_the_attribute_that_it_is_by():
    told = served(PLAIN % ("new", "percentage: 50%, by: region"))
    who = {"var": "region"}
    assert told["targeting"]["if"][0] == who
    assert told["targeting"]["if"][1]["fractional"][0] == {"cat": ["search:x:", who]}


NEEDS = PLAIN % ("new", "requires: {y: [on, half]}") + (
    "      y: {variants: {on: true, off: false, half: true}, default: on, off: off, expires: 2099-01-01, percentage: %s}\n"
)


def test_a_prerequisite_that_everybody_meets_or_nobody_needs_no_targeting():
    assert served(NEEDS % "100%")["defaultVariant"] == "new"
    assert served(NEEDS % "0%")["defaultVariant"] == "old"


def test_a_killed_prerequisite_takes_along_what_requires_it():
    assert served(NEEDS % "100%", y=FlagState("off"))["defaultVariant"] == "old"
    assert served(NEEDS % "100%", y=FlagState("half"))["defaultVariant"] == "new"


def test_a_prerequisite_at_a_percentage_is_spelt_out_with_its_own_bucketing():
    who = {"var": "targetingKey"}
    inner = {"if": [who, {"fractional": [{"cat": ["search:y:", who]}, ["on", 5000], ["off", 5000]]}, "off"]}
    assert served(NEEDS % "50%")["targeting"] == {
        "if": [{"!": [{"in": [inner, ["on", "half"]]}]}, "old", "new"]
    }


def test_a_missing_attribute_fits_no_comparison_of_numbers():
    age = {"var": "age"}
    when = When(Crowd(Clause((Trait("age", ("<5",)),))))
    assert condition(when) == {"and": [{"!==": [age, None]}, {"<": [age, 5]}]}
    variants, rule = {"young": "y", "other": "o"}, {"if": [condition(when), "young", "other"]}
    flag = {"state": "ENABLED", "variants": variants, "defaultVariant": "other", "targeting": rule}
    rules = Ruleset.of({"flags": {"x": flag}})
    contexts = ({}, {"age": None}, {"age": 0}, {"age": 4}, {"age": 5})
    assert "".join(rules.evaluate("x", context).value for context in contexts) == "ooyyo"


def test_values_become_the_words_of_jsonlogic():
    def one(*values):
        return condition(When(Crowd(Clause((Trait("a", values),)))))

    var = {"var": "a"}
    assert one("eu", "us") == {"in": [var, ["eu", "us"]]}
    assert one("7", "true") == {"in": [var, ["7", 7, "true", True]]}
    assert one("*@acme.com") == {"ends_with": [var, "@acme.com"]}
    assert one("acme-*") == {"starts_with": [var, "acme-"]}
    assert one("*beta*") == {"and": [var, {"in": ["beta", var]}]}
    assert one("*") == {"!!": [var]}
    assert one(">=2.3 <3.0.0-rc.1") == {
        "and": [{"sem_ver": [var, ">=", "2.3.0"]}, {"sem_ver": [var, "<", "3.0.0-rc.1"]}]
    }
    assert one("=5", "eu") == {
        "or": [{"in": [var, ["eu"]]}, {"and": [{"!==": [var, None]}, {"==": [var, 5]}]}]
    }
