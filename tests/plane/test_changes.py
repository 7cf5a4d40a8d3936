"""Changes that people and pipelines tell of: which focuses they touch, once each, and how they are ranked."""

from dataclasses import replace
from fractions import Fraction

from focusplane.act.change import ChangeEvent, rank, told
from focusplane.act.request import Done, RecordChange, Refused
from focusplane.kernel.tick import HOUR, MINUTE
from focusplane.plane import queries
from focusplane.plane.arrival import PolicyRead
from focusplane.plane.arrows import move
from focusplane.plane.recover import empty
from focusplane.plane.step import step
from focusplane.testing.rig import Load, Rig

POLICY = """
apiVersion: focusplane/v1
kind: Focus
metadata: {name: checkout, labels: {product: shop}}
spec:
  owner: payments
  dependsOn: [ledger]
  boundary: [{service: payment, routes: [POST /checkout]}]
  objectives:
    - {name: availability, target: 99%, window: 7d, sli: {bad: {status: 5xx}}}
  alerts: {page: [pager]}
---
apiVersion: focusplane/v1
kind: Focus
metadata: {name: refund, labels: {product: shop}}
spec:
  owner: payments
  boundary: [{service: payment, routes: ["/refund/*"]}]
  objectives:
    - {name: availability, target: 99%, window: 7d, sli: {bad: {status: 5xx}}}
---
apiVersion: focusplane/v1
kind: Focus
metadata: {name: ledger}
spec:
  owner: payments
  boundary: [{service: ledger}]
  objectives:
    - {name: availability, target: 99%, window: 7d, sli: {bad: {status: 5xx}}}
---
apiVersion: focusplane/v1
kind: Team
metadata: {name: payments}
spec: {members: [ana@example.org], channels: {pager: {url: "https://pager.example/hook"}}}
"""
BAD = 1_000 * MINUTE


def change(name: str, ago: int = MINUTE, **rest: object) -> ChangeEvent:
    made = ChangeEvent(name, BAD - ago, "checkout", "deploy", name, "ana")
    return replace(made, **rest)  # type: ignore[arg-type]


def names(*changes: ChangeEvent, version: str = "", part: str = "") -> list[str]:
    return [one.change.what for one in rank(changes, "checkout", BAD, version, ("ledger",), part)]


def told_focuses(it: Rig, ask: RecordChange) -> object:
    answer = it.ask(ask, by="ci")
    assert isinstance(answer, Done)
    return answer.body["focuses"]


def test_a_service_a_route_and_labels_stand_for_every_focus_that_they_fit() -> None:
    it = Rig({"p.yaml": POLICY})
    it.seconds(2)
    assert told_focuses(it, RecordChange("deploy", "v2", service="payment")) == ["checkout", "refund"]
    assert told_focuses(it, RecordChange("deploy", "v2", service="payment", route="PUT /refund/7")) == [
        "refund"
    ]
    assert told_focuses(it, RecordChange("deploy", "v2", labels={"product": "shop"})) == [
        "checkout",
        "refund",
    ]
    assert told_focuses(it, RecordChange("deploy", "v2")) == [""]
    nowhere = it.ask(RecordChange("deploy", "v2", service="nope"), by="ci")
    assert isinstance(nowhere, Refused)
    assert "no focus has nope" in nowhere.reason
    of_what = it.ask(RecordChange("deploy", "v2", route="/x"), by="ci")
    assert isinstance(of_what, Refused)
    assert of_what.code == "usage"


def test_the_same_id_again_adds_nothing_and_replays_the_same() -> None:
    it = Rig({"p.yaml": POLICY})
    it.seconds(2)
    ask = RecordChange("deploy", "v2", service="payment", id="run 7", touches=("region=eu",))
    first, again = it.ask(ask, by="ci"), it.ask(ask, by="ci")
    assert isinstance(first, Done)
    assert isinstance(again, Done)
    assert (first.body["added"], again.body["added"], again.reason) == (2, 0, "on the ledger already")
    assert first.body["changes"] == again.body["changes"]
    assert len([one for one in it.world.changes if one.what == "v2"]) == 2
    world = empty()
    for turn in it.turns:
        made = step(world, turn.arrivals, turn.tick)
        assert made.facts == turn.facts
        world = made.world


def test_old_changes_are_put_in_their_place_and_never_push_out_later_ones() -> None:
    it = Rig({"p.yaml": POLICY})
    it.seconds(2)
    now = it.world.tick.at
    for number in range(move.KEPT_CHANGES):
        it.ask(RecordChange("config", f"c{number}", "checkout", at=now - HOUR - number), by="ci")
    times = [one.at for one in it.world.changes]
    assert times == sorted(times)
    assert len(times) == move.KEPT_CHANGES
    late = it.ask(RecordChange("deploy", "years ago", "checkout", at=1), by="ci")
    assert isinstance(late, Done)
    assert (late.body["added"], late.reason) == (0, "older than all that is kept")


def test_what_the_plane_did_by_itself_stands_below_every_real_change() -> None:
    mine = change("step", ago=1, own=True, version="v2")
    real = change("old deploy", ago=5 * HOUR, exposure=Fraction(1, 100))
    assert names(mine, real) == ["old deploy", "step"]
    assert names(mine, real, version="v2") == ["step", "old deploy"]


def test_a_first_policy_is_the_planes_own_and_an_edit_of_it_is_not() -> None:
    it = Rig({"p.yaml": POLICY})
    it.seconds(2)
    assert [one.own for one in it.world.changes] == [True] * 3
    it.turn(PolicyRead({"p.yaml": POLICY.replace("99%", "99.5%", 1)}, "2026-01-01"))
    it.seconds(2)
    assert [one.own for one in it.world.changes if one.what.startswith("policy changed")] == [False]


def test_the_slice_that_fails_comes_first_and_another_slice_last() -> None:
    mine, plain = change("acme only", ago=3 * MINUTE, touches=("tenant=acme",)), change("plain")
    other = change("beta only", ago=1, touches=("tenant=beta",))
    assert names(other, plain, mine, part="tenant=acme") == ["acme only", "plain", "beta only"]
    why = rank([other], "checkout", BAD, "", (), "tenant=acme")[0].why
    assert "but it touched tenant=beta" in why


def test_little_exposure_and_a_dependency_weigh_less_and_others_nothing() -> None:
    few, all_of_it = change("few", exposure=Fraction(1, 100)), change("all of it")
    assert names(few, all_of_it) == ["all of it", "few"]
    below, stranger = change("below", focus="ledger"), change("stranger", focus="search")
    assert names(below, all_of_it, stranger) == ["all of it", "below"]
    assert "in ledger, which it depends on" in rank([below], "checkout", BAD, "", ("ledger",))[0].why


def test_ties_are_stable_whatever_the_order_they_come_in() -> None:
    one, two = change("a"), change("b")
    assert names(one, two) == names(two, one) == ["a", "b"]


def test_the_page_and_the_incident_say_what_changed_with_its_age_and_why() -> None:
    it = Rig({"p.yaml": POLICY})
    it.loads.append(Load("checkout", per_second=20, tenants=5))
    it.seconds(120)
    it.ask(RecordChange("deploy", "v2 goes out", "ledger"), by="ci")
    it.loads[0].failing[""] = Fraction(1, 2)
    it.seconds(120)
    (incident,) = it.world.incidents.values()
    said = told(incident.suspects)
    assert said.startswith("v2 goes out by ci, ")
    assert "in ledger, which it depends on" in said
    assert any(f"What changed: {said}" in note.body for note in it.sent)
    assert queries.incident(it.world, incident.id, ())["suspects"][0]["what"] == "v2 goes out"


def test_the_charts_mark_the_changes_of_their_span_and_of_what_the_focus_depends_on() -> None:
    it = Rig({"p.yaml": POLICY})
    it.seconds(60)
    for what, focus in (("mine", "checkout"), ("below", "ledger"), ("stranger", "refund"), ("all", "")):
        it.ask(RecordChange("migration", what, focus, at=it.at - 5_000), by="ci")
    it.ask(RecordChange("flag", "before", "checkout", at=it.at - 50_000), by="ci")
    marks = queries.series(it.world, "checkout", queries.span(it.at, it.at - 20_000, it.at, 1_000))["marks"]
    assert [(one["what"], one["sort"]) for one in marks] == [
        ("mine", "other"),
        ("below", "other"),
        ("all", "other"),
    ]
