"""Flags of a policy evaluated: who gets what, for which reason, and what the others say of it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focusplane.control.board import Board, apply, declare
from focusplane.control.command import ControlId, Set
from focusplane.control.flag import Lamps, lamp_of
from focusplane.control.flags.context import context_of
from focusplane.control.flags.declared import asks, declared_of, declared_state
from focusplane.control.flags.document import document
from focusplane.control.flags.ruleset import Ruleset
from focusplane.control.state import FlagState, Off
from focusplane.define.controls import Flag
from focusplane.define.load import load

POLICY = """
apiVersion: focusplane/v1
kind: Focus
metadata: {name: search}
spec:
  owner: search
  objectives: [{name: a, sli: {bad: {status: 5xx}}, target: 99%, window: 30d}]
  segments:
    beta: {tenant: [acme, globex]}
    phones: {device: [ios, android], appVersion: ">=2.3.0"}
  controls:
    flags:
      new-index: {variants: {on: true, off: false}, default: on, off: off, expires: 2099-01-01, percentage: 50%}
      ranking:
        variants: {new: v2, old: v1}
        default: new
        off: old
        expires: 2099-01-01
        percentage: 20%
        requires: {new-index: on}
        rules:
          - {when: {segment: beta}, serve: new}
          - {when: {region: eu, appVersion: "<2.0"}, serve: old}
          - {when: {segment: phones, not: {email: "*@test.com"}}, serve: {new: 50%, old: 50%}}
        schedule: [{from: 2026-12-01T08:00:00Z, percentage: 100%}]
---
{apiVersion: focusplane/v1, kind: Team, metadata: {name: search}, spec: {members: [ana], channels: {}}}
"""
DECLARED = declared_of(load({"p.yaml": POLICY}).policies.focuses)
BEGINS = 1_796_112_000
NEEDED = {
    tenant
    for tenant in (f"t{number}" for number in range(400))
    if lamp_of("search", DECLARED["search"]["new-index"], Off()).evaluate({"targetingKey": tenant}).value
}


def board(**states):
    found = Board()
    for key, flag in DECLARED["search"].items():
        target = ControlId("search", f"flag.{key}")
        found = declare(found, target, declared_state(flag))
        if key in states:
            found = apply(found, Set(target, states[key], "so", "ana"))
    return found


def ask(tenant, said=None, at_s=0, **states):
    lamps = Lamps.of(DECLARED, board(**states))
    return lamps.lamps["search"]["ranking"].evaluate(context_of(tenant, said or {}), at_s)


def told(tenant, said=None, at_s=0, **states):
    answer = ask(tenant, said, at_s, **states)
    return answer.variant, str(answer.reason), answer.why


def with_index(tenant, said=None, at_s=0, state=None):
    states = {"new-index": FlagState("on"), **({"ranking": state} if state else {})}
    lamps = Lamps.of(DECLARED, board(**states))
    answer = lamps.lamps["search"]["ranking"].evaluate(context_of(tenant, said or {}), at_s)
    return answer.variant, str(answer.reason), answer.why


def test_a_rule_says_that_it_decided_and_which_one_it_was():
    assert with_index("acme") == ("new", "TARGETING_MATCH", "rule 1: segment beta")
    old = {"region": "eu", "appVersion": "1.9.3"}
    assert with_index("zeta", old) == ("old", "TARGETING_MATCH", "rule 2: region eu, appVersion <2.0")
    assert with_index("acme", old)[0] == "new"


def test_shares_of_a_rule_stay_inside_its_crowd():
    phone = {"device": "ios", "appVersion": "2.10.0"}
    got = {with_index(f"t{at}", phone)[:2] for at in range(60)}
    assert got == {("new", "TARGETING_MATCH"), ("old", "TARGETING_MATCH")}
    tester = {**phone, "email": "a@test.com"}
    assert {with_index(f"t{at}", tester)[1] for at in range(60)} == {"SPLIT"}
    assert {with_index(f"t{at}", {**phone, "appVersion": "2.2.9"})[1] for at in range(60)} == {"SPLIT"}


def test_whoever_does_not_meet_a_prerequisite_gets_off_and_is_told_which():
    without = next(f"t{at}" for at in range(400) if f"t{at}" not in NEEDED)
    assert told(without) == ("old", "DEFAULT", "it requires new-index on")
    assert {told(tenant)[1] for tenant in NEEDED} == {"SPLIT"}
    assert told("acme", **{"new-index": FlagState("off")})[0] == "old"


def test_a_schedule_takes_over_at_its_second_and_waits_while_somebody_moved_the_flag():
    before = [with_index(f"t{at}", at_s=BEGINS - 1)[0] for at in range(200)]
    after = [with_index(f"t{at}", at_s=BEGINS)[0] for at in range(200)]
    assert 10 < before.count("new") < 80
    assert after.count("new") == 200
    moved = [
        with_index(f"t{at}", at_s=BEGINS, state=FlagState("new", Fraction(1, 10)))[0] for at in range(200)
    ]
    assert 2 < moved.count("new") < 50


def test_a_kill_says_so_whatever_the_rules_are_and_also_after_the_schedule_began():
    for tenant in ("acme", "zeta", ""):
        assert with_index(tenant, at_s=BEGINS, state=FlagState("old")) == (
            "old",
            "DISABLED",
            "the off variant is set",
        )


def test_nobody_without_a_tenant_is_inside_a_percentage():
    assert with_index("") == ("old", "DEFAULT", "no tenant to split by")


@pytest.mark.parametrize(
    "state", [Off(), FlagState("new"), FlagState("new", Fraction(1, 3)), FlagState("old")]
)
@given(
    st.sampled_from(["", "acme", "t1", "t2", "t3", "t77"]),
    st.dictionaries(
        st.sampled_from(["region", "device", "appVersion", "email"]),
        st.sampled_from(["eu", "ios", "1.0", "2.3.0", "v3", "a@test.com", "", 7, True, None]),
    ),
    st.sampled_from([0, BEGINS - 1, BEGINS]),
)
def test_the_answer_with_its_reason_is_the_answer_of_the_document_that_others_read(state, tenant, said, at_s):
    states = {} if isinstance(state, Off) else {"ranking": state}
    context = context_of(tenant, said)
    ours = Lamps.of(DECLARED, board(**states)).lamps["search"]["ranking"].evaluate(context, at_s)
    theirs = Ruleset.of(document(DECLARED, board(**states))).evaluate("ranking", context, at_s)
    assert (ours.variant, ours.value) == (theirs.variant, theirs.value)


def test_variants_of_several_types_are_still_served_by_our_own_clients():
    odd = Flag(
        "x", {"on": {"a": [1]}, "off": False, "none": None}, "on", "off", "web", percentage=Fraction(1, 2)
    )
    got = {str(lamp_of("web", odd, Off()).evaluate({"targetingKey": f"t{at}"}).value) for at in range(50)}
    assert got == {"{'a': [1]}", "False"}
    assert lamp_of("web", odd, FlagState("none")).evaluate().value is None


def test_only_what_changed_is_compiled_again():
    before = Lamps.of(DECLARED, board())
    after = Lamps.of(DECLARED, board(ranking=FlagState("old")), before)
    assert after.ruleset.changed == {"ranking"}
    assert after.ruleset.flags["new-index"] is before.ruleset.flags["new-index"]


def test_a_changed_value_is_served_at_once():
    flag = Flag("x", {"on": 1, "off": 0}, "on", "off", "web")
    first = Lamps.of({"web": {"x": flag}}, Board())
    second = Lamps.of({"web": {"x": Flag("x", {"on": 2, "off": 0}, "on", "off", "web")}}, Board(), first)
    assert second.lamps["web"]["x"].evaluate().value == 2


def test_a_flag_says_which_attributes_it_reads():
    assert asks(DECLARED["search"]["ranking"]) == {"tenant", "region", "appVersion", "device", "email"}


def test_a_dotted_attribute_is_found_inside_and_flat_and_overwrites_nothing():
    said = {"client": {"os": "x", "id": 1}, "client.id": "ios", "client.tier": 2, "a.b": 3}
    context = context_of("acme", said)
    assert context == {
        "targetingKey": "acme",
        "tenant": "acme",
        "client": {"os": "x", "id": 1, "tier": 2},
        "client.id": "ios",
        "client.tier": 2,
        "a.b": 3,
        "a": {"b": 3},
    }
    assert said["client"] == {"os": "x", "id": 1}
