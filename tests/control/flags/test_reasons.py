"""What people are told of a flag: each step in the words of the policy, and an answer that is the real one."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from tests.control.flags.test_lamps import BEGINS, DECLARED, board

from focusplane.control.flag import Lamps
from focusplane.control.flags.context import context_of
from focusplane.control.reasons import Asked, reasons
from focusplane.control.state import FlagState


def told(tenant, said=None, at_s=0, **states):
    asked = Asked(DECLARED, board(**states), context_of(tenant, said or {}), at_s)
    return list(reasons(asked, "search", "ranking"))


def on(tenant, said=None, at_s=0, **states):
    return told(tenant, said, at_s, **{"new-index": FlagState("on"), **states})


def test_each_rule_says_what_it_saw_and_the_one_that_fits_is_the_last():
    first, *rest = on("zeta", {"region": "eu", "appVersion": "1.9"})
    assert first.startswith("flag search/ranking, revision ")
    assert first.endswith(", as the policy declares it")
    assert rest == [
        "  requires new-index on: it is on",
        '  rule 1, segment beta: no (tenant is "zeta")',
        '  rule 2, region eu, appVersion <2.0: fits (region is "eu", appVersion is "1.9")',
        'old = "v1"  (TARGETING_MATCH: rule 2: region eu, appVersion <2.0)',
    ]


def test_a_percentage_says_where_somebody_stands():
    last = on("zeta")[-2]
    assert last == '  percentage by tenant: new 20%, else old; "zeta" stands at 73.49% of the way'
    assert on("")[-2] == "  percentage by tenant: new 20%, else old; tenant is missing"


def test_a_kill_needs_no_more_words():
    assert on("acme", ranking=FlagState("old"))[1:] == [
        "  killed: everybody gets old",
        'old = "v1"  (DISABLED: the off variant is set)',
    ]
    assert on("acme", ranking=FlagState("old"))[0].endswith("set by ana: so")


def test_a_schedule_says_when_it_begins_began_or_waits():
    assert "  schedule: begins 2026-12-01T08:00:00Z" in on("zeta")
    assert "  schedule: 100% from 2026-12-01T08:00:00Z" in on("zeta", at_s=BEGINS)
    moved = on("zeta", at_s=BEGINS, ranking=FlagState("new", Fraction(1, 10)))
    assert "  schedule: it waits while somebody has set the flag" in moved


def test_a_prerequisite_that_is_not_met_ends_the_way():
    assert told("acme", **{"new-index": FlagState("off")})[1:] == [
        "  requires new-index on: it is off",
        'old = "v1"  (STATIC: nobody meets its prerequisites)',
    ]


@given(
    st.sampled_from(["acme", "t1", "t2", "t3"]),
    st.dictionaries(
        st.sampled_from(["region", "device", "appVersion"]), st.sampled_from(["eu", "ios", "1.0", "2.3.0"])
    ),
    st.sampled_from([0, BEGINS]),
)
def test_the_rule_that_is_said_to_fit_is_the_rule_that_decided(tenant, said, at_s):
    lines = on(tenant, said, at_s)
    lamp = Lamps.of(DECLARED, board(**{"new-index": FlagState("on")})).lamps["search"]["ranking"]
    answer = lamp.evaluate(context_of(tenant, said), at_s)
    fitting = [line.strip().partition(",")[0] for line in lines if ": fits" in line]
    decided = [answer.why.partition(":")[0]] if answer.reason == "TARGETING_MATCH" else []
    assert fitting == decided
    assert lines[-1].startswith(f"{answer.variant} = ")
