"""What can wait has a beginning and an end, and its own route."""

from fractions import Fraction

from tests.plane.night import NONE, fail, rig, titles

from focusplane.act.fact import Kind
from focusplane.act.request import AddSilence, EndSilence
from focusplane.kernel.tick import HOUR
from focusplane.plane.arrival import PolicyRead

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


def test_a_silence_for_a_tenant_is_one_for_its_tickets_too() -> None:
    it = rig(("auth", ""), more=TABLE)
    it.loads[0].per_second = 200
    by = {"shop.yaml": it.files["shop.yaml"].replace("window: 30d,", "window: 30d, by: tenant,")}
    it.turn(PolicyRead(by, "2026-01-01"))
    it.ask(AddSilence("their own doing", "auth", tenant="t0", for_ms=HOUR))
    it.loads[0].failing_tenants["t0"] = Fraction(1, 150)
    it.seconds(300)
    (hushed,) = [one.hushed for one in it.world.tickets.values() if one.group == "tenant=t0"]
    assert "their own doing" in hushed
    assert titles(it, "tracker") == []


def test_a_ticket_of_a_group_or_a_focus_that_is_no_more_ends_and_none_is_kept_for_ever() -> None:
    it = rig(("auth", ""), ("shop", ""), more=TABLE)
    before = it.files["shop.yaml"]
    grouped = before.replace("window: 30d,", "window: 30d, by: tenant,")
    it.turn(PolicyRead({"shop.yaml": grouped}, "2026-01-01"))
    for load in it.loads:
        load.per_second = 200
    it.loads[0].failing_tenants["t0"] = Fraction(1, 150)
    fail(it, "shop", share=Fraction(1, 150))
    it.seconds(300)
    assert {one.focus for one in it.world.tickets.values() if not one.closed_at} == {"auth", "shop"}
    gone = before.split("---")
    tombstone = "\n---\napiVersion: focusplane/v1\nkind: Removed\nmetadata: {name: shop}\n"
    kept = "---".join(part for part in gone if "name: shop," not in part)
    it.turn(PolicyRead({"shop.yaml": kept + tombstone}, "2026-01-01"))
    assert not it.world.policies.refused
    it.seconds(2)
    assert not it.world.tickets
    assert sorted(fact.body["news"] for fact in it.said(Kind.TICKET_MOVED)) == ["over"] * 2
