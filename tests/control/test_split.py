"""Laws of the sticky split, and its agreement with Envoy's arithmetic."""

from fractions import Fraction

import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from focusplane.control.split import (
    TOTAL,
    assign,
    bucket,
    integer_weights,
    pick,
    stick_key,
    version_for,
    walk,
)
from focusplane.control.state import TrafficState

shares = st.fractions(0, 1, max_denominator=1_000_000)
parts = st.lists(st.integers(0, 1_000_000), min_size=1, max_size=6).filter(sum)
KEYS = [stick_key("checkout", "v2", f"tenant-{number}") for number in range(4_000)]


def two(share: Fraction) -> dict[str, Fraction]:
    return {"v2": share, "v1": 1 - share}


@given(parts)
def test_integer_weights_sum_exactly_and_are_off_by_less_than_one(numbers):
    weights = {f"v{at}": Fraction(number, sum(numbers)) for at, number in enumerate(numbers)}
    whole = integer_weights(weights)
    assert sum(whole.values()) == TOTAL
    assert list(whole) == list(weights)
    assert all(abs(whole[name] - weights[name] * TOTAL) < 1 for name in weights)
    assert all(whole[name] == 0 for name in weights if weights[name] == 0)


@given(shares, shares, st.text(max_size=40))
def test_growth_never_takes_a_tenant_off_the_canary(one, other, tenant):
    small, large = sorted((one, other))
    key = stick_key("checkout", "v2", tenant)
    if assign(key, two(small)) == "v2":
        assert assign(key, two(large)) == "v2"


@pytest.mark.parametrize("percent", [1, 5, 25, 50, 75])
def test_shares_are_within_tolerance(percent):
    share = Fraction(percent, 100)
    got = sum(assign(key, two(share)) == "v2" for key in KEYS) / len(KEYS)
    # Four standard deviations of a binomial share of 4,000 tenants.
    assert abs(got - float(share)) < 4 * (float(share * (1 - share)) / len(KEYS)) ** 0.5


def test_a_tenant_stays_with_its_version():
    assert [assign(key, two(Fraction(1, 2))) for key in KEYS] == [
        assign(key, two(Fraction(1, 2))) for key in KEYS
    ]


def test_another_salt_puts_other_tenants_first():
    def first(salt: str) -> set[int]:
        return {
            at for at in range(4_000) if bucket(stick_key("checkout", salt, f"tenant-{at}")) < TOTAL // 10
        }

    both = first("v2") & first("v3")
    assert len(both) < 80  # 40 expected if independent, 400 if the salt did nothing


def test_the_bucket_is_what_envoy_computes_from_the_header_value():
    assert bucket("checkout:v2:acme") == xxhash.xxh64(b"checkout:v2:acme", seed=0).intdigest() % 10_000


def test_the_canary_is_walked_first_and_the_stable_version_last():
    third = Fraction(1, 3)
    traffic = TrafficState("a", {"a": third, "b": third, "c": third}, canary="c", salt="c")
    assert list(walk(traffic)) == ["c", "b", "a"]


def test_the_whole_traffic_on_one_version_serves_everybody_there():
    traffic = TrafficState("v1", {"v1": Fraction(1)})
    assert {version_for(traffic, "checkout", f"t{at}") for at in range(50)} == {"v1"}


def test_weights_that_do_not_sum_to_one_are_refused():
    with pytest.raises(ValueError, match="sum to 1"):
        integer_weights({"v1": Fraction(1, 2)})
    with pytest.raises(ValueError, match="end before"):
        pick(9_999, {"v1": 1})
