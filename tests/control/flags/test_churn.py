"""How many get another variant by an edit, and who loses what they had."""

from fractions import Fraction

import pytest

from focusplane.control.churn import SAMPLE, churn
from focusplane.define.controls import Flag
from focusplane.define.targeting import Clause, Crowd, Rule, Timed, Trait, When


def flag(percent, **more):
    return Flag("x", {"new": 1, "old": 0}, "new", "old", "web", percentage=Fraction(percent, 100), **more)


def between(before, after, at_s=0):
    return list(churn({"web": {"x": before}}, {"web": {"x": after}}, at_s))


BETA = Rule(When(Crowd(Clause((Trait("tenant", ("acme", "gl*")),)))), {"new": Fraction(1)})


@pytest.mark.parametrize(("low", "high"), [(0, 5), (10, 30), (50, 100)])
def test_a_raised_percentage_takes_it_from_nobody_and_a_lowered_one_does(low, high):
    (up,) = between(flag(low), flag(high))
    assert abs(up.changed / SAMPLE - (high - low) / 100) < 0.02
    assert (up.lost, up.warns) == (0, False)
    (down,) = between(flag(high), flag(low))
    assert (down.changed, down.lost, down.warns) == (up.changed, up.changed, True)


def test_another_bucketing_key_is_drawn_anew_and_warned_of():
    (found,) = between(flag(50), flag(50, by="region"))
    assert found.rehashed
    assert found.warns
    assert abs(found.changed / SAMPLE - 0.5) < 0.02
    assert "drawn anew" in str(found)


def test_tenants_that_a_rule_names_are_told_by_name():
    (found,) = between(flag(0, rules=(BETA,)), flag(0))
    assert found.named == (("acme", "new", "old"),)
    assert (found.changed, found.warns) == (0, True)
    assert str(found).endswith("by name: acme new -> old")
    (back,) = between(flag(0), flag(0, rules=(BETA,)))
    assert not back.warns


def test_what_changes_for_nobody_is_not_told():
    assert between(flag(20), flag(20)) == []
    assert between(flag(20), flag(20, permanent="ops")) == []
    later = flag(20, schedule=(Timed(2**40, Fraction(1), "later"),))
    assert between(flag(20), later, at_s=1) == []
    assert len(between(flag(20), later, at_s=2**31)) == 1
    assert list(churn({}, {"web": {"x": flag(20)}}, 0)) == []
