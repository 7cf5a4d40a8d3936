"""When work in the background must wait: harm within seconds, blindness, a freeze, no budget left."""

from fractions import Fraction
from pathlib import Path

import pytest

from focusplane.act.request import Freeze
from focusplane.kernel.errors import NotFoundError
from focusplane.plane import queries
from focusplane.plane.queries.shown import Shown
from focusplane.testing.rig import Load, Rig

POLICY = (Path(__file__).parent / "checkout.yaml").read_text()


def rig(seconds: int, **load: object) -> Rig:
    it = Rig({"checkout.yaml": POLICY})
    it.loads.append(Load("checkout", **load))  # type: ignore[arg-type]
    it.seconds(seconds)
    return it


def brake(it: Rig, tenant: str = "") -> Shown:
    return queries.throttle(it.world, "checkout", tenant)


def test_while_all_is_well_it_may_run() -> None:
    assert brake(rig(120)) == {
        "focus": "checkout",
        "run": True,
        "harm": False,
        "reason": "nothing stands in the way",
    }


def test_failures_are_harm_within_seconds_and_over_within_seconds() -> None:
    it = rig(120)
    it.loads[0].failing["*"] = Fraction(1, 2)
    it.seconds(4)
    said = brake(it)
    assert (said["run"], said["harm"]) == (False, True)
    assert "failed in the last 10s" in str(said["reason"])
    it.loads[0].failing.clear()
    it.seconds(15)
    assert brake(it)["harm"] is False


def test_one_tenant_among_many_is_looked_at_by_itself_when_it_is_named() -> None:
    it = rig(120, tenants=1000)
    it.loads[0].failing_tenants["t1"] = Fraction(1)
    it.loads[0].tenants = 40
    it.seconds(6)
    named = brake(it, "t1")
    assert named["harm"] is True
    assert brake(it, "t2")["harm"] is brake(it)["harm"]


def test_what_cannot_be_seen_may_not_run_and_is_no_harm() -> None:
    it = Rig({"checkout.yaml": POLICY})
    it.seconds(5)
    said = brake(it)
    assert (said["run"], said["harm"]) == (False, False)
    it = rig(120)
    it.loads.clear()
    it.seconds(120)
    said = brake(it)
    assert (said["run"], said["harm"]) == (False, False)


def test_a_freeze_holds_it() -> None:
    it = rig(120)
    it.ask(Freeze("checkout", "holiday"))
    assert brake(it)["reason"] == "frozen: holiday"


def test_a_focus_that_nobody_declares_is_not_found() -> None:
    with pytest.raises(NotFoundError):
        queries.throttle(rig(5).world, "nobody")
