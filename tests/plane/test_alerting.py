"""Who is told what, when and how often: silences, causes, escalation, tickets, noise; nothing that burns is hidden."""

from fractions import Fraction

from focusplane.act.fact import Kind
from focusplane.act.incident import Incident, Stage
from focusplane.act.request import AckIncident, AddSilence, Done, EndSilence, Refused
from focusplane.kernel.tick import DAY, HOUR, MINUTE
from focusplane.plane.recover import empty
from focusplane.plane.snapshot import preserve, revive
from focusplane.plane.step import step
from focusplane.testing.rig import Load, Rig

FOCUS = """
---
apiVersion: focusplane/v1
kind: Focus
metadata: {name: %s, labels: {product: shop}}
spec:
  owner: payments
  dependsOn: [%s]
  objectives:
    - {name: availability, target: 99.9%%, window: 30d, sli: {bad: {status: 5xx}}}
  alerts: {page: [pager], ticket: [tracker], review: [mail]%s}
"""
TEAMS = """
---
apiVersion: focusplane/v1
kind: Team
metadata: {name: payments}
spec:
  channels: {pager: {url: "env:PAGER"}, second: {url: "env:SECOND"}, tracker: {url: "env:TRACKER"}, mail: {url: "env:MAIL"}}
  escalation: [{after: 10m, channels: [second]}, {after: 30m, team: platform, channels: [pager]}]
---
apiVersion: focusplane/v1
kind: Team
metadata: {name: platform}
spec: {channels: {pager: {url: "env:PLATFORM"}}}
"""
ALL = Fraction(1)
NONE = Fraction(0)


def rig(*focuses: tuple[str, str], more: str = "", tenants: int = 10) -> Rig:
    """Focuses with what they depend on, healthy for two minutes."""
    text = "".join(FOCUS % (name, needs, more) for name, needs in focuses) + TEAMS
    made = Rig({"shop.yaml": text})
    for name, _ in focuses:
        made.loads.append(Load(name, per_second=20, tenants=tenants))
    made.seconds(120)
    return made


def fail(it: Rig, *names: str, share: Fraction = ALL) -> None:
    for load in it.loads:
        if load.focus in names:
            load.failing[""] = share


def titles(it: Rig, channel: str = "pager") -> list[str]:
    return [one.title for one in it.sent if one.channel == channel]


def incident(it: Rig, focus: str) -> Incident:
    (found,) = [one for one in it.world.incidents.values() if one.focus == focus]
    return found


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


# -- silences ----------------------------------------------------------------------------------------------------------


def test_a_silenced_failure_opens_silently_with_the_reason_and_the_budget_burns_on() -> None:
    it = rig(("auth", ""))
    said = it.ask(AddSilence("database move", "auth", for_ms=HOUR))
    assert isinstance(said, Done)
    fail(it, "auth")
    it.seconds(90)
    assert it.sent == []
    found = incident(it, "auth")
    assert (found.hushed_by, "database move" in found.hushed) == (said.subject, True)
    assert it.world.health["auth/availability"].budget.left < 1  # type: ignore[union-attr]
    assert it.said(Kind.SILENCED)[0].body["by"] == "ana"


def test_when_a_silence_ends_and_it_still_fails_somebody_is_paged_and_when_it_has_ended_nobody_is() -> None:
    it = rig(("auth", ""), ("search", ""))
    for name in ("auth", "search"):
        it.ask(AddSilence("works", name, for_ms=5 * MINUTE))
    fail(it, "auth", "search")
    it.seconds(120)
    fail(it, "search", share=NONE)
    it.seconds(240)
    assert titles(it) == ["auth fails its availability [opened]"]
    assert [one.focus for one in it.said(Kind.SILENCE_ENDED)] == ["auth", "search"]


def test_ending_a_silence_by_hand_tells_at_once_what_it_hid() -> None:
    it = rig(("auth", ""))
    said = it.ask(AddSilence("works", "auth", for_ms=HOUR))
    fail(it, "auth")
    it.seconds(90)
    assert isinstance(it.ask(EndSilence(said.subject)), Done)  # type: ignore[union-attr]
    assert titles(it) == ["auth fails its availability [opened]"]
    assert isinstance(it.ask(EndSilence(said.subject)), Refused)  # type: ignore[union-attr]


def test_what_is_graver_than_the_silence_is_told() -> None:
    it = rig(("auth", ""))
    it.ask(AddSilence("works", "auth", level="act", for_ms=HOUR))
    fail(it, "auth", share=Fraction(1, 25))
    it.seconds(420)
    assert (titles(it), incident(it, "auth").level.name) == ([], "ACT")
    fail(it, "auth")
    it.seconds(120)
    assert titles(it) == ["auth fails its availability [opened]"]


def test_a_silence_for_failures_does_not_hide_that_nothing_is_seen_unless_it_says_so() -> None:
    for blindness, wanted in ((False, ["auth cannot be seen [opened]"]), (True, [])):
        it = rig(("auth", ""))
        it.ask(AddSilence("works", "auth", for_ms=HOUR, blindness=blindness))
        it.loads[0].silent.add("")
        it.seconds(120)
        assert titles(it) == wanted


def test_a_silence_for_one_objective_or_tenant_hides_no_other() -> None:
    it = rig(("auth", ""))
    it.ask(AddSilence("works", "auth", tenant="t3", for_ms=HOUR))
    fail(it, "auth")
    it.seconds(60)
    assert titles(it) == ["auth fails its availability [opened]"]


def test_the_length_and_the_breadth_of_a_silence_are_bounded() -> None:
    it = rig(("auth", ""), ("search", ""))
    for ask, role, code in (
        (AddSilence("r", "auth", for_ms=8 * DAY), "operator", "refused"),
        (AddSilence("r", "auth", for_ms=91 * DAY), "admin", "usage"),
        (AddSilence("r", "auth"), "admin", "usage"),
        (AddSilence("r", "auth", for_ms=HOUR, until=it.at + HOUR), "admin", "usage"),
        (AddSilence("r", "auth", until=it.at - HOUR), "admin", "usage"),
        (AddSilence(" ", "auth", for_ms=HOUR), "admin", "usage"),
        (AddSilence("r", "auth", for_ms=HOUR, level="loud"), "admin", "usage"),
        (AddSilence("r", "nowhere", for_ms=HOUR), "admin", "not-found"),
        (AddSilence("r", "auth", objective="speed", for_ms=HOUR), "admin", "not-found"),
        (AddSilence("r", labels={"product": "bank"}, for_ms=HOUR), "admin", "not-found"),
        (AddSilence("r", labels={"product": "shop"}, for_ms=HOUR), "operator", "refused"),
        (AddSilence("r", for_ms=HOUR), "operator", "refused"),
    ):
        said = it.ask(ask, role=role)
        assert isinstance(said, Refused), ask
        assert said.code == code, ask
    assert not it.world.silences
    said = it.ask(AddSilence("r", for_ms=8 * DAY))
    assert isinstance(said, Done)
    assert said.body["warning"] == "it covers 2 focuses"


def test_before_a_silence_ends_its_focus_hears_of_it_once_with_what_still_fails() -> None:
    it = rig(("auth", ""))
    it.ask(AddSilence("works", "auth", for_ms=40 * MINUTE))
    fail(it, "auth")
    it.seconds(60)
    it.turn(after_ms=29 * MINUTE)
    it.seconds(30)
    (notice,) = [one for one in it.sent if one.channel == "tracker"]
    assert "ends in" in notice.title
    assert "still failing: auth" in notice.body


def test_silences_and_tickets_survive_a_snapshot_and_a_replay() -> None:
    it = rig(("auth", ""))
    it.ask(AddSilence("works", "auth", {"product": "shop"}, for_ms=HOUR))
    fail(it, "auth", share=Fraction(1, 20))
    it.seconds(60)
    back = revive(preserve(it.world))
    assert back.silences == it.world.silences
    assert back.incidents == it.world.incidents
    world, facts = empty(), []
    for turn in it.turns:
        made = step(world, turn.arrivals, turn.tick)
        world = made.world
        facts += made.facts
    assert facts == it.facts


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


# -- tickets -----------------------------------------------------------------------------------------------------------


TABLE = """, rules: [
    {level: ticket, burn: 2, windows: [5m, 1m]}, {level: review, burn: 8, windows: [5m, 1m]},
    {level: page, failing: 20%, windows: [1m, 10s]}]"""


def test_a_ticket_begins_gets_worse_and_ends_and_each_is_told_once_on_its_own_route() -> None:
    it = rig(("auth", ""), more=TABLE)
    fail(it, "auth", share=Fraction(1, 150))
    it.seconds(300)
    (ticket,) = it.world.tickets.values()
    assert (ticket.level.name, ticket.objective) == ("TICKET", "availability")
    assert titles(it, "tracker") == ["auth: availability burns (ticket) [opened]"]
    fail(it, "auth", share=Fraction(1, 50))
    it.seconds(240)
    assert titles(it, "mail") == ["auth: availability burns (review) [worse]"]
    fail(it, "auth", share=NONE)
    it.seconds(1300)
    assert titles(it, "mail")[1:] == ["auth: availability burns (review) [over]"]
    assert it.world.tickets["auth/availability"].closed_at
    assert titles(it) == []
    fail(it, "auth", share=Fraction(1, 150))
    it.seconds(300)
    assert len(titles(it, "tracker")) == 2, "a new episode is a new ticket"


def test_a_ticket_stays_open_while_its_objective_cannot_be_seen() -> None:
    it = rig(("auth", ""), more=TABLE)
    fail(it, "auth", share=Fraction(1, 150))
    it.seconds(300)
    it.loads[0].silent.add("")
    it.seconds(1300)
    assert not it.world.tickets["auth/availability"].closed_at


def test_a_silenced_ticket_is_kept_and_told_when_the_silence_is_over() -> None:
    it = rig(("auth", ""), more=TABLE)
    said = it.ask(AddSilence("works", "auth", level="ticket", for_ms=HOUR))
    fail(it, "auth", share=Fraction(1, 150))
    it.seconds(300)
    assert titles(it, "tracker") == []
    assert "works" in it.world.tickets["auth/availability"].hushed
    it.ask(EndSilence(said.subject))  # type: ignore[union-attr]
    assert titles(it, "tracker") == ["auth: availability burns (ticket) [opened]"]


def test_an_incident_tells_of_what_a_ticket_would() -> None:
    it = rig(("auth", ""))
    fail(it, "auth")
    it.seconds(200)
    assert not it.world.tickets


# -- planned work ------------------------------------------------------------------------------------------------------

CALENDAR = """
---
apiVersion: focusplane/v1
kind: Calendar
metadata: {name: backup}
spec:
  focuses: [auth]
  windows: [{start: 2026-01-01T00:03, for: 10m}]
  reason: backup of the ledger
  author: ana@example.org
  expires: 2026-03-31
  alerts: suppress
"""


def test_planned_work_suppresses_pages_while_it_lasts_and_what_fails_beyond_it_is_told() -> None:
    it = Rig({"shop.yaml": FOCUS % ("auth", "", "") + TEAMS + CALENDAR})
    it.loads.append(Load("auth", per_second=20, tenants=10))
    it.seconds(181)
    fail(it, "auth")
    it.seconds(500)
    assert titles(it) == []
    assert "planned work backup of ana@example.org until 2026-01-01 00:13Z" in incident(it, "auth").hushed
    it.seconds(120)
    assert titles(it) == ["auth fails its availability [opened]"]
