"""PagerDuty's Events API v2, played by a receiver that answers as it does; what it keeps is the state of each alert."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.pagerduty import DOES, KEY, Pager, pagers

from focusplane.act.effect import Event, Notify
from focusplane.define.slo import Level
from focusplane.edge.channels import Channels
from focusplane.edge.channels.pagerduty import event
from focusplane.kernel.errors import UnreachableError

OPENED = Notify(
    "ntf-1",
    "checkout",
    "pager",
    "",
    "checkout fails its availability [opened]",
    "burns at 40x",
    "inc-7",
    about="inc-7",
    event=Event.TRIGGER,
    level=Level.PAGE,
)


@pytest.fixture
def pager() -> Iterator[Pager]:
    with pagers() as server:
        yield server


def send(pager: Pager, notify: Notify, key: str = KEY) -> bool:
    return asyncio.run(Channels().send(replace(notify, url=pager.channel.replace(KEY, key))))


def test_an_incident_is_one_alert_that_ends_with_it(pager: Pager) -> None:
    for told in (Event.TRIGGER, Event.TRIGGER, Event.ACKNOWLEDGE, Event.RESOLVE):
        assert send(pager, replace(OPENED, event=told, quiet=told is Event.ACKNOWLEDGE))
        assert pager.alerts == {"focusplane:checkout:inc-7": DOES[told]}
    assert pager.taken[0]["payload"] == {
        "summary": "checkout fails its availability [opened]",
        "source": "focusplane",
        "severity": "critical",
        "component": "checkout",
        "class": "page",
        "custom_details": {"why": "burns at 40x", "focus": "checkout", "about": "inc-7"},
    }


def test_what_only_tells_more_of_an_open_alert_is_not_sent_and_what_stands_alone_is(pager: Pager) -> None:
    assert not send(pager, replace(OPENED, event=Event.NEWS))
    assert pager.taken == []
    alone = replace(OPENED, key="ntf-2", event=Event.NEWS, incident="", about="roll-1", level=Level.NONE)
    assert send(pager, alone)
    assert pager.alerts == {"focusplane:checkout:ntf-2": "triggered"}


@pytest.mark.parametrize("status", [400, 429, 500, 301])
def test_what_is_not_taken_is_an_error_that_holds_no_key(pager: Pager, status: int) -> None:
    pager.status = status
    with pytest.raises(UnreachableError, match=f"PagerDuty answered {status}") as error:
        send(pager, OPENED)
    assert KEY not in error.value.what + error.value.hint


def test_a_wrong_key_and_a_dead_receiver_are_told_apart(pager: Pager) -> None:
    with pytest.raises(UnreachableError, match="answered 400") as error:
        send(pager, OPENED, "other")
    assert "integration key" in error.value.hint
    with pytest.raises(UnreachableError, match="gave no answer"):
        asyncio.run(Channels().send(replace(OPENED, url=f"pagerduty://{KEY}?url=http://127.0.0.1:9/")))


@pytest.mark.parametrize(
    "url", ["pagerduty://", f"pagerduty://{KEY}?region=mars", f"pagerduty://{KEY}?url=file:///etc/passwd"]
)
def test_what_is_no_address_is_said(url: str) -> None:
    with pytest.raises(UnreachableError, match="no address of PagerDuty"):
        asyncio.run(Channels().send(replace(OPENED, url=url)))


def test_the_form_of_apprise_is_understood_and_everything_is_bounded(pager: Pager) -> None:
    assert send(pager, OPENED, f"{KEY}@apikey")
    long = event(KEY, replace(OPENED, title="x" * 5000, body="y" * 90_000, about="z" * 400))
    assert len(long["payload"]["summary"]) == 1024
    assert len(long["payload"]["custom_details"]["why"]) == 20_000
    assert len(long["dedup_key"]) == 255


def test_a_channel_of_words_hears_nothing_of_a_state() -> None:
    quiet = replace(OPENED, url="json://127.0.0.1:9/hook", quiet=True, event=Event.ACKNOWLEDGE)
    assert not asyncio.run(Channels().send(quiet))
