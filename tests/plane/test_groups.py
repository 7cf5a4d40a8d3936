"""Objectives that are judged apart for each tenant: who fails by himself is seen, told and healed by himself."""

from collections.abc import Mapping
from dataclasses import replace

from focusplane.act.fact import Kind
from focusplane.act.incident import LIVE
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import HOUR, SECOND
from focusplane.observe.health import State
from focusplane.observe.reading import Measured
from focusplane.plane import queries
from focusplane.plane.arrival import Counted, PolicyRead
from focusplane.plane.recover import empty
from focusplane.plane.snapshot import preserve, revive
from focusplane.plane.step import step
from focusplane.testing.rig import Rig

POLICY = """\
apiVersion: focusplane/v1
kind: Focus
metadata: {name: shop}
spec:
  owner: pay
  boundary: [{service: shop}]
  objectives:
    - {name: availability, target: 99%, window: 30d, by: BY, sli: {bad: {status: 5xx}}}
  alerts: {page: [pager], ticket: [tracker]}
---
apiVersion: focusplane/v1
kind: Team
metadata: {name: pay}
spec: {members: [ana@example.org], channels: {pager: {url: "json://localhost"}, tracker: {url: "json://localhost"}}}
"""
Counts = Mapping[str, tuple[int, int]]
"""Tenant -> good and bad."""


def rig(by: str = "tenant") -> Rig:
    return Rig({"shop.yaml": POLICY.replace("BY", by)})


def play(it: Rig, seconds: int, counts: Counts, every_s: int = 1) -> None:
    for _ in range(0, seconds, every_s):
        end = it.at + every_s * SECOND
        signals = [
            Signal(
                "shop", "production", Source.APP, "shop/1", end - every_s * SECOND, end, Slice(tenant=tenant),
                Outcome(status), count,
            )
            for tenant, pair in counts.items()
            for status, count in zip((200, 503), pair, strict=True)
            if count
        ]  # fmt: skip
        it.turn(Counted(f"batch {end}", tuple(signals)), after_ms=every_s * SECOND)


def shown(it: Rig) -> dict[str, object]:
    row: dict[str, object] = queries.focus(it.world, "shop")["objectives"][0]
    return row


CALM: Counts = {"big": (1_000, 0), "acme": (2, 0), "small": (1, 0)}
HURT: Counts = {"big": (1_000, 0), "acme": (0, 2), "small": (1, 0)}


def test_a_tenant_that_fails_alone_has_its_own_health_incident_and_recovery() -> None:
    it = rig()
    play(it, 120, CALM)
    play(it, 180, HURT)
    assert it.world.health["shop/availability"].state is State.OK
    worst, *others = it.world.groups["shop/availability"]
    assert (worst.group, worst.state) == ("tenant=acme", State.BURNING)
    assert {one.state for one in others} == {State.OK}
    [incident] = it.world.incidents.values()
    assert incident.title == "shop fails its availability for tenant=acme"
    assert (incident.impact["group"], incident.impact["failed"]) == ("tenant=acme", 360)
    assert [one.title for one in it.sent if one.channel == "pager"] == [f"{incident.title} [opened]"]
    row = shown(it)
    assert (row["by"], row["groups_known"], row["groups_failing"], row["state"]) == ("tenant", 3, 1, "ok")
    lines = queries.explain(it.world, it.facts, "shop")["present"][0]["lines"]
    assert "3 groups by tenant, 1 failing" in lines
    assert any(line.startswith("tenant=acme: burning, 360 bad of 600") for line in lines)
    play(it, 2 * 3_600, CALM, every_s=10)
    [incident] = it.world.incidents.values()
    assert incident.stage not in LIVE
    told = [fact for fact in it.said(Kind.HEALTH_CHANGED) if fact.body.get("group")]
    assert {fact.reason.partition(":")[0] for fact in told} == {"tenant=acme"}
    said = [fact.body for fact in told]
    assert {body["group"] for body in said} == {"tenant=acme"}


def test_while_everything_fails_the_incident_of_the_whole_tells_of_its_groups() -> None:
    it = rig()
    play(it, 60, CALM)
    play(it, 120, {"big": (0, 1_000), "acme": (0, 2), "small": (0, 1)})
    live = [one for one in it.world.incidents.values() if one.stage in LIVE]
    assert [one.title for one in live if one.episode == "burn"] == ["shop fails its availability"]
    assert shown(it)["state"] != "ok"


def test_a_new_tenant_is_judged_as_if_it_had_always_been_healthy_at_its_traffic() -> None:
    it = rig()
    play(it, 300, CALM)
    play(it, 1, {**CALM, "new": (4, 6)})
    play(it, 10, CALM)
    [new] = [one for one in it.world.groups["shop/availability"] if one.group == "tenant=new"]
    assert isinstance(new.reading, Measured)
    assert (new.reading.good, new.reading.bad) == (4, 6)
    assert [one.stage for one in it.world.incidents.values()] == []


def test_the_groups_of_a_replay_and_of_a_restart_are_the_same() -> None:
    it = rig()
    play(it, 60, CALM)
    play(it, 90, HURT)
    again = empty()
    for turn in it.turns:
        made = step(again, turn.arrivals, turn.tick)
        assert made.facts == turn.facts
        again = made.world
    assert again.groups == it.world.groups
    revived = revive(preserve(it.world))
    assert revived.groups == it.world.groups
    lanes = [world.counters.lanes["shop"] for world in (revived, it.world)]
    assert lanes[0].born == lanes[1].born != {}
    assert lanes[0].wholes == lanes[1].wholes


def test_tenants_beyond_the_most_are_counted_together_and_all_groups_sum_up_to_the_whole() -> None:
    it = rig("{dimension: tenant, most: 5}")
    many = {f"t{number}": (3, 1) for number in range(40)}
    play(it, 30, {**many, "": (7, 0)})
    groups = {one.group: one.reading for one in it.world.groups["shop/availability"]}
    assert sorted(groups) == sorted(
        ["tenant=(not said)", "tenant=other", *(f"tenant=t{n}" for n in range(5))]
    )
    whole = it.world.health["shop/availability"].reading
    counted = [one for one in groups.values() if isinstance(one, Measured)]
    assert isinstance(whole, Measured)
    assert (sum(one.good for one in counted), sum(one.bad for one in counted)) == (whole.good, whole.bad)
    row = shown(it)
    assert (row["groups_overflow"], row["groups_known"], row["most"]) == (True, 7, 5)


def test_a_busy_tenant_takes_the_place_of_one_that_has_gone_quiet_and_of_none_that_fails() -> None:
    it = rig("{dimension: tenant, most: 2}")
    play(it, 10, {"early": (1, 0), "failing": (0, 1)})
    play(it, 1_300, {"early": (0, 0), "late": (50, 0)}, every_s=10)
    groups = {one.group for one in it.world.groups["shop/availability"]}
    assert {"tenant=failing", "tenant=late"} <= groups
    assert "tenant=early" not in groups


def test_a_policy_that_groups_by_something_else_or_nothing_gives_the_old_groups_up() -> None:
    it = rig()
    play(it, 10, CALM)
    for by, kept in (("{dimension: tenant, most: 1}", 1), ("region", 0), ("tenant", 0)):
        it.turn(PolicyRead({"shop.yaml": POLICY.replace("BY", by)}, "2026-01-01"))
        lane = it.world.counters.lanes["shop"]
        assert sum(key != "" for name, key in lane.wholes if name == "availability") == kept
    whole = it.world.counters.over("shop", "availability", HOUR, it.at)
    assert isinstance(whole, Measured)
    assert whole.total == 10 * 1_003


def test_a_snapshot_from_before_there_were_groups_is_read() -> None:
    it = rig()
    play(it, 10, CALM)
    lane = it.world.counters.lanes["shop"]
    state = lane.state()
    del state["born"]
    assert type(lane).restored(lane.focus, state).wholes == lane.wholes
    assert revive(preserve(replace(it.world, groups={}))).groups == {}


def test_tenants_hurt_and_active_are_told_of_the_last_hour_and_day_also_after_they_left() -> None:
    it = rig("region")
    play(it, 60, {"early": (1, 1), "calm": (5, 0)})
    play(it, 2 * 3_600, {"calm": (5, 0)}, every_s=60)
    play(it, 60, {"calm": (5, 0), "late": (0, 1)}, every_s=10)
    impact = queries.focus(it.world, "shop")["measures"]["M7"]["windows"]
    hour, day = impact["1h"], impact["24h"]
    assert (hour["hurt"], hour["active"], hour["active_at_most"]) == (1, 2, 2)
    assert (day["hurt"], day["active"]) == (2, 3)
    assert day["text"] == "2 of 3 tenants hurt in 24h"
    assert revive(preserve(it.world)).counters.lanes["shop"].roster == it.world.counters.lanes["shop"].roster


def test_an_objective_that_is_judged_apart_from_now_on_knows_the_tenants_that_were_here_before() -> None:
    it = rig()
    grouped = it.files["shop.yaml"]
    it = Rig({"shop.yaml": grouped.replace(" by: tenant,", "")})
    play(it, 60, {"acme": (50, 0), "beta": (50, 0)})
    it.turn(PolicyRead({"shop.yaml": grouped}, "2026-01-01"))
    play(it, 60, {"acme": (10, 40), "beta": (50, 0)})
    assert [one.group for one in it.world.groups["shop/availability"]] == ["tenant=acme", "tenant=beta"]
