"""Pagers that keep a state of their own follow an incident: that it began, that somebody has it, that it is over."""

from dataclasses import replace

from tests.plane.night import fail, incident, rig, titles
from tests.plane.test_foreign_alerts import quiet, sent, take, told

from focusplane.act.effect import Event
from focusplane.act.fact import Kind
from focusplane.act.foreign import Sent, Via
from focusplane.act.incident import Stage
from focusplane.act.request import AckIncident, AddSilence, EndSilence, ResolveIncident
from focusplane.kernel.tick import MINUTE
from focusplane.testing.rig import Rig

BEGUN, TAKEN, OVER = (Event.TRIGGER, False), (Event.ACKNOWLEDGE, True), (Event.RESOLVE, False)
OVER_UNHEARD = (Event.RESOLVE, True)


def events(it: Rig, channel: str, url: str = "") -> list[tuple[Event, bool]]:
    """What a channel got, in order: (event, whether nobody hears of it)."""
    return [(one.event, one.quiet) for one in it.notified if one.channel == channel and url in one.url]


def failing() -> tuple[Rig, Sent]:
    it, alert = quiet(), sent()
    take(it, alert, via=Via.WEBHOOK)
    return it, alert


def over(it: Rig, alert: Sent) -> None:
    take(it, replace(alert, resolved=True), via=Via.WEBHOOK)
    it.seconds(1)
    assert told(it)[0].stage is Stage.RESOLVED


def test_a_pager_follows_that_somebody_has_it_and_that_it_is_over() -> None:
    it, alert = failing()
    it.turn(after_ms=11 * MINUTE)
    it.ask(AckIncident(told(it)[0].id))
    over(it, alert)
    assert events(it, "pager", "env:PAGER") == [BEGUN, TAKEN, OVER]
    assert events(it, "second") == [BEGUN, TAKEN, OVER], (
        "who was told by the escalation hears of the end, too"
    )
    assert events(it, "pager", "PLATFORM") == [TAKEN, OVER_UNHEARD], "and who was not hears nothing"
    assert {one.about for one in it.notified} == {told(it)[0].id}


def test_what_a_person_resolves_is_over_for_the_pager_and_nobody_else_is_told() -> None:
    it = rig(("auth", ""))
    fail(it, "auth")
    it.seconds(60)
    heard = len(it.sent)
    it.ask(ResolveIncident(incident(it, "auth").id, "a false alarm"))
    assert events(it, "pager", "env:PAGER") == [BEGUN, OVER_UNHEARD]
    assert len(it.sent) == heard


def test_an_end_that_is_held_back_among_too_many_messages_reaches_the_pager() -> None:
    it, alert = failing()
    for _ in range(12):
        it.ask(AddSilence("r", "checkout", for_ms=MINUTE * 2))
        for one in [each for each in it.world.silences.values() if not each.over(it.at)]:
            it.ask(EndSilence(one.id))
    assert len(it.said(Kind.PAGES_HELD)) == 1
    over(it, alert)
    assert not [title for title in titles(it) if "resolved" in title]
    assert events(it, "pager", "env:PAGER")[-1] == OVER_UNHEARD


def test_a_pager_never_hears_late_that_somebody_has_what_fails_again() -> None:
    it, alert = failing()
    it.seconds(1)
    it.mute = True
    it.ask(AckIncident(told(it)[0].id))
    it.seconds(2)
    over(it, alert)
    take(it, alert, via=Via.WEBHOOK)
    it.seconds(1)
    (found,) = told(it)
    assert (found.stage, found.acked_by) == (Stage.OPEN, "")
    heard = events(it, "pager", "env:PAGER").count(TAKEN)
    it.mute = False
    it.turn(after_ms=10 * MINUTE)
    it.seconds(2)
    assert events(it, "pager", "env:PAGER").count(TAKEN) == heard
    assert events(it, "pager", "env:PAGER")[-1] == BEGUN


def test_a_page_that_reached_nobody_is_not_sent_late_for_what_somebody_has() -> None:
    it = quiet()
    it.mute = True
    take(it, sent(), via=Via.WEBHOOK)
    it.seconds(2)
    it.ask(AckIncident(told(it)[0].id))
    it.mute = False
    it.turn(after_ms=9 * MINUTE)
    it.seconds(2)
    assert events(it, "pager", "env:PAGER").count(BEGUN) == 1


def test_nobody_is_told_of_what_was_never_paged() -> None:
    it = quiet()
    it.ask(AddSilence("at work", "checkout", for_ms=60 * MINUTE))
    alert = sent()
    take(it, alert, via=Via.WEBHOOK)
    it.ask(AckIncident(told(it)[0].id))
    over(it, alert)
    assert it.notified == []
