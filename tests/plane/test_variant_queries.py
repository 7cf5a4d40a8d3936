"""What people see of the variants of a flag: requests and failures of the last hour, and how far it may be raised."""

from fractions import Fraction
from pathlib import Path

import pytest

from focusplane.instrument.signal import Exposed, Outcome, Signal, Slice, Source
from focusplane.kernel.errors import NotFoundError
from focusplane.kernel.tick import SECOND
from focusplane.observe.exposures import CROWDED
from focusplane.observe.flag_tables import MOST_UNDECLARED
from focusplane.plane import queries
from focusplane.plane.arrival import Counted
from focusplane.testing.rig import Load, Rig

POLICY = (Path(__file__).parent / "pricing.yaml").read_text().replace("window: 30d", "window: 2h")
SPLIT = POLICY.replace(
    "default: old, off: none",
    "default: new, off: none, percentage: 50%, exposure: {budgetBelow: 50%, atMost: 10%}",
)


def rig(**failing: str) -> Rig:
    made = Rig({"shop.yaml": SPLIT})
    shares = {variant: Fraction(share) for variant, share in failing.items()}
    made.loads.append(Load("shop", failing=shares, flag="pricing", source=Source.APP))
    made.seconds(60)
    return made


def of(it: Rig, flag: str) -> queries.Shown:
    return next(row for row in queries.variants(it.world, "shop") if row["flag"] == flag)


def test_the_list_says_requests_and_failures_of_each_variant() -> None:
    it = rig(none="1/2", new="0")
    row = of(it, "pricing")
    new, none = row["variants"]
    assert (new["variant"], new["failed"], new["failed_text"]) == ("new", 0, "0%")
    assert none["failed_share"] == pytest.approx(0.5, abs=0.01)
    assert new["requests"] + none["requests"] >= 50 * 100
    assert "none: " in row["text"]
    assert "% failed" in row["text"]
    shown = next(one for one in queries.controls(it.world) if one["control"] == "flag.pricing")
    assert {"flag": "pricing", "declared": True, **shown["exposure"]} == row


def test_a_flag_that_nobody_evaluates_says_so() -> None:
    row = of(rig(), "banner")
    assert row["text"] == "no request of the last hour has evaluated it"
    assert row["no_data"] == "no request has evaluated flag banner"


def test_the_bound_in_force_is_shown_while_it_holds() -> None:
    it = rig()
    assert of(it, "pricing")["bound"] == ""
    it.loads[0].failing["*"] = Fraction(1, 2)
    it.seconds(60)
    assert "may be raised to 10% at most" in of(it, "pricing")["bound"]


def test_flags_of_other_systems_are_listed_after_the_declared_ones() -> None:
    it = rig()
    at = it.world.tick.at
    exposed = (Exposed("elsewhere", "blue"),)
    one = Signal(
        "shop", "production", Source.APP, "shop/1", at - SECOND, at, Slice(), Outcome(503), 3, exposed=exposed, only_exposed=True
    )  # fmt: skip
    it.world.counters.add(one, at)
    rows = queries.variants(it.world, "shop")
    assert [(row["flag"], row["declared"]) for row in rows] == [
        ("banner", True),
        ("pricing", True),
        ("elsewhere", False),
    ]
    assert rows[-1]["variants"][0]["failed_text"] == "100%"
    with pytest.raises(NotFoundError):
        queries.variants(it.world, "nothing")


def test_flags_without_a_place_are_said_once_by_spans_and_by_metrics_alike() -> None:
    it = rig()
    at = it.world.tick.at
    for number, only in ((MOST_UNDECLARED, False), (MOST_UNDECLARED + 5, True)):
        signals = tuple(
            Signal(
                "shop", "production", Source.APP, "shop/1", at - SECOND, at, Slice(), Outcome(200), 2,
                exposed=(Exposed(f"f{only}{each}", "on"),), only_exposed=only,
            )
            for each in range(number)
        )  # fmt: skip
        it.turn(Counted(f"batch {only}", signals))
    assert it.world.unused["shop/flags"] == 2 * (MOST_UNDECLARED + 5)
    assert "shop/" + CROWDED not in it.world.unused
