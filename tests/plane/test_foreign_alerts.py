"""Alerts of other systems: they open incidents, hold them open, and end them, also where nothing is counted."""

from dataclasses import replace

from tests.plane.night import FOCUS, TEAMS, titles

from focusplane.act.fact import Kind
from focusplane.act.foreign import Sent, Via
from focusplane.act.incident import Incident, Stage
from focusplane.act.request import AddSilence, Done, ResolveIncident, TakeAlerts
from focusplane.kernel.tick import HOUR, MINUTE, SECOND
from focusplane.plane.arrows import foreign
from focusplane.plane.queries import live_alerts
from focusplane.plane.queries.outgoing import outgoing
from focusplane.plane.snapshot import preserve, revive
from focusplane.testing.rig import Rig
from focusplane.wire.alerts_json import fingerprint


def quiet() -> Rig:
    """A focus of which nothing has ever been counted."""
    made = Rig({"shop.yaml": FOCUS % ("checkout", "", "") + TEAMS})
    made.seconds(1)
    return made


def sent(resolved: bool = False, ends: int = 0, starts: int = 0, **labels: str) -> Sent:
    named = {"alertname": "HighErrors", "focus_id": "checkout", "severity": "critical", **labels}
    named = {key: value for key, value in named.items() if value}
    return Sent(fingerprint(named), named, {"summary": "many fail"}, starts, ends, "", resolved)


def take(it: Rig, *alerts: Sent, via: Via = Via.POSTED, environment: str = "") -> Done:
    said = it.ask(TakeAlerts(alerts, via, environment))
    assert isinstance(said, Done)
    return said


def told(it: Rig) -> list[Incident]:
    return [one for one in it.world.incidents.values() if one.episode.startswith("alert ")]


def test_an_alert_opens_an_incident_once_holds_it_open_and_ends_it_where_nothing_is_counted() -> None:
    it = quiet()
    began = it.world.tick.at - MINUTE
    for _ in range(10):
        take(it, sent(starts=began, ends=it.world.tick.at + 2 * MINUTE))
        it.seconds(60)
    (found,) = told(it)
    assert (found.stage, found.first_bad_at, found.title) == (Stage.OPEN, began, "checkout: HighErrors")
    assert len(it.said(Kind.ALERT_FIRES)) == 1
    take(it, sent(resolved=True, starts=began))
    assert told(it)[0].stage is Stage.RESOLVED
    assert titles(it) == ["checkout: HighErrors [opened]", "checkout: HighErrors [resolved]"]
    assert it.said(Kind.INCIDENT_MOVED)[-1].reason == "its sender says that it is over"


def test_what_is_not_said_again_is_over_and_what_comes_back_soon_is_the_same_incident() -> None:
    it = quiet()
    take(it, sent())
    it.seconds(4 * 60)
    assert told(it)[0].stage is Stage.OPEN
    it.seconds(61)
    assert told(it)[0].stage is Stage.RESOLVED
    assert it.said(Kind.INCIDENT_MOVED)[-1].reason == "it was not said again in time"
    take(it, sent())
    (found,) = told(it)
    assert (found.stage, found.relapses) == (Stage.OPEN, 1)


def test_an_alert_of_a_webhook_stands_until_an_alertmanager_repeats_it_and_is_not_sent_back_to_one() -> None:
    it = quiet()
    take(it, sent(), via=Via.WEBHOOK)
    it.seconds(60)
    at = it.world.tick.at
    assert it.world.alerts[sent().fingerprint].until > at + 4 * HOUR
    assert outgoing(it.world, at, "") == []
    it = quiet()
    take(it, sent())
    (back,) = outgoing(it.world, it.world.tick.at, "")
    assert (back["labels"]["alertname"], back["labels"]["severity"]) == ("FocusAlert", "critical")


def test_what_we_said_ourselves_comes_back_and_is_no_news() -> None:
    it = quiet()
    take(it, sent())
    (back,) = outgoing(it.world, it.world.tick.at, "")
    labels = dict(back["labels"])
    own = Sent(fingerprint(labels), labels)
    said = take(it, own, sent(alertname="Watchdog"), via=Via.WEBHOOK)
    assert said.body["own"] == 2
    assert (len(told(it)), len(it.world.alerts)) == (1, 1)


def test_only_what_calls_itself_critical_wakes_people() -> None:
    for severity, channel in (
        ("critical", "pager"),
        ("page", "pager"),
        ("warning", "tracker"),
        ("info", "mail"),
        ("", "mail"),
    ):
        it = quiet()
        take(it, sent(severity=severity))
        assert [one.channel for one in it.sent] == [channel], severity


def test_a_person_who_says_that_it_is_over_is_believed_until_it_begins_anew() -> None:
    it = quiet()
    take(it, sent())
    it.seconds(1)
    it.ask(ResolveIncident(told(it)[0].id))
    take(it, sent())
    it.seconds(30)
    assert [one.stage for one in told(it)] == [Stage.RESOLVED]
    take(it, sent(resolved=True))
    it.seconds(1)
    take(it, sent())
    assert [one.stage for one in told(it)] == [Stage.OPEN]


def test_an_alert_without_a_focus_is_counted_once_and_named() -> None:
    it = quiet()
    for _ in range(3):
        take(it, sent(focus_id=""), sent(focus_id="", service="nobody"), sent(focus_id="gone"))
    assert told(it) == []
    assert {key: count for key, count in it.world.unused.items() if "alert" in key} == {
        "/alert 'HighErrors' belongs to no focus: it has no label focus_id, focus or service": 1,
        "/alert 'HighErrors' belongs to no focus: no focus_id, and no boundary names service 'nobody' in production": 1,
        "/alert 'HighErrors' belongs to no focus: focus_id names no declared focus": 1,
    }


def test_a_token_bound_to_another_environment_alerts_nobody_of_this_one() -> None:
    it = quiet()
    take(it, sent(environment="production"), environment="staging")
    assert told(it) == []


def test_too_many_alerts_are_not_taken_and_that_is_said() -> None:
    it = quiet()
    many = tuple(sent(focus_id="", instance=str(number)) for number in range(foreign.MOST + 5))
    assert take(it, *many).body["beyond"] == 5
    assert len(it.world.alerts) == foreign.MOST
    take(it, *(replace(one, resolved=True) for one in many))
    it.seconds(1)
    assert take(it, sent()).body["beyond"] == 0
    it.seconds(21 * 60)
    assert it.world.alerts == {}, "what is over is forgotten"


def test_a_silence_mutes_an_alert_of_another_system_which_is_then_shown_as_suppressed() -> None:
    it = quiet()
    made = it.ask(AddSilence("we are at it", "checkout", for_ms=HOUR))
    assert isinstance(made, Done)
    take(it, sent())
    assert titles(it) == []
    (row,) = live_alerts(it.world)
    assert row["status"] == {"state": "suppressed", "silencedBy": [made.subject], "inhibitedBy": []}


def test_alerts_survive_a_snapshot_and_the_journal_tells_them_again() -> None:
    it = quiet()
    take(it, sent(ends=it.world.tick.at + HOUR))
    again = revive(preserve(it.world))
    assert again.alerts == it.world.alerts
    it.world = again
    it.seconds(2 * MINUTE // SECOND)
    assert [one.stage for one in told(it)] == [Stage.OPEN]
