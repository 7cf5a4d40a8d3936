"""The judge on demand: pairs of versions that pipelines ask about, judged as our own rollouts are."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from tests.plane.pairs import ASK, asked, now, plain, said, serve

from focusplane.act.fact import Kind
from focusplane.act.request import (
    Compare,
    Freeze,
    Refused,
    StartRollout,
    Unfreeze,
)
from focusplane.kernel.tick import HOUR, MINUTE, SECOND
from focusplane.observe.self_test import SelfTest
from focusplane.observe.verdict import Ruling
from focusplane.plane import queries
from focusplane.plane.arrival import Counted
from focusplane.plane.arrows import compare
from focusplane.plane.recover import empty
from focusplane.plane.snapshot import preserve, revive
from focusplane.plane.step import step
from focusplane.testing.rig import Load, Rig

POLICY = (Path(__file__).parent / "checkout.yaml").read_text()


def test_a_bad_canary_is_ruled_back_a_good_one_promoted_and_a_silent_one_neither() -> None:
    for arms, ruling in (
        ({"v1": (200, 0), "v2": (20, 3)}, Ruling.ROLLBACK),
        ({"v1": (200, 0), "v2": (100, 0)}, Ruling.PROMOTE),
        ({"v1": (200, 0)}, Ruling.HOLD),
        ({"v2": (200, 100)}, Ruling.HOLD),
        ({}, Ruling.HOLD),
    ):
        it = plain()
        serve(it, 5, v1=(200, 0))
        asked(it)
        serve(it, 60, **arms)
        assert now(it).ruling is ruling, arms
        shown = queries.comparison(it.world, now(it).id)
        assert shown["verdict"] == {"hold": "continue"}.get(ruling, str(ruling))
        assert shown["reasons"]


def test_before_anything_is_seen_it_is_to_be_continued_and_says_why() -> None:
    it = plain()
    one = asked(it)
    assert (one.ruling, one.why) == (Ruling.HOLD, "no telemetry yet")
    it.turn(Counted("idle", (said(it.at + SECOND),)), after_ms=SECOND)
    assert now(it).why == "no second in which both versions were counted is over yet"
    serve(it, 1, v1=(5, 0))
    (reason,) = queries.comparison(it.world, one.id)["reasons"]
    assert reason == "too early to say: canary 0 of 0, baseline 0 of 5"


@pytest.mark.parametrize(("every_s", "seconds", "noisy"), [(1, 30, ""), (7, 90, ""), (1, 30, "2")])
def test_the_verdict_is_that_of_a_rollout_over_the_same_data(
    every_s: int, seconds: int, noisy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where reports speak of several seconds, with every latency, and where the stable version is noisy."""
    compared = 0
    if noisy:
        monkeypatch.setattr(SelfTest, "wide", lambda _, spec: replace(spec, tolerance=Fraction(noisy)))
    for share in ("0", "1/1000", "1/100", "4/100", "12/100"):
        it = Rig({"checkout.yaml": POLICY})
        failing: Mapping[str, Fraction] = {"v1": Fraction(1, 1000), "v2": Fraction(share)}
        it.loads.append(Load("checkout", failing=dict(failing), every_s=every_s))
        it.seconds(21)
        it.ask(StartRollout("checkout", "v2"))
        it.turn(after_ms=0)
        began = it.world.rollouts["checkout"].step_since
        wish = Compare("checkout", "v1", "v2", since=began)
        asked(it, wish)
        for _ in range(seconds):
            it.seconds(1)
            rollout, mine = it.world.rollouts["checkout"], now(it, wish)
            if not rollout.live or rollout.step:
                break
            theirs = it.world.verdicts.get("checkout")
            if theirs is None or mine.verdict is None:
                assert theirs is mine.verdict
                continue
            least = it.world.policies.set.focuses["checkout"].rollout.steps[0].min_requests  # type: ignore[union-attr]
            assert least == 0
            assert mine.verdict == theirs
            assert mine.evidence == it.world.evidence["checkout"]
            compared += 1
    assert compared > 10


def test_peeking_changes_nothing() -> None:
    looked, left = plain(), plain()
    for it in (looked, left):
        serve(it, 3, v1=(100, 0))
        asked(it)
    for _ in range(20):
        serve(looked, 1, v1=(100, 1), v2=(10, 0))
        asked(looked)
        serve(left, 1, v1=(100, 1), v2=(10, 0))
    assert now(looked).evidence == now(left).evidence


def test_another_checksum_begins_anew_and_another_step_asks_for_safety_anew() -> None:
    it = plain()
    serve(it, 3, v1=(200, 0))
    asked(it, replace(ASK, checksum="a"))
    serve(it, 60, v1=(200, 0), v2=(100, 0))
    assert now(it).ruling is Ruling.PROMOTE
    after = asked(it, replace(ASK, checksum="a", step="50"))
    assert (after.ruling, after.step_since) == (Ruling.HOLD, it.at)
    assert after.verdict is not None
    assert after.verdict.canary_requests > 0, "what spoke for harm stays"
    serve(it, 60, v1=(200, 0), v2=(100, 0))
    assert now(it).ruling is Ruling.PROMOTE
    anew = asked(it, replace(ASK, checksum="b", step="50"))
    assert (anew.ruling, anew.since, anew.verdict) == (Ruling.HOLD, it.at, None)


def test_old_data_promotes_nothing() -> None:
    it = plain()
    serve(it, 3, v1=(200, 0))
    asked(it)
    serve(it, 60, v1=(200, 0), v2=(100, 0))
    assert now(it).ruling is Ruling.PROMOTE
    it.turn(after_ms=2 * MINUTE)
    assert now(it).ruling is Ruling.HOLD


def test_a_freeze_stops_what_would_follow_and_says_so() -> None:
    it = plain()
    serve(it, 3, v1=(200, 0))
    asked(it)
    it.ask(Freeze("search", "christmas"))
    serve(it, 60, v1=(200, 0), v2=(20, 5))
    assert (now(it).ruling, now(it).why) == (Ruling.HOLD, "automation is frozen: christmas")
    it.ask(Unfreeze("search"))
    assert now(it).ruling is Ruling.ROLLBACK


def test_when_the_way_back_fails_too_nothing_is_rolled_back() -> None:
    it = plain()
    serve(it, 3, v1=(200, 0))
    asked(it)
    serve(it, 20, v1=(200, 0), v2=(20, 10))
    assert now(it).ruling is Ruling.ROLLBACK
    serve(it, 30, v1=(200, 200), v2=(20, 10))
    assert now(it).ruling is Ruling.HOLD
    assert "the way back fails too" in now(it).why
    serve(it, 30, v1=(200, 0), v2=(20, 0))
    asked(it, replace(ASK, step="next"))
    assert now(it).ruling is Ruling.ROLLBACK, "what was shown to be worse does not become good"


def test_what_nobody_asks_about_is_let_go_after_an_hour_and_then_begins_anew() -> None:
    it = plain()
    serve(it, 3, v1=(200, 0))
    asked(it)
    it.turn(after_ms=HOUR)
    assert compare.key(ASK) in it.world.comparisons
    it.turn(after_ms=SECOND)
    assert it.world.comparisons == {}
    assert [fact.reason for fact in it.said(Kind.COMPARISON_ENDED)] == ["nobody asks about it any more"]


def test_who_asks_about_too_many_loses_their_own_oldest_and_nobody_elses() -> None:
    it = plain()
    other = asked(it, by="somebody")
    for number in range(compare.MOST_BY + 5):
        asked(it, replace(ASK, name=f"n{number}"), by="greedy")
    kept = [one for one in it.world.comparisons.values() if one.by == "greedy"]
    assert len(kept) == compare.MOST_BY
    assert other.id in it.world.comparisons


def test_there_is_room_for_so_many_and_no_more() -> None:
    it = plain()
    for number in range(compare.MOST):
        asked(it, replace(ASK, name=f"n{number}"), by=f"by {number // compare.MOST_BY}")
    refused = it.ask(replace(ASK, name="one more"), "another", "judge")
    assert isinstance(refused, Refused)
    assert asked(it, replace(ASK, name="n3"), by="another").by == "by 0", "those that are kept go on"


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (Compare("nowhere", "v1", "v2"), "not-found"),
        (Compare("search", "v1", "v1"), "usage"),
        (Compare("search", "v1"), "usage"),
        (Compare("search"), "usage"),
    ],
)
def test_what_cannot_be_compared_is_refused(wish: Compare, code: str) -> None:
    answer = plain().ask(wish)
    assert isinstance(answer, Refused)
    assert answer.code == code


def test_it_survives_a_restart_by_snapshot_and_by_replay() -> None:
    it = plain()
    serve(it, 3, v1=(200, 0))
    asked(it, replace(ASK, checksum="c"))
    serve(it, 20, v1=(200, 1), v2=(20, 0))
    assert revive(preserve(it.world)).comparisons == it.world.comparisons
    world = empty()
    for turn in it.turns:
        made = step(world, turn.arrivals, turn.tick)
        assert made.facts == turn.facts
        world = made.world
    assert world.comparisons == it.world.comparisons


def test_a_ruling_is_written_down_once_with_its_evidence() -> None:
    it = plain()
    serve(it, 3, v1=(200, 0))
    asked(it)
    serve(it, 40, v1=(200, 0), v2=(20, 4))
    (fact,) = it.said(Kind.COMPARISON_RULED)
    assert (fact.subject, fact.body["ruling"], fact.body["version"]) == (now(it).id, "rollback", "v2")
    assert float(str(fact.body["e_regress"])) >= 20
