"""Laws of reading, merging and comparing policies, for any text and any edit."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from focusplane.define.controls import Address, Controls, Flag, Traffic
from focusplane.define.diff import diff
from focusplane.define.focus import Focus, PolicySet
from focusplane.define.items import items_of, sealed, sealed_set
from focusplane.define.load import load
from focusplane.define.merge import merge
from focusplane.define.people import Team
from focusplane.define.problem import Severity
from focusplane.define.schema import json_schema

EXAMPLE = (Path(__file__).parents[2] / "examples/checkout/focus.yaml").read_text()
LINES = EXAMPLE.splitlines()
WORDS = [
    "",
    "~",
    "0",
    "-1",
    "99.9%",
    "{}",
    "[]",
    "on",
    "*x",
    "&x",
    "\t",
    "!!int 3",
    "'",
    '"',
    "1e999",
    "\x00",
    "{a: b}",
]
TOMBSTONE = "---\napiVersion: focusplane/v1\nkind: Removed\nmetadata: {{name: {0}}}\n"
MANY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


PORTS = {"basket": 10_001, "checkout": 10_002, "login": 10_003, "search": 10_004}
ITEMS = ["basket", "login", "checkout/flag.f", "search/version.v1"]


def _focus(name: str, flags: list[str], versions: list[str]) -> Focus:
    traffic = Traffic(
        Address("127.0.0.1", PORTS[name]),
        "/*",
        {one: (Address(one, PORTS[name]),) for one in versions},
        versions[0],
    )
    declared = {flag: Flag(flag, {"on": True, "off": False}, "on", "off", "t") for flag in flags}
    return sealed(Focus(name, "t", "", controls=Controls(declared, traffic)))


@st.composite
def policy_sets(draw: st.DrawFn) -> PolicySet:
    focuses = {
        name: _focus(
            name,
            draw(st.lists(st.sampled_from("fg"), unique=True)),
            draw(st.lists(st.sampled_from(["v1", "v2", "v3"]), unique=True, min_size=1)),
        )
        for name in draw(st.sets(st.sampled_from(sorted(PORTS))))
    }
    teams = {name: Team(name) for name in draw(st.sets(st.sampled_from("tu")))}
    declared = PolicySet(focuses, teams)
    gone = frozenset(draw(st.sets(st.sampled_from(ITEMS)))) - set(items_of(declared))
    return sealed_set(replace(declared, removed=gone))


@given(st.text(max_size=200))
@MANY
def test_reading_any_text_never_raises(text: str) -> None:
    load({"a.yaml": text})


@given(st.integers(0, len(LINES) - 1), st.sampled_from(WORDS), st.booleans())
@MANY
def test_reading_a_policy_with_one_broken_line_never_raises_and_has_places(
    at: int, word: str, value: bool
) -> None:
    head = LINES[at].partition(":")[0] + ": " if value else LINES[at] + " "
    lines = [*LINES[:at], head + word, *LINES[at + 1 :]]
    for problem in load({"a.yaml": "\n".join(lines)}).problems:
        assert (problem.path, problem.what != "") == ("a.yaml", True)
        assert 1 <= problem.line <= len(lines) + 1
        assert problem.column >= 1


@given(st.sets(st.integers(0, len(LINES) - 1), max_size=4))
@MANY
def test_reading_a_policy_with_lines_missing_never_raises(gone: set[int]) -> None:
    load({"a.yaml": "\n".join(line for number, line in enumerate(LINES) if number not in gone)})


@given(policy_sets(), policy_sets())
@MANY
def test_nothing_is_lost_without_a_tombstone(old: PolicySet, new: PolicySet) -> None:
    merged = merge(old, new)
    here = items_of(merged.policies)
    for name in items_of(old):
        focus = name.partition("/")[0]
        assert name in here or name in new.removed or focus in new.removed


@given(policy_sets(), policy_sets())
@MANY
def test_what_is_new_is_taken_and_what_is_held_is_said(old: PolicySet, new: PolicySet) -> None:
    merged = merge(old, new)
    here, wanted = items_of(merged.policies), items_of(new)
    assert set(merged.held) == set(here) - set(wanted)
    late = set(wanted) - set(here)
    assert not late or merged.alarms


@given(policy_sets())
@MANY
def test_merging_a_set_with_itself_changes_nothing(policies: PolicySet) -> None:
    merged = merge(policies, policies)
    assert (merged.policies, merged.held, merged.alarms) == (policies, (), ())


@given(policy_sets(), policy_sets())
@MANY
def test_a_difference_is_told_exactly_when_there_is_one(old: PolicySet, new: PolicySet) -> None:
    assert bool(diff(old, new)) == (old.digest != new.digest)
    assert diff(old, old) == ()


@pytest.mark.parametrize("text", [EXAMPLE, *(TOMBSTONE.format("a/flag.b"),)])
def test_the_schema_for_editors_accepts_what_is_read(text: str) -> None:
    assert not any(
        one.severity is Severity.ERROR and one.code != "D117" for one in load({"a.yaml": text}).problems
    )
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for document in YAML(typ="safe", pure=True).load_all(text):
        jsonschema.validate(json.loads(json.dumps(document, default=str)), schema)


def test_the_schema_for_editors_refuses_an_unknown_key() -> None:
    documents = YAML(typ="safe", pure=True).load_all(EXAMPLE.replace("tier:", "teer:"))
    focus = json.loads(json.dumps(next(iter(documents)), default=str))
    assert not jsonschema.Draft202012Validator(json_schema()).is_valid(focus)
