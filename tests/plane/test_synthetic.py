"""Synthetic requests to both versions while users send too few, by the same `step` that production runs."""

from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

from focusplane.act.fact import Kind
from focusplane.act.request import AbortRollout, Done, Freeze, PauseRollout, StartRollout, Unfreeze
from focusplane.control.rollout import Phase
from focusplane.define.load import load
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import MINUTE, SECOND
from focusplane.observe.reading import Measured
from focusplane.observe.synthetic import Heard, Reply, Round
from focusplane.plane import queries
from focusplane.plane.arrival import Counted, PolicyRead, Supplemented
from focusplane.plane.recover import empty
from focusplane.plane.snapshot import preserve, revive
from focusplane.plane.step import step
from focusplane.testing.rig import Load, Rig

ROOT = Path(__file__).parent
SENDS = """
    synthetic:
      requests:
        - {url: "http://127.0.0.1:10000/checkout/quote"}
        - {url: "http://127.0.0.1:10000/checkout", method: POST, send: "{}", headers: {content-type: application/json}}
      rate: 2/s
      below: 30/min
"""
PLAIN = (
    (ROOT / "checkout.yaml")
    .read_text()
    .replace("""    - name: latency
      target: 95%
      window: 30d
      sli: {latency: {under: 300ms}}
""", "")
    .replace("{weight: 5%, for: 5s}, 25%", "{weight: 25%, for: 5s}")
    .replace("slack: 0.5%", "slack: 5%")
    .replace("holdAtMost: 3m", "holdAtMost: 30m")
)  # fmt: skip
POLICY = PLAIN.replace("    holdAtMost: 30m\n", f"    holdAtMost: 30m{SENDS}")
SEEN_IN_TIME = POLICY.replace("      rate: 2/s\n", "      rate: 2/s\n      promotes: true\n")
PROMOTES = SEEN_IN_TIME.replace("slack: 5%", "slack: 5%, metrics: [errors]")
THIN, THICK = Fraction(1, 5), 20
"""Requests of users a second: 12 and 1,200 a minute."""


def rig(text: str = POLICY, per_second: int | Fraction = THIN) -> Rig:
    it = Rig({"checkout.yaml": text})
    assert not it.world.policies.refused
    it.loads.append(Load("checkout", per_second=THICK, tenants=20))
    it.seconds(10)
    it.loads[0].per_second = per_second
    it.seconds(50)
    assert isinstance(it.ask(StartRollout("checkout", "v2")), Done)
    return it


def counts(it: Rig) -> Measured:
    mark = it.world.counters.lanes["checkout"].sources.mark
    assert mark is not None
    found = it.world.counters.over("checkout", "availability", 10 * MINUTE, mark)
    assert isinstance(found, Measured)
    return found


def test_both_versions_get_the_same_requests_as_often_and_neither_is_always_first() -> None:
    it = rig()
    it.seconds(120)
    pairs = [pair for effect in it.synthetic for pair in effect.pairs]
    assert {effect.arms for effect in it.synthetic} == {("v2", "v1")}
    assert [pair.number for pair in pairs] == list(range(len(pairs)))
    assert 190 <= len(pairs) <= 222, "two a second, from the eleventh on"
    titles = Counter(pair.request.title for pair in pairs)
    assert max(titles.values()) - min(titles.values()) <= 1
    assert set(titles) == {"GET /checkout/quote", "POST /checkout"}
    first = sum(pair.canary_first for pair in pairs)
    assert len(pairs) / 3 < first < 2 * len(pairs) / 3


def test_they_reach_no_objective_no_budget_no_exposure_and_no_slice() -> None:
    it, same = rig(), rig(PLAIN)
    for one in (it, same):
        one.seconds(120)
    assert it.synthetic
    assert not same.synthetic
    assert counts(it) == counts(same)
    assert it.world.health["checkout/availability"] == same.world.health["checkout/availability"]
    lane, other = (one.world.counters.lanes["checkout"] for one in (it, same))
    assert lane.arms.state() == other.arms.state()
    assert lane.roster.state() == other.roster.state()
    assert it.world.evidence["checkout"].errors == same.world.evidence["checkout"].errors


def test_harm_that_only_synthetic_requests_meet_takes_the_version_back_and_is_said_to_be_theirs() -> None:
    it = rig()
    it.synthetic_failing["v2"] = 2
    it.seconds(120)
    rollout = it.world.rollouts["checkout"]
    assert rollout.phase is Phase.ROLLED_BACK
    assert "synthetic, most in" in rollout.reason
    assert "canary requests" in rollout.reason
    (back,) = [fact for fact in it.said(Kind.ROLLOUT_MOVED) if fact.body["phase"] == "rolled-back"]
    metrics = back.body["metrics"]
    assert isinstance(metrics, dict)
    assert float(str(metrics["synthetic"])) >= 80, "by its own share of alpha"
    sent = len(it.synthetic)
    it.seconds(30)
    assert len(it.synthetic) == sent, "nothing more once it is over"


def test_they_never_promote_by_themselves() -> None:
    it = rig()
    it.seconds(600)
    made = it.world.evidence["checkout"].synthetic
    assert made is not None
    assert made.metric.log_safe > 3, "they have shown that it is safe"
    assert (it.world.rollouts["checkout"].step, it.world.rollouts["checkout"].live) == (0, True)
    assert "were synthetic" in it.world.verdicts["checkout"].reason


def test_they_promote_where_the_policy_says_so_and_not_against_what_users_met() -> None:
    it = rig(PROMOTES)
    it.seconds(600)
    assert it.world.rollouts["checkout"].phase is Phase.PROMOTED
    assert it.world.rollouts["checkout"].evidence_of_safety is True
    timed = rig(SEEN_IN_TIME, Fraction(1, 600))
    timed.seconds(600)
    assert timed.world.rollouts["checkout"].live, "they say nothing of the latency that users meet"
    bad = rig(PROMOTES)
    bad.loads[0].failing["v2"] = Fraction(1)
    bad.seconds(600)
    assert bad.world.rollouts["checkout"].phase is not Phase.PROMOTED


def test_requests_that_never_fail_excuse_no_failure_of_users() -> None:
    it, same = rig(), rig(PLAIN)
    for one in (it, same):
        one.loads[0].failing["v2"] = Fraction(1, 2)
        one.seconds(300)
    assert it.synthetic
    with_them, without = (one.world.rollouts["checkout"] for one in (it, same))
    assert with_them.phase is without.phase is Phase.ROLLED_BACK
    assert with_them.ended_at <= without.ended_at + 60 * SECOND


def test_enough_users_need_no_supplement_and_it_ends_as_soon_as_they_come() -> None:
    it = rig(per_second=THICK)
    it.seconds(30)
    assert it.synthetic == []
    thin = rig()
    thin.seconds(60)
    assert thin.synthetic
    thin.loads[0].per_second = THICK
    thin.seconds(10)
    sent = len(thin.synthetic)
    thin.seconds(20)
    assert len(thin.synthetic) == sent
    ends = thin.said(Kind.ROLLOUT_SUPPLEMENTED)[-1]
    assert ends.body["on"] is False
    assert "is enough" in ends.reason


def test_a_freeze_and_a_pause_end_it_at_once_and_so_does_the_end_of_the_rollout() -> None:
    it = rig()
    it.seconds(30)
    it.ask(Freeze("checkout", "look"))
    sent = len(it.synthetic)
    it.seconds(15)
    assert len(it.synthetic) == sent
    assert "frozen" in it.world.supplies["checkout"].off
    it.ask(Unfreeze("checkout"))
    it.seconds(15)
    assert len(it.synthetic) > sent
    it.ask(PauseRollout("checkout", "look"))
    sent = len(it.synthetic)
    it.seconds(15)
    assert len(it.synthetic) == sent
    it.ask(AbortRollout("checkout", "enough"))
    it.seconds(5)
    assert it.world.supplies["checkout"].off == "the rollout is aborted"
    assert it.world.outbox == {}


def test_what_comes_back_after_the_end_counts_nowhere() -> None:
    it = rig()
    it.seconds(30)
    made = it.turn(after_ms=SECOND)
    (effect,) = [one for one in made.effects if one in it.synthetic] or [it.synthetic[-1]]
    it.ask(AbortRollout("checkout", "enough"))
    known = it.world.supplies["checkout"]
    bad = Round(effect.pairs[0].number, "GET /", Reply(Heard.BAD, "status 503"), Reply(Heard.GOOD))
    it.turn(Supplemented(effect.key, "checkout", (bad,)))
    assert it.world.supplies["checkout"].pending == ()
    assert it.world.supplies["checkout"].reached == known.reached


def test_a_version_that_has_never_answered_the_plane_is_not_said_to_fail() -> None:
    it = rig()
    it.unanswered.add("v2")
    it.seconds(200)
    made = it.world.evidence["checkout"].synthetic
    assert made is not None
    assert made.metric.counts == (0, 0, 0, 0)
    assert it.world.rollouts["checkout"].live
    known = it.world.supplies["checkout"]
    assert known.left == {"one version has never answered the plane": known.sent}
    assert known.sent <= 26, "twenty tell enough; then one a minute"


def test_a_version_that_has_answered_and_then_falls_silent_fails_and_a_broken_way_fails_nobody() -> None:
    it = rig()
    it.seconds(30)
    it.unanswered.add("v2")
    it.seconds(60)
    assert it.world.rollouts["checkout"].phase is Phase.ROLLED_BACK
    both = rig()
    both.seconds(30)
    both.unanswered |= {"v1", "v2"}
    both.seconds(60)
    made = both.world.evidence["checkout"].synthetic
    assert made is not None
    assert made.metric.counts[1] == made.metric.counts[3] == 0
    assert both.world.rollouts["checkout"].live


def test_while_nobody_can_see_the_users_nothing_is_sent() -> None:
    it = rig()
    it.seconds(30)
    it.loads.clear()
    for _ in range(30):
        it.turn(after_ms=SECOND)
    sent = len(it.synthetic)
    for _ in range(20):
        it.turn(after_ms=SECOND)
    assert len(it.synthetic) == sent
    assert "cannot be seen" in it.world.supplies["checkout"].off


def test_no_more_than_at_most_are_sent() -> None:
    it = rig(POLICY.replace("      rate: 2/s\n", "      rate: 2/s\n      atMost: 25\n"))
    it.seconds(120)
    assert sum(len(effect.pairs) for effect in it.synthetic) == 25
    assert "atMost" in it.world.supplies["checkout"].off


def test_trap_unmarked_requests_that_telemetry_takes_for_users_end_it_for_good() -> None:
    it = rig()
    leaks(it, marked=False)
    known = it.world.supplies["checkout"]
    assert "does not know the mark" in known.leak
    assert known.sent <= 120, "within a minute"
    sent = known.sent
    it.seconds(120)
    assert it.world.supplies["checkout"].sent == sent
    fine = rig()
    leaks(fine, marked=True)
    assert fine.world.supplies["checkout"].leak == ""


def leaks(it: Rig, marked: bool) -> None:
    """A minute and a half in which the gateway counts what the plane sends, as synthetic or as of users."""
    told = 0
    for _ in range(90):
        sent = it.synthetic[told:]
        told = len(it.synthetic)
        at, count = it.at + SECOND, sum(len(effect.pairs) for effect in sent)
        part = {name: Slice(tenant="", version=name) for name in ("v1", "v2")}
        signals = tuple(
            Signal(
                "checkout",
                "production",
                Source.EDGE,
                "edge-1",
                at - SECOND,
                at,
                part[name],
                Outcome(200, synthetic=marked),
                count,
            )
            for name in part
            if count
        )
        it.turn(Counted(f"own {at}", signals))
        it.seconds(1)


def test_the_status_says_how_many_were_synthetic_and_why_none_are_sent_now() -> None:
    it = rig()
    it.seconds(60)
    shown = queries.rollout(it.world, "checkout")
    made = shown["synthetic"]
    canary = shown["verdict"]["canary_requests"]
    assert made["sending"] is True
    assert made["requests"] > 50
    assert made["text"].startswith(
        f"of {canary + made['requests']} requests of v2, {made['requests']} were synthetic"
    )
    assert "2/s" in made["now"]
    assert [one["metric"] for one in shown["verdict"]["metrics"]][-1] == "synthetic"
    assert "synthetic" in shown["verdict"]["path"]["metrics"]
    it.ask(AbortRollout("checkout", "enough"))
    it.seconds(2)
    after = queries.rollout(it.world, "checkout")["synthetic"]
    assert after["sending"] is False
    assert after["now"] == "none are sent: the rollout is aborted"


def test_they_survive_a_snapshot_and_a_replay_says_the_same() -> None:
    it = rig()
    it.seconds(45)
    copy = rig()
    copy.world = revive(preserve(it.world))
    copy._next = list(it._next)
    copy._due = dict(it._due)
    for one in (it, copy):
        one.seconds(45)
    assert copy.world.supplies == it.world.supplies
    assert copy.world.evidence == it.world.evidence
    again, facts = empty(), []
    for turn in it.turns:
        made = step(again, turn.arrivals, turn.tick)
        again = made.world
        facts.extend(made.facts)
    assert [fact.reason for fact in facts] == [fact.reason for fact in it.facts]


def test_a_policy_that_asks_for_them_in_the_middle_of_a_rollout_waits_for_the_next_one() -> None:
    it = rig(PLAIN)
    it.seconds(120)
    assert "checkout" in it.world.evidence
    it.turn(PolicyRead({"checkout.yaml": POLICY}, "2026-01-01"))
    it.seconds(30)
    assert it.synthetic == []


def test_a_policy_that_asks_for_them_no_more_ends_them_and_keeps_what_they_have_shown() -> None:
    it = rig()
    it.seconds(60)
    it.turn(PolicyRead({"checkout.yaml": PLAIN}, "2026-01-01"))
    sent = len(it.synthetic)
    it.seconds(30)
    assert len(it.synthetic) == sent
    assert it.world.supplies["checkout"].off == "the policy asks for none any more"
    assert it.said(Kind.ROLLOUT_SUPPLEMENTED)[-1].body["on"] is False
    made = it.world.evidence["checkout"].synthetic
    assert made is not None
    assert made.metric.counts[0] > 50
    shown = queries.rollout(it.world, "checkout")["synthetic"]
    assert shown["sending"] is False


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ('requests: {url: "http://169.254.169.254/{version}"}', "D012"),
        ('requests: {url: "http://shop.example/", method: DELETE}', "D014"),
        ('requests: {url: "http://shop.example/", send: "{}"}', "D320"),
        ('requests: {url: "http://shop.example/", headers: {x-focus-synthetic: "false"}}', "D012"),
        ('requests: {url: "http://shop.example/", headers: {X-Tenant: acme}}', "D320"),
        ('requests: {url: "http://shop.example/", headers: {a: "b\\nc"}}', "D012"),
        ("probe: availability", "D322"),
        ('requests: {url: "http://shop.example/"}, probe: up', "D320"),
        ("timeout: 30s", "D320"),
        ('requests: {url: "http://shop.example/"}, timeout: 30s', "D321"),
        ('requests: {url: "http://shop.example/"}, rate: 100/s', "D321"),
        ('requests: {url: "http://shop.example/"}, rate: 1/min', "D321"),
    ],
)
def test_what_must_not_be_sent_is_refused_at_the_door(said: str, code: str) -> None:
    rate = "" if "rate" in said else ", rate: 2/s"
    text = PLAIN.replace(
        "    holdAtMost: 30m\n", f"    holdAtMost: 30m\n    synthetic: {{{said}{rate}, below: 30/min}}\n"
    )
    assert code in {one.code for one in load({"checkout.yaml": text}).problems}


def test_an_objective_that_counts_synthetic_requests_and_a_driver_without_an_address_are_refused() -> None:
    counted = POLICY.replace("exclude: {synthetic: true}", "exclude: {synthetic: false}")
    assert "D323" in {one.code for one in load({"checkout.yaml": counted}).problems}
    flag = PLAIN.replace(
        "owner: payments}",
        "owner: payments, rollout: {steps: [10%, 100%], synthetic: "
        '{requests: {url: "http://shop.example/"}, rate: 2/s, below: 30/min}}}',
    )
    assert "D322" in {one.code for one in load({"checkout.yaml": flag}).problems}
    told = flag.replace("shop.example/", "shop.example/?variant={version}")
    assert "D322" not in {one.code for one in load({"checkout.yaml": told}).problems}
