"""The plan of a rollout, from what is stated and from what a plane observes."""

from fractions import Fraction
from pathlib import Path

import pytest

from focusplane.define.load import load
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


def test_an_unknown_focus_is_not_found() -> None:
    with pytest.raises(NotFoundError):
        queries.rollout_plan(rig(1).world, "nothing", Wish("1/s"))
