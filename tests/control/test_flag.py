"""Laws of flag evaluation."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focusplane.control.flag import Evaluated, Reason, lamp_of
from focusplane.control.state import FallbackState, FlagState, Off
from focusplane.define.controls import Flag

FLAG = Flag("new-pricing", {"on": True, "off": False, "beta": "b"}, default="on", off="off", owner="payments")


def evaluate(focus, flag, state, tenant):
    return lamp_of(focus, flag, state).evaluate({"targetingKey": tenant})


tenants = st.text(min_size=1, max_size=30)
shares = st.fractions(0, 1, max_denominator=10_000)
states = st.builds(FlagState, st.sampled_from(["on", "off", "beta", "gone"]), shares) | st.just(Off())


@given(states, st.text(max_size=30))
def test_every_answer_is_a_declared_variant_with_a_reason(state, tenant):
    answer = evaluate("checkout", FLAG, state, tenant)
    assert answer.variant in FLAG.variants
    assert answer.value == FLAG.variants[answer.variant]
    assert answer.why


@given(tenants, shares, shares)
def test_a_growing_percentage_takes_the_flag_from_nobody(tenant, one, other):
    small, large = sorted((one, other))
    if evaluate("checkout", FLAG, FlagState("on", small), tenant).variant == "on":
        assert evaluate("checkout", FLAG, FlagState("on", large), tenant).variant == "on"


@given(st.text(max_size=30), shares)
def test_a_kill_reaches_everybody(tenant, share):
    answer = evaluate("checkout", FLAG, FlagState("off", share), tenant)
    assert answer == Evaluated(False, "off", Reason.DISABLED, "the off variant is set")


@pytest.mark.parametrize("percent", [1, 10, 50, 90])
def test_the_share_of_tenants_is_the_percentage(percent):
    state = FlagState("on", Fraction(percent, 100))
    got = (
        sum(evaluate("checkout", FLAG, state, f"tenant-{at}").variant == "on" for at in range(4_000)) / 4_000
    )
    assert abs(got - percent / 100) < 4 * (percent / 100 * (1 - percent / 100) / 4_000) ** 0.5


def test_two_flags_at_the_same_percentage_pick_different_tenants():
    other = Flag("dark-mode", FLAG.variants, "on", "off", "web")
    state = FlagState("on", Fraction(1, 10))
    picked = [
        {at for at in range(4_000) if evaluate("checkout", flag, state, f"t{at}").variant == "on"}
        for flag in (FLAG, other)
    ]
    assert len(picked[0] & picked[1]) < 80


def test_outside_a_split_the_rest_is_served_and_a_variant_that_is_gone_means_off():
    half = FlagState("on", Fraction(1, 2), rest="beta")
    got = {evaluate("checkout", FLAG, half, f"t{at}").variant for at in range(100)}
    assert got == {"on", "beta"}
    assert evaluate("checkout", FLAG, half, "").variant == "beta"
    gone = FlagState("on", Fraction(1, 2), rest="gone")
    assert {evaluate("checkout", FLAG, gone, f"t{at}").variant for at in range(100)} == {"on", "off"}


@pytest.mark.parametrize("percent", [0, 25])
def test_tenants_who_are_named_get_it_and_are_told_apart_from_whom_chance_chose(percent):
    state = FlagState("on", Fraction(percent, 100), "beta", "rol-1", ("t1", "t2"))
    answers = {f"t{at}": evaluate("checkout", FLAG, state, f"t{at}") for at in range(100)}
    assert {tenant for tenant, answer in answers.items() if answer.named} == {"t1", "t2"}
    assert {answer.variant for answer in answers.values() if answer.named} == {"on"}
    assert {answer.reason for answer in answers.values()} == {Reason.SPLIT}
    got = sum(answer.variant == "on" for answer in answers.values())
    assert got == 2 if not percent else 10 < got < 45


def test_who_has_no_tenant_is_on_no_side_of_a_step_that_names_tenants():
    answer = evaluate("checkout", FLAG, FlagState("on", Fraction(0), "beta", "rol-1", ("t1",)), "")
    assert (answer.variant, answer.reason, answer.named) == ("beta", Reason.DEFAULT, False)


def test_a_salt_picks_other_tenants():
    picked = [
        {at for at in range(4_000) if evaluate("checkout", FLAG, state, f"t{at}").variant == "on"}
        for state in (FlagState("on", Fraction(1, 10)), FlagState("on", Fraction(1, 10), salt="rol-1"))
    ]
    assert len(picked[0] & picked[1]) < 80


def test_without_a_state_the_declaration_decides():
    assert evaluate("checkout", FLAG, Off(), "acme").reason is Reason.STATIC
    nobody = Flag("x", FLAG.variants, "on", "off", "web", percentage=Fraction(0))
    assert evaluate("checkout", nobody, Off(), "acme").variant == "off"


def test_a_split_without_a_tenant_serves_off_and_says_why():
    answer = evaluate("checkout", FLAG, FlagState("on", Fraction(1, 2)), "")
    assert answer == Evaluated(False, "off", Reason.DEFAULT, "no tenant to split by")


def test_a_state_that_makes_no_sense_serves_off_and_says_error():
    assert evaluate("checkout", FLAG, FlagState("gone"), "acme").why == "variant gone is not declared"
    assert evaluate("checkout", FLAG, FallbackState(True), "acme").reason is Reason.ERROR
