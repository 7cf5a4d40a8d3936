"""A mitigation takes a flag away from those whom a rule gave it, too."""

from fractions import Fraction

import pytest
from tests.plane.pricing import POLICY, pricing, rig

from focusplane.control.command import Set
from focusplane.control.state import FlagState

FLAG = "default: old, off: none, expires: 2036-03-31, owner: payments}"
ACTS = "      mode: suggest\n      approval: {count: 1, by: operator, within: 1h}\n"


def policy(flag: str) -> str:
    assert FLAG in POLICY
    assert ACTS in POLICY
    return POLICY.replace(FLAG, f"{flag}, expires: 2036-03-31, owner: payments}}").replace(
        ACTS, "      mode: act\n"
    )


@pytest.mark.parametrize(
    ("flag", "declared"),
    [
        (
            'default: none, off: none, rules: [{when: {tenant: "t*"}, serve: new}]',
            FlagState("none", Fraction(0)),
        ),
        (
            'default: new, off: none, percentage: 0%, rules: [{when: {tenant: "t*"}, serve: new}]',
            FlagState("new", Fraction(0)),
        ),
        (
            "default: new, off: none, percentage: 0%, schedule: [{from: 2001-01-01T00:00:00Z, percentage: 100%}]",
            FlagState("new", Fraction(0)),
        ),
    ],
)
def test_what_a_rule_or_the_clock_gave_is_taken_away_and_stays_away(flag: str, declared: FlagState) -> None:
    it = rig(policy(flag), new="40/100")
    assert pricing(it) == declared
    it.seconds(240)
    assert pricing(it) == FlagState("none")
    assert [one.command.state for one in it.world.actions.values() if isinstance(one.command, Set)] == [
        FlagState("none")
    ]
