"""We evaluate flagd documents as the clients of flagd do: both generations of the Python one, and the JavaScript one."""

import os

import pytest
from tests.oracle.flagd.compare import SOME_TIME, differences, ours
from tests.oracle.flagd.environments import Oracle, node_oracle, python_oracle
from tests.oracle.flagd.faults import FAULTS, NAMES, Fault
from tests.oracle.flagd.generate import Wild, lines
from tests.oracle.flagd.sound import Sound

from focusplane.control.flags.ruleset import Ruleset

SEED = int(os.environ.get("FOCUSPLANE_FLAG_SEED", "20261126"))
FLAGS, CONTEXTS = 3_000, 8
NEEDS_NODE = pytest.mark.requires_server("npm", "apt-get install npm")
PYTHON_SOUND = [
    "evaluators_are_spliced_in_as_text",
    "missing_operand_is_none_at_all",
    "remainder_has_the_sign_of_the_second",
]
"""The faults that sound rules meet too."""


@pytest.fixture(scope="module", params=["v2", "v3"])
def python(request: pytest.FixtureRequest) -> Oracle:
    return python_oracle(request.param)


@pytest.fixture(scope="module")
def node() -> Oracle:
    return node_oracle()


def mended(made, names):
    return [{**line, "mended": names} for line in made]


def test_wild_rules_are_evaluated_as_python_clients_do(python):
    made = lines(Wild(SEED), FLAGS, CONTEXTS, metadata={"bucketing": python.name})
    assert list(differences(python, mended(made, NAMES))) == []


def test_sound_rules_are_evaluated_as_python_clients_do(python):
    made = lines(Sound(SEED), FLAGS, CONTEXTS, metadata={"bucketing": python.name})
    assert list(differences(python, mended(made, PYTHON_SOUND))) == []


@NEEDS_NODE
def test_sound_rules_are_evaluated_as_javascript_clients_do(node):
    assert list(differences(node, lines(Sound(SEED), FLAGS, CONTEXTS))) == []


def test_percentages_pick_the_same_users_as_each_generation_does(python):
    split = {
        "fractional": [{"cat": ["shop:new:", {"var": "targetingKey"}]}, ["on", 1], ["off", 1], ["beta", 2]]
    }
    short = {"fractional": [["on", 37], ["off", 63]]}
    for rule in (split, short):
        variants = {"on": True, "off": False, "beta": True}
        flag = {"state": "ENABLED", "variants": variants, "defaultVariant": "off", "targeting": rule}
        cases = [["new", {"targetingKey": f"user-{n}"}] for n in range(2_000)]
        document = {"flags": {"new": flag}, "metadata": {"bucketing": python.name}}
        assert list(differences(python, [{"document": document, "cases": cases}])) == []


@pytest.mark.parametrize("value", [0, -1, 23, 24, 255, 256, 65_536, 2**32, 2**64, -(2**64), 2**70, -(2**70), 1.0, -4.0,
    0.5, 1.1, 65_504.0, 1e5 + 0.5, 3.4e38, 1e300, 2.0**63, -(2.0**63), 2.0**64, 5e-324, True, False, "", "é" * 300,
    {"bb": 1, "a": [None, {"c": 1.5}], "": 0}])  # fmt: skip
def test_any_value_can_be_bucketed_by_in_the_third_generation(value):
    shares = [[f"v{n}", 1] for n in range(200)]
    variants = {f"v{n}": n for n in range(200)}
    rule = {"fractional": [{"var": "by"}, *shares]}
    flag = {"state": "ENABLED", "variants": variants, "defaultVariant": "v0", "targeting": rule}
    document = {"flags": {"new": flag}, "metadata": {"bucketing": "v3"}}
    assert (
        list(differences(python_oracle("v3"), [{"document": document, "cases": [["new", {"by": value}]]}]))
        == []
    )


def said(oracle: Oracle, fault: Fault, mended: list[str]) -> str:
    line = {"document": fault.document, "cases": [["new", fault.context or {}]], "mended": mended}
    ((answer,),) = oracle.answers([line])
    served = answer["variant"] if "variant" in answer else answer["reason"]
    return "" if answer["reason"] == "DEFAULT" else served


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_of_the_oracle_is_what_we_say_it_is(python, fault):
    if python.name not in fault.of:
        assert said(python, fault, []) == fault.ours
        return
    assert said(python, fault, []) == fault.theirs != fault.ours
    assert said(python, fault, [fault.name]) == fault.ours


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_we_do_not_share_the_faults_of_the_oracle(fault):
    assert Ruleset.of(fault.document).evaluate("new", fault.context or {}).variant == fault.ours


@NEEDS_NODE
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_javascript_does_not_share_them_either(node, fault):
    assert said(node, fault, []) == fault.ours


@pytest.mark.parametrize("source", [Wild(SEED + 1), Sound(SEED + 1)], ids=["wild", "sound"])
def test_an_explanation_ends_in_the_answer_that_was_served(source):
    for line in lines(source, 400, 4):
        rules = Ruleset.of(line["document"])
        for (key, context), served in zip(line["cases"], ours(line), strict=True):
            assert rules.explain(key, context, SOME_TIME).answer == served
