"""The flagd document says what the board serves, in words that every flagd client understands."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from focusplane.control.board import Board, apply, declare
from focusplane.control.command import ControlId, Set
from focusplane.control.flag import lamp_of
from focusplane.control.flags.bucketing import bucket, key_of
from focusplane.control.flags.document import document
from focusplane.control.state import FallbackState, FlagState
from focusplane.define.controls import Flag

FLAG = Flag("new-pricing", {"on": True, "off": False, "beta": True}, "on", "off", owner="payments")
TARGET = ControlId("checkout", "flag.new-pricing")


def served(state, flag=FLAG):
    board = apply(declare(Board(), TARGET, FlagState("on")), Set(TARGET, state, "so", "ana"))
    return document({"checkout": {flag.key: flag}}, board)["flags"]["new-pricing"]


def test_a_flag_that_everybody_has_needs_no_targeting():
    assert served(FlagState("beta")) == {
        "state": "ENABLED",
        "variants": {"on": True, "off": False, "beta": True},
        "defaultVariant": "beta",
        "metadata": {"focus": "checkout", "owner": "payments", "revision": 2},
    }


def test_a_kill_is_an_enabled_flag_that_serves_the_off_variant():
    told = served(FlagState("off"))
    assert (told["state"], told["defaultVariant"], "targeting" in told) == ("ENABLED", "off", False)
    assert told["metadata"]["killed"] is True


def test_a_percentage_spells_its_bucketing_key_and_falls_back_to_off():
    told = served(FlagState("on", Fraction(1, 8)))
    assert told["defaultVariant"] == "off"
    assert told["targeting"] == {
        "if": [
            {"var": "targetingKey"},
            {
                "fractional": [
                    {"cat": ["checkout:new-pricing:", {"var": "targetingKey"}]},
                    ["on", 1250],
                    ["off", 8750],
                ]
            },
            None,
        ]
    }


def test_a_rollout_of_a_variant_leaves_the_others_on_what_they_had_and_picks_its_own_tenants():
    told = served(FlagState("beta", Fraction(1, 20), rest="on", salt="rol-1"))
    _, split, nobody = told["targeting"]["if"]
    assert nobody == "on"
    assert split == {
        "fractional": [
            {"cat": ["checkout:new-pricing:rol-1:", {"var": "targetingKey"}]},
            ["beta", 500],
            ["on", 9500],
        ]
    }


def test_a_state_that_makes_no_sense_serves_off():
    assert served(FlagState("gone"))["defaultVariant"] == "off"
    assert served(FallbackState(True))["defaultVariant"] == "off"


def test_a_key_that_two_focuses_declare_is_served_under_both_their_names():
    twice = document(
        {"checkout": {"x": FLAG}, "pay": {"x": FLAG}, "web": {"y": Flag("y", {"a": 1}, "a", "a", "web")}},
        Board(),
    )
    assert list(twice["flags"]) == ["checkout.new-pricing", "pay.new-pricing", "y"]


def test_a_board_that_moves_something_else_makes_the_same_document():
    board = declare(Board(), TARGET, FlagState("on"))
    other = declare(board, ControlId("checkout", "fallback"), FallbackState())
    declared = {"checkout": {FLAG.key: FLAG}}
    assert document(declared, board) == document(declared, other)


def test_buckets_are_those_of_the_reference_hash():
    # murmur3 x86 32 of "hello" with seed 0 is 0x248bfa47
    assert bucket("hello", 10_000) == (0x248BFA47 * 10_000) >> 32
    assert key_of("checkout", "new-pricing", "acme") == "checkout:new-pricing:acme"


@given(
    st.text(min_size=1, max_size=20),
    st.fractions(0, 1, max_denominator=10_000),
    st.sampled_from(["", "beta"]),
    st.sampled_from(["", "rol-1"]),
)
def test_everybody_is_where_the_bucket_says(tenant, share, rest, salt):
    state = FlagState("on", share, rest, salt)
    lamp = lamp_of("checkout", FLAG, state)
    on = lamp.evaluate({"targetingKey": tenant}).variant == "on"
    told = served(state)
    if "targeting" not in told:
        assert on == (told["defaultVariant"] == "on")
        return
    weights = dict(told["targeting"]["if"][1]["fractional"][1:])
    assert sum(weights.values()) == 10_000
    assert on == (bucket(key_of("checkout", "new-pricing", tenant, salt), 10_000) < weights["on"])
