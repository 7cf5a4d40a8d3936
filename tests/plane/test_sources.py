"""What people see of the sources of a focus: age, what it allows, what nobody tells, and how much is traced (M5)."""

from fractions import Fraction
from pathlib import Path

from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import SECOND
from focusplane.plane import queries
from focusplane.plane.arrival import Counted
from focusplane.plane.queries.shown import Shown
from focusplane.testing.rig import Load, Rig

POLICY = (Path(__file__).parent / "checkout.yaml").read_text()


def rig(seconds: int, **load: object) -> Rig:
    it = Rig({"checkout.yaml": POLICY})
    plain = {
        "per_second": 40,
        "tenants": 20,
        "source": Source.APP,
        "reporters": ("payment/i-1", "payment/i-2"),
    }
    it.loads.append(Load("checkout", **{**plain, **load}))  # type: ignore[arg-type]
    it.seconds(seconds)
    return it


def spans(it: Rig, count: int, stand_for: int = 0) -> None:
    signal = Signal(
        "checkout", "production", Source.SPANS, "payment/i-1", it.at - SECOND, it.at, Slice(), Outcome(200), count,
        represents=stand_for,
    )  # fmt: skip
    it.turn(Counted(f"spans {it.at} {count}", (signal,)))


def shown(it: Rig) -> Shown:
    return queries.focus(it.world, "checkout")


def test_each_source_says_how_old_it_is_and_what_may_be_decided_on_it() -> None:
    it = rig(301, every_s=60)
    spans(it, 10)
    it.seconds(10)
    app, traces = shown(it)["sources"]
    assert (app["source"], app["counts"], app["reporters"], app["speaking"]) == ("app", True, 2, 2)
    assert (app["interval_ms"], app["data_age_ms"], app["requests"]) == (60_000, 11_000, 12_000)
    assert app["may"] == "may tighten and promote"
    assert (traces["source"], traces["counts"]) == ("spans", False)
    assert traces["may"] == "does not count: for traces and cross-checks"
    it.loads.clear()
    it.seconds(70)
    assert shown(it)["sources"][0]["may"] == "older than 1m15s: may tighten, never promotes"


def test_a_tenant_that_no_telemetry_names_is_unknown_and_not_nobody() -> None:
    it = rig(200, named=False, failing={"v1": Fraction(1, 2)})
    told = "unknown: no telemetry names a tenant"
    assert shown(it)["untold"] == {"tenant": told}
    [incident] = queries.incidents(it.world, "checkout")
    assert incident["impact"]["tenants_unknown"] == told
    assert "tenants_hurt" not in incident["impact"]
    assert incident["impact"]["failed"] > 0
    impact = shown(it)["measures"]["M7"]
    assert (impact["value"], impact["no_data"]) == (None, told)
    assert impact["windows"]["1h"]["text"].startswith("0 of 0 tenants hurt in 1h; ")


def test_named_tenants_are_known() -> None:
    assert shown(rig(10))["untold"] == {}


def test_trace_coverage_is_what_was_traced_of_what_the_metrics_counted() -> None:
    it = rig(60)
    assert shown(it)["measures"]["M5"]["value"] == 0
    spans(it, 600)
    it.seconds(5)
    m5 = shown(it)["measures"]["M5"]
    assert (m5["traced"], m5["requests"], m5["value"]) == (600, 2_600, 600 / 2_600)
    assert m5["text"] == "600 of 2600 requests counted by the app in 1h have a server span"


def test_spans_alone_cannot_say_what_was_not_traced_unless_they_carry_their_sampling() -> None:
    it = rig(0)
    it.loads.clear()
    it.seconds(1)
    spans(it, 600)
    it.seconds(1)
    assert "only spans arrive" in shown(it)["measures"]["M5"]["no_data"]
    it = rig(0)
    it.loads.clear()
    it.seconds(1)
    spans(it, 75, stand_for=600)
    it.seconds(1)
    m5 = shown(it)["measures"]["M5"]
    assert (m5["traced"], m5["requests"], m5["value"]) == (75, 600, 0.125)
    assert shown(it)["objectives"][0]["reason"].endswith("an estimate from sampled spans")
