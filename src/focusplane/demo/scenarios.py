"""Scenarios by the name that `focus demo` takes."""

from pathlib import Path
from typing import Any

from focusplane.demo import s2, u1, u4, u6, u8, u10
from focusplane.demo.faults import plots
from focusplane.demo.play import Scenario
from focusplane.demo.processes import Processes
from focusplane.demo.s1 import s1
from focusplane.demo.small.stage import SmallStage
from focusplane.demo.stage import Stage
from focusplane.kernel.errors import UsageError

SMALL = {
    "s2": (s2.plot, "s2-upload-parser", "uploads"),
    "u4": (u4.plot, "u4-schema-migration", "orders"),
    "u1": (u1.plot, "u1-payment-regions", "checkout-eu"),
    "u6": (u6.plot, "u6-mobile-feature", "player"),
    "u8": (u8.plot, "u8-search-ranking", "search"),
    "u10": (u10.plot, "u10-model-canary", "offers"),
}
"""Plot, folder of `examples/`, focus."""


def scenario_of(name: str, fault: str | None = None) -> Scenario[Any]:
    """Faults belong to S1. Raises `UsageError` for a fault of another scenario."""
    if fault:
        if name != "s1":
            raise UsageError(f"{name} has no faults", "focus demo s1 --fault NAME")
        return Scenario(fault, plots()[fault], Stage)
    if name == "s1":
        return Scenario("S1", s1, Stage)
    plot, example, focus = SMALL[name]

    def stage(root: Path, processes: Processes) -> SmallStage:
        return SmallStage(root, processes, example, focus)

    return Scenario(name.upper(), plot, stage)
