"""What is allowed in a flagd document and mostly a mistake is said, and what is sound is left in peace."""

import pytest

from focusplane.control.board import Board
from focusplane.control.flags.declared import declared_of
from focusplane.control.flags.document import document
from focusplane.control.flags.lints import lints
from focusplane.control.flags.ruleset import Ruleset
from focusplane.define.load import load

AGE = {"var": "age"}
WHO = {"var": "targetingKey"}


def flag(targeting=None, **more):
    variants = {"on": True, "off": False}
    return {"state": "ENABLED", "variants": variants, "defaultVariant": "off", "targeting": targeting, **more}


def doubts(targeting=None, evaluators=None, **more):
    told = {"flags": {"new": flag(targeting, **more)}, "$evaluators": evaluators or {}}
    assert not Ruleset.of(told).faults
    return [f"{one.path}: {one.why}" for one in lints(told)]


def asked(test):
    return {"if": [test, "on", "off"]}


@pytest.mark.parametrize(
    "test",
    [{"<": [AGE, 18]}, {">=": [18, AGE]}, {"==": [AGE, 0]}, {"<=": [-1, AGE, 9]}, {"!": {"<": [AGE, 18]}}],
)
def test_a_comparison_that_holds_for_a_missing_attribute_is_doubted(test):
    (doubt,) = doubts(asked(test))
    assert "holds where age is missing, because nothing counts as 0" in doubt
    assert doubt.endswith('ask {"!==": [{"var": "age"}, null]} first')


@pytest.mark.parametrize(
    "test",
    [
        {">=": [AGE, 18]},
        {"<": [{"var": ["age", 99]}, 18]},
        {"and": [{"!=": [AGE, None]}, {"<": [AGE, 18]}]},
        {"and": [AGE, {"<": [AGE, 18]}]},
        {"if": [{"in": [AGE, [1, 2]]}, {"<": [AGE, 2]}, False]},
        {"<": [{"var": "$flagd.timestamp"}, 18]},
        {"==": [AGE, None]},
        {"!=": [AGE, 3]},
        {"some": [[1], {"<": [{"var": ""}, 5]}]},
    ],
)
def test_a_comparison_that_asks_first_is_left_in_peace(test):
    assert doubts(asked(test)) == []


def test_a_guard_holds_in_its_own_branch_only():
    (doubt,) = doubts({"if": [AGE, "on", {"<": [AGE, 5]}, "on", "off"]})
    assert doubt.startswith("targeting.if[2].<: holds where age is missing")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([["on", 1], ["off", 1]], "has no bucketing value"),
        ([{"var": "n"}, ["on", 1]], "buckets by what may be no text"),
        ([{"cat": ["seed:", WHO]}, ["on", 1]], "puts everybody without targetingKey into one bucket"),
        ([{"cat": ["seed"]}, ["on", 0], ["off", -3]], "has no weight above 0"),
        ([{"cat": ["seed"]}, ["on", {"/": [8, 2]}]], "computes a weight by division"),
    ],
)
def test_a_percentage_that_clients_read_differently_is_doubted(args, said):
    (doubt,) = doubts({"fractional": args})
    assert doubt.startswith(f"targeting.fractional: {said}")


def test_a_variant_that_is_none_is_doubted_where_it_is_named():
    rule = {"if": [WHO, "beta", {"fractional": [{"cat": ["a"]}, ["on", 1], ["gone", 1]]}]}
    assert doubts(rule) == [
        "targeting.if[1]: 'beta' is no variant",
        "targeting.if[2].fractional[2]: 'gone' is no variant",
    ]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([{"var": "v"}, "=>", "1.0"], "'=>' is no relation of versions"),
        ([{"var": "v"}, ">=", "one"], "'one' is no version"),
        ([{"var": "v"}, ">="], "wants a version, a relation and a version"),
    ],
)
def test_a_version_that_never_fits_is_doubted(args, said):
    (doubt,) = doubts(asked({"sem_ver": args}))
    assert doubt.startswith(f"targeting.if[0].sem_ver: {said}")


def test_what_other_clients_refuse_or_mistake_is_doubted():
    assert "refuses all flags for it" in doubts(owner="web")[0]
    assert "a kill is ENABLED" in doubts(state="DISABLED")[0]
    assert "refuses or misreads it" in doubts(evaluators={"way": {"==": [{"var": "a"}, "é"]}})[0]
    loop = {"some": [{"var": "list"}, {"fractional": [{"cat": ["a"]}, ["on", 1]]}]}
    assert "sees the item and not the targeting key" in doubts(asked(loop))[0]


POLICY = """
apiVersion: focusplane/v1
kind: Focus
metadata: {name: search}
spec:
  owner: search
  objectives: [{name: a, sli: {bad: {status: 5xx}}, target: 99%, window: 30d}]
  segments: {beta: {tenant: [acme, globex]}}
  controls:
    flags:
      index: {variants: {new: 1, old: 0}, default: new, off: old, expires: 2099-01-01, percentage: 20%,
        rules: [{when: {segment: beta, age: "<18"}, serve: new}, {when: {appVersion: ">=2.0"}, serve: {new: 5%, old: 95%}}]}
      late: {variants: {on: true, off: false}, default: on, off: off, expires: 2099-01-01, requires: {index: new},
        schedule: [{from: 2026-12-01T08:00:00Z, percentage: 50%}]}
---
{apiVersion: focusplane/v1, kind: Team, metadata: {name: search}, spec: {members: [ana], channels: {}}}
"""


def test_what_a_policy_serves_is_beyond_doubt():
    loaded = load({"p.yaml": POLICY})
    assert not loaded.refused, loaded.problems
    told = document(declared_of(loaded.policies.focuses), Board())
    assert (lints(told), Ruleset.of(told).faults) == ((), {})
