"""A source that falls silent, halves or overflows blinds its focus: said, paged once, and nothing is loosened meanwhile (F1)."""

from fractions import Fraction
from pathlib import Path

from focusplane.act.fact import Kind
from focusplane.act.incident import Stage
from focusplane.act.request import RecordChange, StartRollout
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import SECOND
from focusplane.observe.health import State
from focusplane.plane import queries
from focusplane.plane.arrival import Counted, Started
from focusplane.testing.rig import Load, Rig

POLICY = (Path(__file__).parent / "checkout.yaml").read_text()
PODS = ("payment/i-1", "payment/i-2", "payment/i-3", "payment/i-4")


def rig(seconds: int = 150, **load: object) -> Rig:
    it = Rig({"checkout.yaml": POLICY})
    it.loads.append(Load("checkout", **{"per_second": 40, "tenants": 20, **load}))  # type: ignore[arg-type]
    it.seconds(seconds)
    return it


def health(it: Rig, objective: str = "availability") -> tuple[State, str]:
    found = it.world.health[f"checkout/{objective}"]
    return found.state, found.reason


def pages(it: Rig, word: str) -> list[str]:
    return [sent.title for sent in it.sent if word in sent.title]


def silence(it: Rig, seconds: int) -> None:
    loads, it.loads = it.loads, []
    it.seconds(seconds)
    it.loads = loads


def blind_incidents(it: Rig) -> list[Stage]:
    return [one.stage for one in it.world.incidents.values() if one.episode == "blind"]


def episodes(it: Rig) -> set[str]:
    return {one.episode for one in it.world.incidents.values()}


def test_silence_pages_once_and_the_page_is_resolved_when_sight_is_back_for_five_minutes() -> None:
    it = rig()
    silence(it, 300)
    assert health(it)[0] is State.BLIND
    assert pages(it, "cannot be seen") == ["checkout cannot be seen [opened]"]
    it.seconds(60)
    assert health(it)[0] is State.OK
    silence(it, 60)
    it.seconds(200)
    assert pages(it, "cannot be seen") == ["checkout cannot be seen [opened]"], "the same episode still"
    assert blind_incidents(it) == [Stage.OPEN]
    it.seconds(120)
    assert pages(it, "cannot be seen")[1:] == ["checkout cannot be seen [resolved]"]
    silence(it, 30)
    assert pages(it, "cannot be seen")[2:] == ["checkout cannot be seen [again]"], (
        "that is news, of the same incident"
    )


def test_a_silence_of_some_seconds_holds_at_once_and_wakes_nobody() -> None:
    it = rig()
    silence(it, 12)
    assert health(it)[0] is State.BLIND
    assert pages(it, "cannot be seen") == []
    it.seconds(60)
    assert (health(it)[0], pages(it, "cannot be seen")) == (State.OK, [])
    silence(it, 25)
    assert pages(it, "cannot be seen") == ["checkout cannot be seen [opened]"]


def test_silence_during_an_incident_is_news_of_its_own() -> None:
    it = rig(failing={"v1": Fraction(1, 2)})
    assert episodes(it) == {"burn"}
    silence(it, 60)
    assert pages(it, "cannot be seen") == ["checkout cannot be seen [opened]"]


def test_blindness_began_when_the_last_count_came_and_earlier_failures_are_no_part_of_it() -> None:
    it = rig()
    it.loads[0].failing[""] = Fraction(1, 2)
    it.seconds(30)
    it.loads[0].failing.clear()
    it.seconds(120)
    last = it.at
    it.ask(RecordChange("config", "the collector was moved", "checkout"))
    silence(it, 60)
    (found,) = [one for one in it.world.incidents.values() if one.episode == "blind"]
    assert found.first_bad_at == last
    assert found.impact["failed"] == 0
    assert (found.suspects[0].change.what, found.suspects[0].change.at) == ("the collector was moved", last)


def test_a_failure_that_begins_after_sight_is_back_is_told_though_the_blindness_is_not_over() -> None:
    it = rig()
    silence(it, 60)
    it.loads[0].failing["v1"] = Fraction(1, 2)
    it.seconds(120)
    assert blind_incidents(it) == [Stage.OPEN]
    assert episodes(it) == {"blind", "burn"}


def test_a_mitigation_that_needs_what_is_not_seen_is_held_and_says_so_where_people_ask() -> None:
    it = rig()
    silence(it, 60)
    told = queries.explain(it.world, it.facts, "checkout")["nothing_happened_because"]
    held = told[0]
    assert held["subject"] == "kill"
    assert "its condition cannot be seen: blind: silent: nothing newer than" in held["reason"]
    before = len(it.said(Kind.HELD))
    silence(it, 60)
    assert len(it.said(Kind.HELD)) == before, "said once"
    it.seconds(60)
    assert health(it)[0] is State.OK
    seen_until = it.at
    silence(it, 30)
    [again] = [fact for fact in it.said(Kind.HELD) if fact.at > seen_until]
    assert "silent" in again.reason, "and again after it could be seen"
    assert it.world.actions == {}


def test_a_rollout_is_held_with_the_reason_while_nobody_can_see() -> None:
    it = rig(per_second=200, tenants=100)
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(3)
    weight = it.world.rollouts["checkout"].weight
    silence(it, 120)
    assert it.world.rollouts["checkout"].weight == weight
    reasons = [fact.reason for fact in it.said(Kind.ROLLOUT_HELD)]
    assert any("it cannot be seen (silent" in reason for reason in reasons)
    assert queries.explain(it.world, it.facts, it.world.rollouts["checkout"].id)["nothing_happened_because"]


def test_half_of_the_instances_gone_with_half_of_the_requests_is_blindness() -> None:
    it = rig(source=Source.APP, reporters=PODS)
    it.loads[0].mute |= set(PODS[:3])
    it.seconds(90)
    state, reason = health(it)
    assert state is State.BLIND
    assert reason.startswith("halved: ")
    assert "of the reports of the app are missing" in reason
    assert pages(it, "cannot be seen") == ["checkout cannot be seen [opened]"]
    it.loads[0].mute.clear()
    it.seconds(90)
    assert health(it)[0] is State.OK


def test_instances_that_were_scaled_away_are_no_blindness_when_the_others_take_over() -> None:
    it = rig(source=Source.APP, reporters=PODS)
    it.loads[0].reporters = PODS[:1]
    for _ in range(30):
        it.seconds(5)
        assert health(it)[0] is State.OK


def test_less_traffic_with_every_instance_reporting_is_no_blindness() -> None:
    it = rig(source=Source.APP, reporters=PODS)
    it.loads[0].per_second = 5
    for _ in range(30):
        it.seconds(5)
        assert health(it)[0] is State.OK


def test_a_source_that_counts_half_of_what_another_one_goes_on_seeing_is_blind() -> None:
    it = rig()
    it.loads.append(Load("checkout", per_second=40, tenants=20, source=Source.APP, reporters=PODS))
    it.seconds(200)
    assert health(it)[0] is State.OK
    it.loads[0].per_second = 10
    it.seconds(90)
    state, reason = health(it)
    assert state is State.BLIND
    assert "halved: the edge counted" in reason
    assert "the app saw" in reason


def overflow(it: Rig, count: int, source: Source = Source.APP) -> None:
    signal = Signal(
        "checkout",
        "production",
        source,
        PODS[0],
        it.at - SECOND,
        it.at,
        Slice(),
        Outcome(),
        count,
        overflow=True,
    )
    it.turn(Counted(f"overflow {it.at}", (signal,)))


def test_an_overflow_blinds_until_five_minutes_after_the_last_and_is_never_counted() -> None:
    it = rig(source=Source.APP, reporters=PODS)
    before = queries.focus(it.world, "checkout")["objectives"][0]["total"]
    overflow(it, 300)
    assert queries.focus(it.world, "checkout")["objectives"][0]["total"] == before
    it.seconds(10)
    state, reason = health(it)
    assert state is State.BLIND
    assert reason.startswith("overflow: ")
    assert "300 requests" in reason
    assert pages(it, "cannot be seen") == ["checkout cannot be seen [opened]"]
    it.seconds(280)
    assert health(it)[0] is State.BLIND
    it.seconds(20)
    assert health(it)[0] is State.OK


def test_an_overflow_of_a_source_that_does_not_count_blinds_nobody() -> None:
    it = rig()
    overflow(it, 300)
    it.seconds(10)
    assert health(it)[0] is State.OK


def test_durations_that_stop_while_answers_go_on_blind_the_latency_objective_alone() -> None:
    it = rig()
    at = it.at

    def untimed(seconds: int) -> None:
        for _ in range(seconds):
            end = it.at + SECOND
            part = Slice(version="v1")
            signal = Signal(
                "checkout", "production", Source.EDGE, "edge-1", end - SECOND, end, part, Outcome(200), 40
            )
            it.turn(Counted(f"untimed {end}", (signal,)), after_ms=SECOND)

    untimed(90)
    assert it.at == at + 90 * SECOND
    assert health(it)[0] is State.OK
    state, reason = health(it, "latency")
    assert state is State.BLIND
    assert reason.startswith("absent: none of ")
    assert pages(it, "cannot be seen") == ["checkout cannot be seen [opened]"]


def test_senders_get_their_interval_to_come_back_after_the_plane_itself_was_away() -> None:
    it = rig(seconds=301, source=Source.APP, reporters=PODS, every_s=60)
    it.turn(Started("p-rig", 1, "production"), after_ms=600 * SECOND)
    silence(it, 150)
    assert pages(it, "cannot be seen") == []
    silence(it, 60)
    assert pages(it, "cannot be seen") == ["checkout cannot be seen [opened]"]


def test_senders_who_come_back_after_a_look_are_not_taken_for_silent_before_the_next() -> None:
    it = rig(seconds=120, source=Source.APP, reporters=PODS[:1])
    before = it.at
    it.turn(Started("p-rig", 1, "production"), after_ms=120 * SECOND)
    loads, it.loads = it.loads, []
    it.turn(after_ms=SECOND)
    assert health(it)[0] is State.BLIND
    part, end = Slice(version="v1"), before + SECOND
    kept = Signal("checkout", "production", Source.APP, PODS[0], before, end, part, Outcome(200), 40)
    it.turn(Counted("kept", (kept,)), after_ms=200)
    it.loads = loads
    it.seconds(90)
    assert health(it)[0] is State.OK
    assert pages(it, "cannot be seen") == []
