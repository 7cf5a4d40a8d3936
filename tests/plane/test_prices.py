"""What a change cost of the budget is worked out, put on the record once, and shown with it."""

from fractions import Fraction

from focusplane.act.fact import Kind
from focusplane.act.price import Price
from focusplane.act.request import Done, RecordChange
from focusplane.kernel.tick import SECOND
from focusplane.plane import queries
from focusplane.plane.arrival import PolicyRead
from focusplane.plane.arrows.price import said
from focusplane.plane.recover import empty
from focusplane.plane.step import step
from focusplane.testing.rig import Load, Rig

POLICY = """
apiVersion: focusplane/v1
kind: Focus
metadata: {name: checkout}
spec:
  owner: payments
  boundary: [{service: payment}]
  objectives:
    - {name: availability, target: 99%, window: [7d, 1d], sli: {bad: {status: 5xx}}}
---
apiVersion: focusplane/v1
kind: Team
metadata: {name: payments}
spec: {members: [ana@example.org]}
"""


def running() -> Rig:
    it = Rig({"checkout.yaml": POLICY})
    it.loads.append(Load("checkout", per_second=20, tenants=5, failing={"": Fraction(1, 100)}))
    it.seconds(120)
    return it


def test_a_deploy_that_failed_more_than_usual_is_priced_and_explained() -> None:
    it = running()
    answer = it.ask(RecordChange("deploy", "v2 goes out", "checkout", "v2"), by="ci")
    assert isinstance(answer, Done)
    it.loads[0].failing[""] = Fraction(1, 2)
    it.seconds(60)
    assert it.ask(RecordChange("deploy", "v1 is back", "checkout", "v1"), by="ci")
    it.loads[0].failing[""] = Fraction(1, 100)
    so_far = queries.explain(it.world, it.facts, answer.subject)
    assert so_far["transitions"]
    it.seconds(310)
    found = it.world.prices[answer.subject]
    assert (found.total, found.until - found.since) == (1_200, 60 * SECOND)
    assert 560 <= found.failures <= 612
    assert found.usual == Fraction(1, 100)
    assert found.excess == found.failures - 12
    assert found.share is not None
    assert found.share > 0
    (fact,) = it.said(Kind.CHANGE_PRICED)
    assert fact.subject == answer.subject
    assert "v2 goes out cost" in fact.reason
    assert "more than usual" in fact.reason


def test_prices_replay_to_the_same_facts() -> None:
    it = running()
    it.ask(RecordChange("config", "more retries", "checkout"), by="ci")
    it.seconds(20)
    it.ask(RecordChange("config", "fewer retries", "checkout"), by="ci")
    it.seconds(320)
    assert len(it.said(Kind.CHANGE_PRICED)) == 1
    world = empty()
    for turn in it.turns:
        made = step(world, turn.arrivals, turn.tick)
        assert made.facts == turn.facts
        world = made.world


def test_a_focus_shows_of_each_window_when_its_budget_ends_and_who_burnt_it() -> None:
    it = running()
    (objective,) = queries.focus(it.world, "checkout")["objectives"]
    week, day = objective["spending"]
    assert (week["window"], day["window"]) == ("7d", "1d")
    assert week["burnt_by"]["failures"] == 24
    assert week["burnt_by"]["by"]["tenant"][0]["value"].startswith("t")
    assert week["forecast"]["text"] == "unknown"
    assert "only 0 of 4 blocks" in week["forecast"]["why"]
    assert [one["window"] for one in objective["windows"]] == ["7d", "1d"]
    lines = "\n".join(queries.explain(it.world, it.facts, "checkout")["present"][0]["lines"])
    assert "burnt by tenant" in lines


def test_which_target_was_in_force_when_is_on_the_record() -> None:
    it = running()
    text = POLICY.replace("99%, window: [7d, 1d]", "99.5%, window: 7d")
    it.turn(PolicyRead({"checkout.yaml": text}, "2026-01-01"))
    (fact,) = it.said(Kind.OBJECTIVE_TARGET)
    assert (fact.body["before"], fact.body["after"]) == ("99% over 7d, 1d", "99.5% over 7d")
    it.seconds(2)
    assert queries.focus(it.world, "checkout")["objectives"][0]["total"] == 122 * 20


def test_a_price_that_is_not_nothing_is_not_told_as_nothing() -> None:
    for share, told in (
        (Fraction(1, 10**6), "less than 0.01%"),
        (Fraction(0), "0%"),
        (Fraction(1, 80), "1.25%"),
    ):
        one = Price("pay", "availability", "v2", 0, SECOND, 7, 332, Fraction(0), Fraction(7), share)
        assert (
            f"v2 cost {told} of the budget of availability: 7 of 332 failed in 1s, 7 more than usual"
            == said(one)
        )
