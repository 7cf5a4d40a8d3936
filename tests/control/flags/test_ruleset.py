"""A flagd document, compiled: what is served, what is kept, and what stops nobody else."""

import json
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focusplane.control.flags.answer import Reason
from focusplane.control.flags.ruleset import MOST_FLAGS, Ruleset

ON_OFF = {"on": True, "off": False}
HALF = {"fractional": [{"cat": ["checkout:new:", {"var": "targetingKey"}]}, ["on", 50], ["off", 50]]}


RULES = st.sampled_from(
    [None, "on", {"if": [{"var": "x"}, "on", "off"]}, {"nothing": [1, 2, 3, 4]}, {"or": [{"var": "x"}] * 9}]
)


def flag(targeting=None, variants=ON_OFF, default="off", state="ENABLED", **more):
    return {"state": state, "variants": variants, "defaultVariant": default, "targeting": targeting, **more}


def ruleset(targeting=None, previous=None, **more):
    return Ruleset.of({"flags": {"new": flag(targeting)}, **more}, previous)


def named(targeting, context, at_s=None, **more):
    """The variant that a rule names."""
    return ruleset(targeting, **more).evaluate("new", context, at_s).variant


def test_a_flag_without_a_rule_serves_its_default_to_everybody():
    answer = ruleset().evaluate("new")
    assert (answer.value, answer.variant, answer.reason) == (False, "off", Reason.STATIC)


def test_a_rule_that_names_nothing_leaves_the_default():
    answer = ruleset({"if": [{"==": [{"var": "plan"}, "gold"]}, "on", None]}).evaluate(
        "new", {"plan": "free"}
    )
    assert (answer.variant, answer.reason) == ("off", Reason.DEFAULT)


def test_without_a_default_variant_the_caller_decides():
    for absent in (None, ""):
        answer = Ruleset.of({"flags": {"new": flag(default=absent)}}).evaluate("new")
        assert (answer.value, answer.variant, answer.reason) == (None, "", Reason.DEFAULT)


def test_a_disabled_flag_leaves_the_value_to_the_caller():
    answer = Ruleset.of({"flags": {"new": flag(HALF, state="DISABLED")}}).evaluate(
        "new", {"targetingKey": "acme"}
    )
    assert (answer.value, answer.variant, answer.reason) == (None, "", Reason.DISABLED)


def test_a_truth_names_the_variant_of_its_name():
    rules = Ruleset.of(
        {"flags": {"new": flag({"==": [{"var": "a"}, 1]}, {"true": "x", "false": "y"}, "false")}}
    )
    assert [rules.evaluate("new", {"a": a}).value for a in (1, 2)] == ["x", "y"]


def test_a_rule_that_names_no_variant_is_an_error_that_says_so():
    answer = ruleset({"cat": ["o", {"var": "n"}]}).evaluate("new", {"n": "nn"})
    assert (answer.reason, answer.why) == (Reason.ERROR, "the rule named onn, which is no variant")


def test_a_rule_that_fails_is_an_error_that_says_why():
    answer = ruleset({"if": [{"/": [1, {"var": "n"}]}, "on", "off"]}).evaluate("new", {"n": 0})
    assert (answer.variant, answer.reason) == ("", Reason.ERROR)
    assert answer.why == "the rule failed: division by zero"


def test_an_unknown_flag_is_an_error():
    assert ruleset().evaluate("old").why == "no flag old"


def test_the_key_and_the_time_of_an_evaluation_can_be_asked_for():
    assert named({"if": [{"==": [{"var": "$flagd.flagKey"}, "new"]}, "on", "off"]}, {}) == "on"
    later = {"if": [{">": [{"var": "$flagd.timestamp"}, 1_700_000_000]}, "on", "off"]}
    assert [named(later, {}, at) for at in (1_600_000_000, 1_800_000_000)] == ["off", "on"]
    assert ruleset(later).timed
    assert ruleset(later).evaluate("new").why == "the rule failed: it asks for the time, and none was given"


def test_a_context_cannot_pretend_to_be_flagd():
    asked = {"if": [{"==": [{"var": "$flagd.timestamp"}, 7]}, "on", "off"]}
    assert named(asked, {"$flagd": {"timestamp": 7}}, 8) == "off"


def test_one_bad_flag_stops_no_other():
    rules = Ruleset.of({"flags": {"good": flag(), "bad": flag({"if": [{"looks_like": [1]}, "on"]})}})
    assert rules.evaluate("good").variant == "off"
    assert rules.faults == {"bad": "targeting.if[0].looks_like: the operator 'looks_like' is unknown"}
    assert rules.evaluate("bad").reason is Reason.ERROR


def test_the_last_good_flag_goes_on_under_its_key():
    good = ruleset({"if": [{"var": "x"}, "on", "off"]})
    bad = Ruleset.of({"flags": {"new": {"state": "ON"}}}, good)
    worse = Ruleset.of({"flags": {"new": []}}, bad)
    assert worse.evaluate("new", {"x": 1}).variant == "on"
    assert bad.faults == {"new": "state: is 'ON', not ENABLED or DISABLED"}
    assert worse.faults == {"new": "flag: is not an object"}
    assert not bad.changed
    assert not Ruleset.of({"flags": {}}, worse).flags


@pytest.mark.parametrize(
    ("told", "where"),
    [
        ({"variants": {}}, "variants: has to be an object of 1 to 256 variants"),
        (
            {"variants": {"on": True, "off": "no"}},
            "variants: have to be of one kind: on is a boolean, off is",
        ),
        ({"variants": {"on": None}}, "variants.on: has no value"),
        ({"defaultVariant": "beta"}, "defaultVariant: 'beta' is no variant"),
        ({"metadata": {"owner": None}}, "metadata.owner: has to be"),
        ({"metadata": {"bucketing": "v1"}}, "metadata.bucketing: is 'v1', not one of v2, v3"),
        ({"targeting": [1]}, "targeting: has to be an object of exactly one operator"),
        ({"targeting": {"$ref": "gone"}}, "targeting.$ref: $evaluators has no 'gone'"),
        (
            {"targeting": {"$ref": "ring"}},
            "targeting.$ref(ring).![0].$ref: the evaluator 'ring' refers to itself",
        ),
    ],
)
def test_a_fault_names_the_place_and_the_reason(told, where):
    rules = Ruleset.of({"flags": {"new": flag() | told}, "$evaluators": {"ring": {"!": {"$ref": "ring"}}}})
    assert rules.faults["new"].startswith(where)


def test_only_what_changed_is_compiled_again():
    def document(share, word):
        share = {"fractional": [["on", share], ["off", 100 - share]]}
        flags = {
            "same": flag(),
            "share": flag(share),
            "by_ref": flag({"if": [{"$ref": "beta"}, "on", "off"]}),
        }
        return json.dumps({"flags": flags, "$evaluators": {"beta": {"==": [{"var": "plan"}, word]}}})

    first = Ruleset.of(document(10, "beta"))
    second = Ruleset.of(document(20, "beta"), first)
    third = Ruleset.of(document(20, "gold"), second)
    assert first.changed == {"same", "share", "by_ref"}
    assert (second.changed, third.changed) == ({"share"}, {"by_ref"})
    assert third.flags["same"] is first.flags["same"]
    assert third.evaluate("by_ref", {"plan": "gold"}).variant == "on"
    assert Ruleset.of(document(20, "gold"), third).changed == frozenset()
    assert Ruleset.of('{"flags": {}}', third).changed == {"same", "share", "by_ref"}


def test_a_number_for_a_truth_is_a_change():
    yes, one = ({"flags": {"new": flag(variants={"off": value})}} for value in (True, 1))
    assert Ruleset.of(one, Ruleset.of(yes)).evaluate("new").value == 1


def test_a_reference_is_what_it_refers_to():
    evaluators = {
        "staff": {"ends_with": [{"var": "email"}, "@acmé.com"]},
        "path": {"==": [{"var": "p"}, "a\\b"]},
    }
    rule = {"if": [{"and": [{"$ref": "staff"}, {"$ref": "path"}]}, "on", "off"]}
    assert named(rule, {"email": "a@acmé.com", "p": "a\\b"}, **{"$evaluators": evaluators}) == "on"


@pytest.mark.parametrize(
    "document",
    ["[]", "{", "7", '{"flags": 1}', '{"flags": {}, "metadata": []}', '{"flags": {"a": NaN}}', b"\xff"],
)
def test_what_is_no_flag_set_is_refused(document):
    with pytest.raises(ValueError, match=r"document|`flags`|`metadata`"):
        Ruleset.of(document)


def test_flags_in_a_list_are_read_as_the_daemon_reads_them():
    rules = Ruleset.of({"flags": [{"key": "new", **flag()}, flag()]})
    assert rules.evaluate("new").variant == "off"
    assert list(rules.flags) == ["new", "#1"]


def test_rules_are_bounded():
    deep, wide = {"!": 1}, {"or": [{"var": "x"}] * 10_001}
    for _ in range(70):
        deep = {"!": deep}
    twice = {f"e{n}": {"or": [{"$ref": f"e{n - 1}"}] * 2} for n in range(1, 16)} | {"e0": {"var": "x"}}
    loops = {"map": [[1], {"map": [[1], {"map": [[1], 1]}]}]}
    rules = Ruleset.of(
        {
            "flags": {
                "deep": flag(deep),
                "wide": flag(wide),
                "loops": flag(loops),
                "many": flag({"or": [{"some": [{"var": "x"}, True]}] * 65}),
                "twice": flag({"$ref": "e15"}),
            },
            "$evaluators": twice,
        }
    )
    told = {key: why.rpartition(": ")[2] for key, why in rules.faults.items()}
    assert told == {
        "deep": "the rule is nested more than 64 deep",
        "wide": "the rule has more than 10,000 pieces",
        "twice": "the rule has more than 10,000 pieces",
        "loops": "array operators are nested more than 2 deep",
        "many": "the rule has more than 64 array operators",
    }


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"reduce": [{"var": "many"}, {"*": [{"var": "accumulator"}] * 2}, 3]}, "int too large"),
        (
            {"reduce": [{"var": "many"}, {"cat": [{"var": "accumulator"}] * 2}, "x"]},
            "cat made a text of more",
        ),
        ({"reduce": [{"var": "many"}, {"merge": [{"var": "accumulator"}] * 2}, [1]]}, "merge made a list"),
        (
            {"reduce": [{"var": "many"}, [{"var": "accumulator"}, {"var": "accumulator"}], 1]},
            "more than 1,000 items",
        ),
        ({"some": [{"var": "too_many"}, True]}, "a list of 1,001 items is longer than 1,000"),
        (
            {"some": [{"var": "lists"}, {"some": [{"var": ""}, {"==": [{"var": ""}, 5]}]}]},
            "a list of 101 items is longer than 100",
        ),
    ],
)
def test_an_evaluation_is_bounded(rule, why):
    answer = ruleset({"if": [rule, "on", "off"]}).evaluate(
        "new", {"many": [1] * 1_000, "too_many": [1] * 1_001, "lists": [[1] * 101]}
    )
    assert why in answer.why or answer.variant == "on"  # a number grows to infinity, and no further


MANY = [{"<": [{"var": ""}, 5]}]


@pytest.mark.parametrize(
    ("rule", "where"),
    [
        ({"some": [{"var": "l"}, {"and": MANY * 700}]}, "targeting.some[1].and"),
        (
            {"some": [{"var": "l"}, {"some": [{"var": "m"}, {"and": MANY * 7}]}]},
            "targeting.some[1].some[1].and",
        ),
        ({"or": [{"some": [{"var": "l"}, {"and": MANY * 20}]}] * 40}, "targeting.or["),
        ({"some": [{"var": "l"}, {"map": [{"var": "m"}, {"map": [[1], 1]}]}]}, "nested more than 2 deep"),
        (
            {"some": [{"var": "l"}, {"some": [{"var": "m"}, {"cat": ["x", {"cat": ["y", {"var": ""}]}]}]}]},
            "cat",
        ),
    ],
)
def test_what_may_take_long_is_refused_before_it_is_evaluated_and_stops_no_other_flag(rule, where):
    told = Ruleset.of({"flags": {"dear": flag(rule), "good": flag({"if": [{"var": "x"}, "on", "off"]})}})
    assert set(told.faults) == {"dear"}
    assert where in told.faults["dear"]
    assert "steps" in told.faults["dear"] or "nested" in told.faults["dear"]
    assert told.evaluate("dear").why == told.faults["dear"]
    assert told.evaluate("good", {"x": 1}).variant == "on"


@pytest.mark.parametrize(
    "rule",
    [
        {"some": [{"var": "groups"}, {"in": [{"var": ""}, [f"g{number}" for number in range(900)]]}]},
        {"some": [{"var": "groups"}, {"some": [{"var": "members"}, {"==": [{"var": "id"}, "me"]}]}]},
        {"reduce": [{"var": "groups"}, {"merge": [{"var": "accumulator"}, {"var": "current"}]}, []]},
        {"some": [{"map": [{"var": "groups"}, {"map": [{"var": "members"}, {"var": "id"}]}]}, True]},
        {
            "some": [
                {"var": "l"},
                {">": [{"reduce": [{"var": "m"}, {"+": [{"var": "accumulator"}, 1]}, 0]}, 3]},
            ]
        },
        {"some": [[1, 2, 3], {"some": [[1, 2, 3], {"and": MANY * 1_000}]}]},
    ],
)
def test_what_people_write_with_lists_is_not_refused(rule):
    assert Ruleset.of({"flags": {"new": flag({"if": [rule, "on", "off"]})}}).faults == {}


def test_of_too_many_pieces_in_all_the_largest_flags_are_refused():
    """Whatever `$ref` names is compiled for each that refers to it."""
    large = {"or": [{"var": "x"}] * 4_000}
    flags = {f"f{number}": flag({"$ref": "large"}) for number in range(200)}
    small = {f"s{number}": flag({"if": [{"var": "x"}, "on", "off"]}) for number in range(200)}
    rules = Ruleset.of({"flags": {**flags, **small}, "$evaluators": {"large": large}})
    assert small.keys() <= rules.flags.keys()
    assert 0 < len(rules.faults) < len(flags)
    assert all("all flags of the document have more than 1,000,000" in why for why in rules.faults.values())


@given(st.lists(st.fixed_dictionaries({}, optional={"a": RULES, "b": RULES}), max_size=6))
def test_what_is_taken_from_the_document_before_is_as_large_as_if_it_had_been_read_anew(documents):
    """Also of a flag whose last good form goes on while the document holds a wrong one."""
    previous = None
    for rules in documents:
        flags = {"flags": {key: flag(rule) for key, rule in rules.items()}}
        previous, anew = Ruleset.of(flags, previous), Ruleset.of(flags)
        assert previous.pieces == anew.pieces
        assert previous.faults == anew.faults


def test_of_too_many_steps_in_all_the_dearest_flags_are_refused():
    dear = flag({"some": [{"var": "l"}, {"and": MANY * 400}]})
    small = {f"s{number}": flag({"if": [{"var": "x"}, "on", "off"]}) for number in range(200)}
    rules = Ruleset.of({"flags": {**{f"f{number}": dear for number in range(25)}, **small}})
    assert small.keys() <= rules.flags.keys()
    assert sum(entry.steps for entry in rules.flags.values()) <= 20_000_000
    assert 0 < len(rules.faults) < 25
    assert "steps all flags of the document have more than 20,000,000" in rules.faults["f0"]


def test_a_flag_that_is_as_before_goes_on_when_dearer_ones_come(monkeypatch):
    small, dear = flag({"if": [{"var": "x"}, "on", "off"]}), flag({"some": [{"var": "l"}, {"and": MANY * 9}]})
    before = Ruleset.of({"flags": {"a": dear, "b": small}})
    monkeypatch.setattr("focusplane.control.flags.ruleset.MOST_ALL_STEPS", before.flags["a"].steps + 50)
    dearer = flag({"some": [{"var": "l"}, {"and": MANY * 10}]})
    rules = Ruleset.of({"flags": {"a": dear, "b": small, "new": dear}}, before)
    assert rules.flags == before.flags
    assert rules.faults.keys() == {"new"}
    rules = Ruleset.of({"flags": {"a": dearer, "b": small}}, before)
    assert rules.flags == before.flags, "its last good form goes on"
    assert rules.faults.keys() == {"a"}


def test_too_many_flags_are_refused():
    with pytest.raises(ValueError, match="more than 10,000 flags"):
        Ruleset.of({"flags": {str(n): 1 for n in range(MOST_FLAGS + 1)}})


def test_metadata_of_a_flag_stands_before_that_of_the_set():
    flags = {"new": flag(metadata={"owner": "web"}), "old": flag()}
    rules = Ruleset.of({"metadata": {"owner": "all", "version": "7"}, "flags": flags})
    assert rules.metadata_of("new") == {"owner": "web", "version": "7"}
    assert rules.metadata_of("gone") == rules.metadata == {"owner": "all", "version": "7"}


def test_readers_see_the_old_or_the_new_document_and_nothing_between():
    old = ruleset({"if": [{"var": "x"}, "on", "off"]})
    new = ruleset({"if": [{"var": "x"}, "off", "on"]}, old)
    served, seen, done = [old], set(), threading.Event()

    def read():
        while not done.is_set():
            rules = served[0]
            seen.add((rules is old, rules.evaluate("new", {"x": 1}).variant))

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for turn in range(2_000):
        served[0] = (old, new)[turn % 2]
    done.set()
    for reader in readers:
        reader.join()
    assert seen <= {(True, "on"), (False, "off")}
