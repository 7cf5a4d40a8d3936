"""Which arms a comparison is of, by which rules, and how it is explained."""

from fractions import Fraction
from pathlib import Path

import pytest
from tests.plane.pairs import POLICY as POLICY_OF_PAIRS
from tests.plane.pairs import asked, now, plain, serve

from focusplane.act.request import (
    Compare,
    Refused,
    SetControl,
    StartRollout,
)
from focusplane.instrument.signal import Source
from focusplane.observe.verdict import Ruling
from focusplane.plane import queries
from focusplane.testing.rig import Load, Rig

POLICY = (Path(__file__).parent / "checkout.yaml").read_text()


def test_arms_that_nobody_names_are_what_served_before_and_what_came_after() -> None:
    it = plain()
    serve(it, 10, old=(200, 0), older=(3, 0))
    wish = Compare("search", checksum="a", name="podinfo.test")
    assert asked(it, wish).stable == "old"
    serve(it, 5, old=(200, 0))
    assert (now(it, wish).ruling, now(it, wish).why) == (Ruling.HOLD, "only old has requests")
    serve(it, 60, old=(200, 0), new=(20, 4))
    assert (now(it, wish).canary, now(it, wish).ruling) == ("new", Ruling.ROLLBACK)


def test_two_that_came_are_not_guessed_between() -> None:
    it = plain()
    serve(it, 10, old=(200, 0))
    wish = Compare("search", checksum="a")
    asked(it, wish)
    serve(it, 40, old=(200, 0), new=(20, 10), newer=(20, 10))
    one = now(it, wish)
    assert one.ruling is Ruling.HOLD
    assert one.why == "besides old there are new, newer: which is the canary?"


def test_the_rules_are_those_of_a_rollout_that_declares_no_steps() -> None:
    rules = "  rollout: {judge: {alpha: 0.001, tolerance: 1.5}, freeze: {budgetBelow: 100%}}\n---"
    it = Rig({"search.yaml": POLICY_OF_PAIRS.replace("---", rules, 1)})
    serve(it, 3, v1=(200, 0))
    asked(it)
    serve(it, 5, v1=(200, 0), v2=(20, 1))
    shown = queries.comparison(it.world, now(it).id)
    assert (shown["threshold"], shown["verdict"]) == (1000.0, "continue")
    serve(it, 90, v1=(200, 0), v2=(100, 0))
    serve(it, 30, v1=(200, 8), v2=(100, 2))
    assert "of the error budget is left" in now(it).why
    few = POLICY_OF_PAIRS.replace("---", "  rollout: {judge: {minReporting: 2}}\n---", 1)
    alone = Rig({"search.yaml": few})
    serve(alone, 3, v1=(200, 0))
    asked(alone)
    serve(alone, 60, v1=(200, 0), v2=(100, 0))
    assert now(alone).why.startswith("1 of 2 instances of v2 count requests")
    refused = it.ask(StartRollout("search", "v2"))
    assert isinstance(refused, Refused)
    assert "no rollout in steps" in refused.reason


@pytest.mark.parametrize(("share", "ruling"), [("12/100", Ruling.ROLLBACK), ("1/1000", Ruling.PROMOTE)])
def test_two_variants_of_a_flag_are_compared_as_a_rollout_of_it_would(share: str, ruling: Ruling) -> None:
    it = Rig({"shop.yaml": (Path(__file__).parent / "pricing.yaml").read_text()})
    failing = {"none": Fraction(1, 1000), "new": Fraction(share)}
    it.loads.append(Load("shop", failing=failing, flag="pricing", source=Source.APP))
    it.seconds(10)
    wish = Compare("shop", "none", "new", flag="pricing")
    asked(it, wish)
    it.ask(SetControl("shop", "flag.pricing", {"variant": "new", "percentage": "30%"}, "by somebody else"))
    it.seconds(90)
    assert now(it, wish).ruling is ruling
    assert queries.comparison(it.world, now(it, wish).id)["flag"] == "pricing"


def test_why_it_is_as_it_is_can_be_asked_by_its_id() -> None:
    it = plain()
    serve(it, 3, v1=(200, 0))
    asked(it)
    serve(it, 3, v1=(200, 0), v2=(1, 0))
    told = queries.explain(it.world, it.facts, now(it).id)
    assert (told["kind"], told["now"]["verdict"]) == ("comparison", "continue")
    assert told["reason"].endswith("canary 0 of 3, baseline 0 of 600")
    serve(it, 20, v1=(200, 0), v2=(20, 4))
    told = queries.explain(it.world, it.facts, now(it).id)
    assert told["reason"].startswith("worse: canary")
    assert [one["kind"] for one in told["transitions"]] == ["comparison.began", "comparison.ruled"]
