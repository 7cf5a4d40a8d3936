"""What can wait has a beginning and an end, and its own route."""

from fractions import Fraction

from tests.plane.night import NONE, fail, rig, titles

from focusplane.act.request import AddSilence, EndSilence
from focusplane.kernel.tick import HOUR

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
