"""Trap 22: an edit of an objective never corrupts its history, and where history must end that is said."""

import json

from focusplane.act.fact import Kind
from focusplane.define.sli import Match, Of, Sli, SliKind, meaning, meant_at_first
from focusplane.observe.reading import Measured, Reading
from focusplane.plane.arrival import PolicyRead
from focusplane.plane.snapshot import preserve, revive
from focusplane.testing.rig import Load, Rig

POLICY = """
apiVersion: focusplane/v1
kind: Focus
metadata: {name: checkout, labels: {tier: gold}}
spec:
  owner: payments
  boundary: [{service: payment}]
  objectives:
    - {name: availability, target: 99.5%, window: 30d, sli: {bad: {status: 5xx}}}
---
apiVersion: focusplane/v1
kind: Team
metadata: {name: payments}
spec: {members: [ana@example.org]}
"""
AT_FIRST = (
    "Sli(kind=<SliKind.EVENTS: 'events'>, bad=Match(status=('5xx',), errors=(), routes=(), tenants=(), synthetic=None,"
    " resend=None), exclude=Match(status=(), errors=(), routes=(), tenants=(), synthetic=True, resend=None), under_ms=0,"
    " of=<Of.GOOD: 'good'>)"
)
"""An SLI as the first versions put it into a counter snapshot."""


def counted() -> Rig:
    it = Rig({"checkout.yaml": POLICY})
    it.loads.append(Load("checkout", per_second=10, tenants=5))
    it.seconds(60)
    return it


def edit(it: Rig, *changes: tuple[str, str]) -> None:
    text = POLICY
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    it.turn(PolicyRead({"checkout.yaml": text}, "2026-01-01"))
    assert not it.world.policies.refused


def reading(it: Rig, objective: str = "availability", slice: str = "") -> Reading:
    return it.world.counters.over("checkout", objective, 300_000, it.at, slice)


def test_trap_22_a_changed_target_name_label_or_window_keeps_every_count() -> None:
    """Sloth 311 and 749: a changed objective or label gives the recorded series another identity, and its past is lost."""
    for change in (
        ("99.5%", "99.9%"),
        ("window: 30d", "window: {calendar: month}"),
        ("gold", "silver"),
        ("99.5%", "99.9%, minBad: 7"),
    ):
        it = counted()
        before = reading(it)
        edit(it, change)
        assert isinstance(before, Measured)
        assert before.total == 600
        assert reading(it) == before
        assert not it.said(Kind.OBJECTIVE_ANEW)


def test_trap_22_an_objective_that_gets_another_name_goes_on_with_its_counts_and_says_so() -> None:
    """In Sloth and Pyrra the name is part of every recorded series: a new name begins at nothing, unsaid."""
    it = counted()
    before, tenant = reading(it), reading(it, slice="tenant=t1")
    edit(it, ("name: availability", "name: answered"))
    assert reading(it, "answered") == before
    assert reading(it, "answered", "tenant=t1") == tenant
    (fact,) = it.said(Kind.OBJECTIVE_CARRIED)
    assert (fact.subject, fact.body["source"]) == ("answered", "availability")
    it.seconds(10)
    assert reading(it, "answered") == Measured(700, 700, before.covered * 7 / 6)  # type: ignore[union-attr]


def test_trap_22_a_second_objective_on_the_same_sli_knows_the_past_of_the_first() -> None:
    it = counted()
    one = "{name: availability, target: 99.5%, window: 30d, sli: {bad: {status: 5xx}}}"
    edit(it, (one, f"{one}\n    - {one.replace('availability', 'weekly').replace('30d', '7d')}"))
    assert reading(it, "weekly") == reading(it)
    it.seconds(1)
    assert reading(it, "weekly") == reading(it)


def test_trap_22_an_sli_that_means_something_else_starts_anew_and_that_is_said_with_before_and_after() -> (
    None
):
    """Pyrra 1576, sloth 749: after an edit old and new meanings are summed into one curve; nobody says since when."""
    it = counted()
    edit(it, ("status: 5xx", "status: [4xx, 5xx]"))
    (fact,) = it.said(Kind.OBJECTIVE_ANEW)
    assert fact.subject == "availability"
    assert (str(fact.body["before"]), str(fact.body["after"])) != ("", "")
    assert "4xx" in str(fact.body["after"])
    assert "4xx" not in str(fact.body["before"])
    it.seconds(2)
    assert isinstance(found := reading(it), Measured)
    assert found.total == 20


def test_the_meaning_of_an_sli_leaves_out_what_is_at_its_default() -> None:
    plain = Sli(SliKind.EVENTS, Match(status=("5xx",)), Match(synthetic=True))
    assert meaning(plain) == "Sli(kind=events, bad=Match(status=('5xx')), exclude=Match(synthetic=True))"
    assert meant_at_first(plain) == AT_FIRST
    slow = Sli(SliKind.LATENCY, Match(status=("5xx",)), Match(), 300, Of.ALL)
    assert (
        meaning(slow) == "Sli(kind=latency, bad=Match(status=('5xx')), exclude=Match(), under_ms=300, of=all)"
    )


def test_counts_that_were_stored_under_the_first_form_of_their_sli_are_still_theirs() -> None:
    it = counted()
    stored = it.world.counters.lanes["checkout"].state()
    stored["slis"] = {"availability": AT_FIRST}
    assert json.dumps(stored)
    lane = type(it.world.counters.lanes["checkout"]).restored(
        it.world.policies.set.focuses["checkout"], stored
    )
    assert lane.stale({"availability": AT_FIRST}) == frozenset()
    assert lane.stale({"availability": AT_FIRST.replace("5xx", "4xx")}) == {"availability"}
    assert revive(preserve(it.world)).counters.over("checkout", "availability", 300_000, it.at) == reading(it)


def test_a_lane_that_was_stored_before_there_were_slices_is_read_as_it_was() -> None:
    it = counted()
    lane = it.world.counters.lanes["checkout"]
    stored = json.loads(json.dumps(lane.state()))
    del stored["tracks"]
    stored["sources"]["reporters"] = [row[:9] for row in stored["sources"]["reporters"]]
    again = type(lane).restored(it.world.policies.set.focuses["checkout"], stored)
    assert again.tracks == {}
    assert [(key, one.end, one.usual) for key, one in again.sources.reporters.items()] == [
        (key, one.end, one.usual) for key, one in lane.sources.reporters.items()
    ]
