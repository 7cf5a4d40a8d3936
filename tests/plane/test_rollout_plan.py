"""The plan of a rollout, from what is stated and from what a plane observes."""

from fractions import Fraction
from pathlib import Path

import pytest

from focusplane.define.load import load
from focusplane.instrument.signal import Source
from focusplane.kernel.errors import NotFoundError, UsageError
from focusplane.plane import queries
from focusplane.plane.queries import Wish
from focusplane.testing.rig import Load, Rig

POLICY = (Path(__file__).parent / "checkout.yaml").read_text()


def rig(seconds: int = 90) -> Rig:
    made = Rig({"checkout.yaml": POLICY})
    made.loads.append(Load("checkout", failing={"v1": Fraction(1, 500)}))
    made.seconds(seconds)
    return made


def test_it_plans_with_the_traffic_and_the_failures_that_it_observes() -> None:
    shown = queries.rollout_plan(rig().world, "checkout", Wish())
    assert shown["traffic"] == pytest.approx(200, rel=0.05)
    assert shown["traffic_from"] == "observed"
    assert shown["failing"].startswith("0.2")
    assert shown["tenants"] == 100
    assert [one["tenants"] for one in shown["options"]] == [1, 5, 10, 25, 50, 0]
    assert shown["takes_ms"] > 0


def test_traffic_of_some_seconds_is_no_traffic_of_a_minute() -> None:
    shown = queries.rollout_plan(rig(10).world, "checkout", Wish())
    assert shown["traffic"] == pytest.approx(200, rel=0.05)


def test_what_is_stated_counts_for_more_than_what_is_observed() -> None:
    shown = queries.rollout_plan(rig().world, "checkout", Wish("1000/s", "1%", "5%"))
    assert (shown["traffic"], shown["failing"], shown["worse"]) == (1000, "1%", "5%")


def test_the_snippet_is_a_rollout_that_loads() -> None:
    shown = queries.rollout_plan(rig().world, "checkout", Wish())
    head, _, rest = POLICY.partition("  rollout:\n")
    tail = rest[rest.index("  alerts:") :]
    snippet = "".join(f"  {line}\n" for line in shown["yaml"].splitlines())
    loaded = load({"checkout.yaml": head + snippet + tail}, "2026-01-01")
    assert not [one for one in loaded.problems if one.severity == "error"]
    spec = loaded.policies.focuses["checkout"].rollout
    assert spec is not None
    assert len(spec.steps) == len(shown["steps"])


def test_without_traffic_it_asks_for_a_statement() -> None:
    with pytest.raises(UsageError, match="no traffic of checkout was seen"):
        queries.rollout_plan(rig(0).world, "checkout", Wish())


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish("many"), "--traffic"),
        (Wish("1/s", "101%"), "between 0% and 100%"),
        (Wish("1/s", "2%", "1%"), "is no regression"),
        (Wish("1/s", "x"), "--from"),
    ],
)
def test_what_cannot_be_meant_is_a_clear_error(wish: Wish, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        queries.rollout_plan(rig(1).world, "checkout", wish)
    assert said in raised.value.what + str(raised.value.hint)


PRICING = (Path(__file__).parent / "pricing.yaml").read_text()


def shop(seconds: int, text: str = PRICING, beside: bool = True) -> Rig:
    """Half of the requests evaluate the flag; before its rollout everybody has the old variant."""
    made = Rig({"shop.yaml": text})
    failing = {"old": Fraction(1, 100)}
    made.loads.append(Load("shop", flag="pricing", source=Source.APP, beside=beside, failing=failing))
    made.loads.append(Load("shop", tenants=50, source=Source.APP, reporters=("app-2",)))
    made.seconds(seconds)
    return made


@pytest.mark.parametrize("seconds", [20, 200])
def test_a_flag_is_planned_by_the_requests_that_evaluate_it(seconds: int) -> None:
    shown = queries.rollout_plan(shop(seconds).world, "shop", Wish(flag="pricing"))
    assert shown["flag"] == "pricing"
    assert shown["traffic"] == pytest.approx(200, rel=0.06)
    assert shown["traffic_from"] == "observed"
    assert float(shown["failing"].rstrip("%")) == pytest.approx(1, rel=0.1)
    whole = queries.rollout_plan(shop(seconds).world, "shop", Wish())
    assert whole["traffic"] == pytest.approx(400, rel=0.06)
    assert shown["takes_ms"] >= whole["takes_ms"]


def test_the_plan_of_a_flag_is_by_its_own_steps_and_judge_and_says_where_it_belongs() -> None:
    own = "owner: payments, rollout: {steps: [40%, 100%], judge: {slack: 3%}}}"
    text = PRICING.replace("owner: payments}\n      banner", f"{own}\n      banner")
    shown = queries.rollout_plan(shop(5, text).world, "shop", Wish("100/s", "1%", flag="pricing"))
    assert [one["split"] for one in shown["declared"]] == ["40%"]
    assert "slack: 3%" in shown["yaml"]
    assert shown["belongs"] == "spec.controls.flags.pricing"
    other = queries.rollout_plan(shop(5, text).world, "shop", Wish("100/s", "1%", flag="banner"))
    assert other["belongs"] == "spec"
    assert [one["split"] for one in other["declared"]] == ["25%", "50%"]


def test_a_flag_that_nobody_evaluates_is_planned_by_what_is_stated_alone() -> None:
    it = shop(5)
    with pytest.raises(UsageError, match="no traffic of the flag banner of shop was seen lately"):
        queries.rollout_plan(it.world, "shop", Wish(flag="banner"))
    shown = queries.rollout_plan(it.world, "shop", Wish("50/s", flag="banner"))
    assert (shown["traffic"], shown["failing_from"]) == (50, "assumed: a fifth of the budget")


def test_a_flag_that_is_not_declared_is_not_found_and_the_known_ones_are_named() -> None:
    with pytest.raises(NotFoundError, match="shop has no flag 'prices'") as raised:
        queries.rollout_plan(shop(1).world, "shop", Wish("1/s", flag="prices"))
    assert str(raised.value.hint) == "known: banner, pricing"


def test_an_unknown_focus_is_not_found() -> None:
    with pytest.raises(NotFoundError):
        queries.rollout_plan(rig(1).world, "nothing", Wish("1/s"))
