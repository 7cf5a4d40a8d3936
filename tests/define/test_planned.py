"""Planned work: calendars are read, held, told apart, and take place when the wall clock says so."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from focusplane.define.canonical import digest_of
from focusplane.define.diff import diff
from focusplane.define.focus import Focus, PolicySet
from focusplane.define.load import Loaded, load
from focusplane.define.merge import merge
from focusplane.define.occurrences import covering, planned, spans
from focusplane.define.overlay import overlay
from focusplane.define.planned import WorkAlerts, WorkBudget, WorkCalendar, WorkWindow
from focusplane.kernel.tick import DAY, HOUR
from focusplane.wire import codec

CALENDAR = """
apiVersion: focusplane/v1
kind: Calendar
metadata: {name: nightly-backup}
spec:
  focuses: [checkout]
  windows: [{start: 2026-11-01T02:00, for: 1h, timezone: Europe/Berlin, rrule: "FREQ=WEEKLY;BYDAY=SU"}]
  reason: backup of the ledger
  author: ana@example.org
  expires: 2027-03-20
  alerts: suppress
  budget: exclude
"""


def read(checkout: str, calendar: str = CALENDAR) -> Loaded:
    return load({"calendar.yaml": calendar, "focus.yaml": checkout})


def codes(loaded: Loaded) -> list[str]:
    return [problem.code for problem in loaded.problems if problem.path == "calendar.yaml"]


def ms(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 1000


def begins(window: WorkWindow, expires: str) -> list[str]:
    zone = ZoneInfo(window.timezone)
    return [
        f"{datetime.fromtimestamp(since / 1000, zone):%Y-%m-%dT%H:%M%z}"
        for since, _ in spans(window, expires)
    ]


def test_a_calendar_is_read_whole(checkout: str) -> None:
    loaded = read(checkout)
    assert codes(loaded) == []
    window = WorkWindow("2026-11-01T02:00:00", HOUR, "Europe/Berlin", "FREQ=WEEKLY;BYDAY=SU")
    assert loaded.policies.calendars["nightly-backup"] == WorkCalendar(
        "nightly-backup",
        (window,),
        "backup of the ledger",
        "ana@example.org",
        "2027-03-20",
        ("checkout",),
        {},
        WorkAlerts.SUPPRESS,
        WorkBudget.EXCLUDE,
    )


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("  expires: 2027-03-20\n", "", "D011"),
        ("  reason: backup of the ledger\n", "", "D011"),
        ("for: 1h", "for: 8d", "D260"),
        ("focuses: [checkout]", "alerts: keep", "D261"),
        ("focuses: [checkout]", "focuses: [checkout]\n  labels: {a: b}", "D261"),
        ("focuses: [checkout]", "focuses: [chekout]", "D102"),
        ("expires: 2027-03-20", "expires: 2026-03-31", "D262"),
        ("FREQ=WEEKLY;BYDAY=SU", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "D262"),
        ("2027-03-20", "2047-03-31", "D265"),
        ("FREQ=WEEKLY;BYDAY=SU", "FREQ=DAILY;BYHOUR=0,4,8,12,16,20;BYMINUTE=0,30", "D264"),
        ("for: 1h", "for: 25h", "D000"),
        ("FREQ=WEEKLY;BYDAY=SU", "FREQ=HOURLY", "D012"),
        ("FREQ=WEEKLY;BYDAY=SU", "FREQ=DAILY;INTERVAL=0", "D012"),
        ("FREQ=WEEKLY;BYDAY=SU", "FREQ=WEEKLY;BYDAY=XX", "D012"),
        ("FREQ=WEEKLY;BYDAY=SU", "FREQ=WEEKLY;UNTIL=20270101", "D012"),
        ("FREQ=WEEKLY;BYDAY=SU", "BYDAY=SU", "D012"),
        ("2026-11-01T02:00", "2026-11-31T02:00", "D012"),
        ("2026-11-01T02:00", "2026-11-01T02:00Z", "D012"),
        ("Europe/Berlin", "Europe/Berlim", "D012"),
        ("alerts: suppress", "alerts: off", "D014"),
    ],
)
def test_each_mistake_of_a_calendar_has_its_code(checkout: str, old: str, new: str, code: str) -> None:
    assert old in CALENDAR
    found = codes(read(checkout, CALENDAR.replace(old, new)))
    assert code in found if code != "D000" else not found


def test_more_occurrences_than_are_remembered_are_refused(checkout: str) -> None:
    text = CALENDAR.replace("FREQ=WEEKLY;BYDAY=SU", "FREQ=DAILY;BYHOUR=0,12").replace(
        "2027-03-20", "2032-12-31"
    )
    assert codes(read(checkout, text)) == ["D263"]


def test_a_start_that_the_clocks_jump_over_is_said(checkout: str) -> None:
    text = (
        CALENDAR.replace("start: 2026-11-01T02:00", "start: 2027-03-28T02:30")
        .replace("03-20", "03-31")
        .replace(', rrule: "FREQ=WEEKLY;BYDAY=SU"', "")
    )
    loaded = read(checkout, text)
    assert codes(loaded) == ["D265"]
    assert not loaded.refused


def test_a_weekly_window_keeps_its_wall_time_when_the_clocks_change() -> None:
    window = WorkWindow("2026-10-11T02:00:00", HOUR, "Europe/Berlin", "FREQ=WEEKLY;BYDAY=SU")
    assert begins(window, "2026-11-08") == [
        "2026-10-11T02:00+0200",
        "2026-10-18T02:00+0200",
        "2026-10-25T02:00+0200",
        "2026-11-01T02:00+0100",
        "2026-11-08T02:00+0100",
    ]


def test_a_start_that_comes_twice_is_the_first_and_one_that_is_skipped_is_moved_by_the_skip() -> None:
    twice = WorkWindow("2026-10-25T02:30:00", HOUR, "Europe/Berlin")
    skipped = WorkWindow("2026-03-29T02:30:00", HOUR, "Europe/Berlin")
    assert begins(twice, "2027-01-01") == ["2026-10-25T02:30+0200"]
    assert begins(skipped, "2027-01-01") == ["2026-03-29T03:30+0200"]


def test_the_length_of_work_is_real_time_also_while_the_clocks_change() -> None:
    for start in ("2026-03-29T01:30:00", "2026-10-25T01:30:00"):
        (since, until), *_ = spans(WorkWindow(start, 2 * HOUR, "Europe/Berlin"), "2027-01-01")
        assert until - since == 2 * HOUR


def test_half_an_hour_of_summer_time_and_a_day_that_never_was() -> None:
    lord_howe = WorkWindow("2026-10-04T02:15:00", HOUR, "Australia/Lord_Howe")
    apia = WorkWindow("2011-12-29T09:00:00", HOUR, "Pacific/Apia", "FREQ=DAILY;COUNT=3")
    assert begins(lord_howe, "2027-01-01") == ["2026-10-04T02:45+1100"]
    assert begins(apia, "2027-01-01") == ["2011-12-29T09:00-1000", "2011-12-31T09:00+1400"]


def test_the_last_sunday_of_a_month_and_the_31st_follow_the_rule() -> None:
    last = WorkWindow("2026-01-25T02:00:00", HOUR, "UTC", "FREQ=MONTHLY;BYDAY=-1SU")
    end = WorkWindow("2026-01-31T02:00:00", HOUR, "UTC", "FREQ=MONTHLY")
    assert [text[5:10] for text in begins(last, "2026-04-30")] == ["01-25", "02-22", "03-29", "04-26"]
    assert [text[5:10] for text in begins(end, "2026-06-30")] == ["01-31", "03-31", "05-31"]


def test_nothing_is_planned_after_the_day_of_expiry_and_work_under_way_ends_with_it() -> None:
    window = WorkWindow("2026-11-01T23:30:00", HOUR, "Europe/Berlin", "FREQ=DAILY")
    found = spans(window, "2026-11-03")
    assert len(found) == 3
    assert found[-1] == (ms("2026-11-03T23:30", "Europe/Berlin"), ms("2026-11-04T00:00", "Europe/Berlin"))


def focus(name: str = "checkout", **labels: str) -> Focus:
    return Focus(name, "payments", "", labels=labels)


def calendar(name: str = "backup", **changes: object) -> WorkCalendar:
    window = WorkWindow("2026-11-01T02:00:00", HOUR, "UTC", "FREQ=WEEKLY")
    base = {
        "windows": (window,),
        "reason": "r",
        "author": "a",
        "expires": "2027-03-20",
        "focuses": ("checkout",),
    }
    return WorkCalendar(name, **{**base, **changes})  # type: ignore[arg-type]


def test_work_covers_the_focuses_it_names_or_whose_labels_it_names_from_its_first_to_before_its_last_instant() -> (
    None
):
    by_name, by_label = calendar(), calendar("move", focuses=(), labels={"product": "shop"})
    begin = ms("2026-11-08T02:00")
    both = [by_name, by_label]
    assert [one.calendar for one in covering(both, focus(), begin)] == ["backup"]
    assert [one.calendar for one in covering(both, focus("auth", product="shop", tier="x"), begin)] == [
        "move"
    ]
    assert covering(both, focus("auth", product="mail"), begin) == ()
    assert covering(both, focus(), begin - 1) == ()
    assert covering(both, focus(), begin + HOUR) == ()
    assert len(covering(both, focus(), begin + HOUR - 1)) == 1


def test_all_work_in_a_span_is_found_in_order() -> None:
    since, until = ms("2026-11-01T02:30"), ms("2026-11-15T02:00")
    found = planned([calendar()], focus(), since, until)
    assert [one.since for one in found] == [ms("2026-11-01T02:00"), ms("2026-11-08T02:00")]


def test_a_calendar_is_held_until_its_tombstone_and_its_changes_are_told(checkout: str) -> None:
    before, without = read(checkout).policies, load({"focus.yaml": checkout}).policies
    merged = merge(before, without)
    assert merged.held == ("calendar/nightly-backup",)
    assert merged.policies.calendars == before.calendars
    removed = PolicySet(
        without.focuses, without.teams, without.runbooks, frozenset({"calendar/nightly-backup"})
    )
    assert merge(before, removed).policies.calendars == {}
    longer = read(checkout, CALENDAR.replace("for: 1h", "for: 2h")).policies
    assert [str(change) for change in diff(before, longer)] == [
        "calendar/nightly-backup windows.0.for: 1h -> 2h"
    ]
    assert "backup of the ledger: 2026-11-01T02:00:00" in str(diff(without, before)[0])


def test_apply_puts_a_calendar_over_a_directory_and_takes_it_out(checkout: str) -> None:
    laid = overlay({"focus.yaml": checkout}, {"calendar.yaml": CALENDAR}, frozenset())
    assert "calendar.yaml" in laid.files
    gone = overlay(laid.files, {}, frozenset({"calendar/nightly-backup"}))
    assert "kind: Calendar" not in "".join(gone.files.values())


def test_a_set_without_calendars_has_the_digest_that_it_had_before_there_were_any(checkout: str) -> None:
    policies = load({"focus.yaml": checkout}).policies
    assert "calendars" not in str(sorted(vars_of(policies)))
    assert read(checkout).policies.digest != policies.digest


FIRST = """
apiVersion: focusplane/v1
kind: Focus
metadata: {name: checkout}
spec:
  owner: payments
  boundary: [{service: payment}]
  objectives:
    - {name: availability, target: 99.5%, window: 30d, sli: {bad: {status: 5xx}}}
    - {name: latency, target: 95%, window: {calendar: month, timezone: Europe/Berlin}, sli: {latency: {under: 300ms}}}
  alerts: {page: [pager]}
---
apiVersion: focusplane/v1
kind: Team
metadata: {name: payments}
spec: {members: [ana@example.org], channels: {pager: {url: "env:PAGER_URL"}}}
"""


def test_what_was_declared_before_a_field_came_keeps_its_digest() -> None:
    """If this fails, a new field stands in digests at its default: put it into `canonical.CAME_LATER`."""
    assert (
        load({"f.yaml": FIRST}).policies.digest
        == "441e12b6cf05585aef422d47e4b4ba0824c76123ad604e9abc288e8f6c8c36c7"
    )


def vars_of(policies: PolicySet) -> list[str]:
    from focusplane.define.canonical import plain

    body = plain(policies)
    assert isinstance(body, dict)
    return list(body)


def test_a_calendar_survives_the_snapshot_and_older_ones_have_none(checkout: str) -> None:
    policies = read(checkout).policies
    assert codec.decode(codec.encode(policies, PolicySet), PolicySet) == policies
    old = codec.encode(load({"focus.yaml": checkout}).policies, PolicySet).replace(b',"calendars":{}', b"")
    assert b"calendars" not in old
    assert codec.decode(old, PolicySet).calendars == {}
    assert digest_of(codec.decode(old, PolicySet)) == digest_of(load({"focus.yaml": checkout}).policies)


RULES = st.sampled_from(
    [
        "FREQ=DAILY",
        "FREQ=WEEKLY;BYDAY=MO,SU",
        "FREQ=MONTHLY;BYMONTHDAY=-1",
        "FREQ=YEARLY",
        "FREQ=DAILY;INTERVAL=3",
    ]
)


@given(
    RULES, st.integers(0, 1000), st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "America/Santiago"])
)
def test_law_occurrences_are_those_of_the_rule_in_wall_time(text: str, day: int, zone: str) -> None:
    first = datetime(2024, 1, 1, 2, 30) + timedelta(days=day)  # noqa: DTZ001 wall time
    last = first + timedelta(days=400)
    found = spans(WorkWindow(first.isoformat(), HOUR, zone, text), last.date().isoformat())
    wanted = rrulestr(text, dtstart=first).between(first, last, inc=True)
    tz = ZoneInfo(zone)
    assert [since for since, _ in found] == [
        round(one.replace(tzinfo=tz).timestamp()) * 1000 for one in wanted
    ]
    assert all(until - since <= HOUR for since, until in found)


@given(st.text("FREQ=DAILYWEKMOTHBUSP;,-+0123456789", max_size=60))
def test_law_a_recurrence_is_read_or_refused_and_never_raises(text: str) -> None:
    loaded = load({"calendar.yaml": CALENDAR.replace("FREQ=WEEKLY;BYDAY=SU", f"FREQ=DAILY;{text}")})
    assert isinstance(loaded, Loaded)
    assert datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000 % DAY == 0
