"""The memory of a real plane, measured in its process while it is sent what nobody should send."""

import runpy
from pathlib import Path

import httpx
from tests.system.customers import Sender
from tests.system.town import PATIENCE_S, Town, until

HOSTILE = Path(__file__).parents[2] / "benchmarks" / "hostile.py"
MOST_MIB = 700
"""What the plane may grow by; the benchmark sends 10^6 tenants, and stays below it, too."""


def test_forty_thousand_tenants_and_hostile_bodies_leave_a_small_plane_that_still_counts(
    town: Town,
) -> None:
    hostile = runpy.run_path(str(HOSTILE))
    send, memory = hostile["send"], hostile["memory"]
    town.start_plane()
    pid = town.plane.popen.pid
    first = memory(pid, "VmRSS")
    assert send(town.otlp, hostile["tenants"](40_000)) == {200: 8}
    assert set(send(town.otlp, hostile["attributes"](6))) == {200}
    assert set(send(town.otlp, hostile["instances"](5))) == {200}
    assert set(send(town.otlp, hostile["series"](2))) == {200}
    assert send(town.otlp, hostile["dense"](1)) == {413: 3}
    assert memory(pid, "VmRSS") - first < MOST_MIB

    sender = Sender(town.otlp)

    def counted() -> bool:
        sender.deliver(sender.batch(good=0, bad=0))  # a second is read once a later one has begun
        return (town.get("/focuses/orders")["objectives"][0]["total"] or 0) == 40_000

    until(counted, "every request of every tenant is counted, if not for itself")
    refused = {one["cause"]: one["count"] for one in town.get("/status")["unused"]}
    assert refused["refused: body too large"] == 3
    shown = httpx.get(f"{town.api}/metrics", timeout=PATIENCE_S).text
    assert 'focus_telemetry_unused_total{focus="",cause="refused: body too large"} 3' in shown
