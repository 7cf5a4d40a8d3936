"""Who is told what, when and how often: silences, causes, escalation, tickets, noise; nothing that burns is hidden."""

from fractions import Fraction

from tests.plane.night import ALL, NONE, fail, incident, rig, titles

from focusplane.act.fact import Kind
from focusplane.act.incident import Stage
from focusplane.act.request import AckIncident, AddSilence, Done, EndSilence
from focusplane.kernel.tick import HOUR, MINUTE
from focusplane.plane.snapshot import preserve, revive
from focusplane.testing.rig import Load

# -- causes and symptoms -----------------------------------------------------------------------------------------------


def test_a_focus_whose_dependency_fails_is_linked_to_the_cause_and_wakes_nobody() -> None:
    it = rig(("checkout", "auth"), ("auth", ""))
    fail(it, "auth")
    it.seconds(5)
    fail(it, "checkout")
    it.seconds(90)
    assert titles(it) == ["auth fails its availability [opened]"]
    found = incident(it, "checkout")
    assert found.cause == incident(it, "auth").id
    assert found.hushed.startswith("suppressed: auth, on which it depends, fails since 2026-01-01 00:0")
    opened = [one for one in it.said(Kind.INCIDENT_OPENED) if one.focus == "checkout"]
    assert opened[0].body["cause"] == found.cause
    assert found.impact["failed"], "what it costs is counted all the same"


def test_a_symptom_that_still_fails_when_its_cause_is_over_is_paged_then_and_one_that_ended_with_it_is_not() -> (
    None
):
    it = rig(("checkout", "auth"), ("search", "auth"), ("auth", ""))
    fail(it, "auth", "checkout", "search")
    it.seconds(90)
    fail(it, "auth", "search", share=NONE)
    it.seconds(700)
    assert "auth fails its availability [resolved]" in titles(it)
    resolved = next(one for one in it.said(Kind.INCIDENT_MOVED) if one.focus == "auth")
    heard = it.said(Kind.INCIDENT_HEARD)
    assert [one.focus for one in heard] == ["checkout"]
    assert 0 <= heard[0].at - resolved.at <= 20_000
    assert "nobody was told until now: suppressed: auth" in heard[0].reason
    assert heard[0].reason.endswith("; auth is well again, and this fails still")
    assert [one for one in titles(it) if "search" in one] == []
    assert [one for one in titles(it) if "checkout" in one] == ["checkout fails its availability [opened]"]


def test_a_symptom_that_is_seen_a_moment_before_its_cause_waits_for_it() -> None:
    it = rig(("checkout", "auth"), ("auth", ""))
    fail(it, "checkout")
    it.seconds(1)
    fail(it, "auth")
    it.seconds(90)
    assert titles(it) == ["auth fails its availability [opened]"]


def test_focuses_that_need_each_other_page_once_and_not_never() -> None:
    it = rig(("a", "b"), ("b", "c"), ("c", "a"))
    fail(it, "a", "b", "c")
    it.seconds(90)
    (told,) = titles(it)
    first = incident(it, told[0])
    assert {incident(it, name).cause for name in "abc" if name != told[0]} == {first.id}


def test_a_cause_that_began_after_the_symptom_explains_nothing() -> None:
    it = rig(("checkout", "auth"), ("auth", ""))
    fail(it, "checkout")
    it.seconds(240)
    fail(it, "auth")
    it.seconds(90)
    assert sorted(titles(it)) == [
        "auth fails its availability [opened]",
        "checkout fails its availability [opened]",
    ]
    assert not incident(it, "checkout").cause


def test_a_silenced_cause_does_not_silence_those_who_suffer_from_it() -> None:
    it = rig(("checkout", "auth"), ("auth", ""))
    assert isinstance(it.ask(AddSilence("works", "auth", for_ms=HOUR)), Done)
    fail(it, "auth", "checkout")
    it.seconds(90)
    assert titles(it) == ["checkout fails its availability [opened]"]


# -- noise -------------------------------------------------------------------------------------------------------------


def test_what_flaps_is_one_incident_that_needs_longer_to_be_over_each_time() -> None:
    it = rig(("auth", ""))
    for _ in range(3):
        fail(it, "auth")
        it.seconds(60)
        fail(it, "auth", share=NONE)
        it.seconds(660)
    found = incident(it, "auth")
    assert found.relapses == 1, "the second time it had to be calm for ten minutes, and was not"
    assert titles(it) == [
        "auth fails its availability [opened]",
        "auth fails its availability [resolved]",
        "auth fails its availability [failing again]",
    ]


def test_a_policy_says_how_many_pages_an_hour_wake_people() -> None:
    for most in (1, 3):
        it = rig(("auth", ""), more=f", pagesPerHour: {most}")
        fail(it, "auth", share=Fraction(1, 4))
        it.seconds(60)
        for _ in range(5):
            it.ask(AddSilence("r", "auth", for_ms=MINUTE * 2))
            it.seconds(1)
            it.ask(EndSilence(list(it.world.silences)[-1]))
            it.seconds(1)
        (why,) = [one.reason for one in it.said(Kind.PAGES_HELD)]
        assert why.startswith(f"{most} pages within an hour")
        assert len([one for one in titles(it) if "too many" not in one]) == most


def test_above_so_many_pages_an_hour_the_rest_is_gathered_and_told_once() -> None:
    it = rig(("auth", ""))
    fail(it, "auth", share=Fraction(1, 4))
    it.seconds(60)
    key = incident(it, "auth").id
    for number in range(20):
        it.ask(AddSilence("r", "auth", for_ms=MINUTE * 2))
        it.seconds(1)
        for one in list(it.world.silences.values()):
            if not one.over(it.at):
                it.ask(EndSilence(one.id))
        it.seconds(1)
        assert incident(it, "auth").id == key, number
    told = titles(it)
    assert len(told) == 11
    assert told[-1].endswith("too many messages")
    assert len(it.said(Kind.PAGES_HELD)) == 1
    it.turn(after_ms=HOUR)
    it.seconds(2)
    assert [one for one in titles(it) if one.startswith("auth: 12 more messages in")]


# -- tenants -----------------------------------------------------------------------------------------------------------


def test_grouped_by_tenant_each_tenant_that_fails_has_its_incident_and_many_have_one() -> None:
    it = rig(("auth", ""), more=", groupBy: tenant")
    bad = Load("auth", per_second=10, tenants=1, failing={"": ALL}, reporters=("edge-2",))
    it.loads.append(bad)
    it.seconds(60)
    (found,) = it.world.incidents.values()
    assert (found.tenant, found.title) == ("t0", "auth fails its availability for tenant=t0")
    it.loads[0].failing[""] = ALL
    it.seconds(60)
    stages = {one.tenant: one.stage for one in it.world.incidents.values()}
    assert stages == {"t0": Stage.RESOLVED, "": Stage.OPEN}


# -- nobody acknowledges -----------------------------------------------------------------------------------------------


def test_what_nobody_acknowledges_goes_to_the_next_ones_step_by_step_and_survives_a_restart() -> None:
    it = rig(("auth", ""))
    fail(it, "auth")
    it.seconds(60)
    it.seconds(545)
    assert titles(it, "second") == []
    it.world = revive(preserve(it.world))
    it.seconds(60)
    assert titles(it, "second") == ["auth fails its availability [nobody has acknowledged it for 10m]"]
    it.seconds(1200)
    assert [one.url for one in it.sent if "30m" in one.title] == ["env:PLATFORM"]
    assert [one.body["step"] for one in it.said(Kind.INCIDENT_ESCALATED)] == [1, 2]


def test_an_acknowledged_or_silenced_incident_is_not_escalated() -> None:
    for quiet in (True, False):
        it = rig(("auth", ""))
        fail(it, "auth")
        it.seconds(60)
        it.ask(AckIncident(incident(it, "auth").id) if quiet else AddSilence("r", "auth", for_ms=HOUR))
        it.seconds(700)
        assert titles(it, "second") == []
