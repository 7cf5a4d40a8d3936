"""After an incident is over: people look back at it, and close it with what came of that."""

from tests.plane.night import NONE, fail, incident, rig

from focusplane.act.fact import Kind
from focusplane.act.incident import Incident, Stage
from focusplane.act.request import CloseIncident, Done, Refused, ReviewIncident
from focusplane.testing.rig import Rig


def over() -> tuple[Rig, Incident]:
    """A failure of a minute that has ended."""
    it = rig(("auth", ""))
    fail(it, "auth")
    it.seconds(60)
    fail(it, "auth", share=NONE)
    it.seconds(660)
    return it, incident(it, "auth")


def test_an_incident_that_is_over_is_reviewed_and_closed_with_what_came_of_it() -> None:
    it, found = over()
    assert isinstance(it.ask(ReviewIncident(found.id), "ana"), Done)
    assert (incident(it, "auth").stage, incident(it, "auth").reviewed_by) == (Stage.REVIEW, "ana")
    assert isinstance(it.ask(CloseIncident(found.id, "a slower first step"), "bo"), Done)
    closed = incident(it, "auth")
    assert (closed.stage, closed.reviewed_by, closed.conclusion) == (
        Stage.CLOSED,
        "ana",
        "a slower first step",
    )
    moved = [(one.body["stage"], one.body["by"], one.reason) for one in it.said(Kind.INCIDENT_MOVED)[-2:]]
    assert moved == [("review", "ana", "review by ana"), ("closed", "bo", "a slower first step")]


def test_nothing_is_closed_without_a_word_and_nothing_is_reviewed_that_still_fails() -> None:
    it, found = over()
    for reason in ("", "  "):
        answer = it.ask(CloseIncident(found.id, reason))
        assert isinstance(answer, Refused)
        assert (answer.code, found.id in answer.hint) == ("usage", True)
    assert incident(it, "auth").stage is Stage.RESOLVED
    live = rig(("auth", ""))
    fail(live, "auth")
    live.seconds(60)
    for ask in (
        ReviewIncident(incident(live, "auth").id),
        CloseIncident(incident(live, "auth").id, "nothing"),
    ):
        answer = live.ask(ask)
        assert isinstance(answer, Refused)
        assert answer.code == "conflict"


def test_what_fails_again_reopens_an_incident_under_review_and_never_one_that_was_closed() -> None:
    for close in (False, True):
        it, found = over()
        it.ask(ReviewIncident(found.id), "ana")
        if close:
            it.ask(CloseIncident(found.id, "it was the network"))
        it.seconds(90)
        fail(it, "auth")
        it.seconds(60)
        stages = {one.id: one.stage for one in it.world.incidents.values()}
        assert stages.pop(found.id) is (Stage.CLOSED if close else Stage.OPEN)
        assert list(stages.values()) == [Stage.OPEN] * close
        if not close:
            again = it.world.incidents[found.id]
            assert (again.relapses, again.reviewed_by) == (1, "")
