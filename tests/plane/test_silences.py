"""Quiet that somebody asked for: bounded, durable, and nothing that burns is hidden by it."""

from dataclasses import replace
from fractions import Fraction

from tests.plane.night import FOCUS, NONE, TEAMS, fail, incident, rig, titles

from focusplane.act.fact import Kind
from focusplane.act.request import AddSilence, Done, EndSilence, Refused
from focusplane.define.focus import Alerts
from focusplane.kernel.tick import DAY, HOUR, MINUTE
from focusplane.plane.arrival import PolicyRead
from focusplane.plane.arrows.silences import MOST
from focusplane.plane.recover import empty
from focusplane.plane.snapshot import preserve, revive
from focusplane.plane.step import step
from focusplane.plane.world import Noise
from focusplane.testing.rig import Load, Rig

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


def test_a_silence_for_a_tenant_hides_no_failure_of_which_nobody_says_whose_it_is() -> None:
    it = rig(("auth", ""), tenants=1)
    it.loads.append(Load("auth", per_second=20, named=False, reporters=("edge-2",)))
    it.seconds(30)
    assert isinstance(it.ask(AddSilence("their own doing", "auth", tenant="t0", for_ms=HOUR)), Done)
    fail(it, "auth")
    it.seconds(60)
    assert not incident(it, "auth").hushed
    assert titles(it)


def test_what_was_held_back_for_its_number_goes_to_the_next_ones_too_if_nobody_acknowledges_it() -> None:
    it = rig(("auth", ""))
    it.world = replace(it.world, noise={"auth": Noise(pages=(it.at,) * Alerts().most_pages)})
    fail(it, "auth")
    it.seconds(60)
    assert [title for title in titles(it) if "too many" in title]
    it.seconds(600)
    assert [title for title in titles(it, "second") if "nobody has acknowledged" in title]


def test_silences_that_are_over_are_kept_in_bounded_number() -> None:
    it = rig(("auth", ""))
    for number in range(MOST + 20):
        said = it.ask(AddSilence(f"try {number}", "auth", for_ms=HOUR))
        assert isinstance(said, Done)
        it.ask(EndSilence(said.subject))
    it.seconds(1)
    kept = [one.reason for one in it.world.silences.values()]
    assert kept == [f"try {number}" for number in range(20, MOST + 20)]


def test_a_focus_that_is_removed_leaves_no_count_of_pages_behind() -> None:
    it = rig(("auth", ""), ("shop", ""))
    it.world = replace(it.world, noise={"auth": Noise(pages=(it.at,), held=3, since=it.at)})
    left = (
        FOCUS % ("shop", "", "")
        + TEAMS
        + "\n---\napiVersion: focusplane/v1\nkind: Removed\nmetadata: {name: auth}\n"
    )
    it.turn(PolicyRead({"shop.yaml": left}, "2026-01-01"))
    assert not it.world.policies.refused
    it.seconds(2)
    assert not it.world.noise
