"""Dashboards against a real Prometheus that holds what the plane says at /metrics: every query is answered, and with data."""

import json
from pathlib import Path

from tests.engines import NEEDS_PROMETHEUS, prometheus
from tests.web.scene import scene

from focusplane.demo.processes import Processes
from focusplane.edge.dialects.grafana import KINDS, dashboards
from focusplane.web.routes.health import render
from focusplane.wire.clock import SystemClock

QUIET = (
    "focus:budget:left_ratio",  # of the exported rules, which are not loaded here
    "rate(",  # of one scrape there is none
)


@NEEDS_PROMETHEUS
def test_every_query_of_every_dashboard_is_answered_with_what_the_plane_says_of_itself(
    tmp_path: Path,
) -> None:
    world = scene()
    at = SystemClock().now_ms() // 1000 - 86_400
    lines = render(world).splitlines()
    history = "\n".join(line if line.startswith("#") else f"{line} {at}" for line in lines) + "\n"
    with Processes(tmp_path / "logs") as processes:
        engine = prometheus(processes, tmp_path, history=history)
        silent = []
        for kind in KINDS:
            for name, text in dashboards(kind, [world.policies.set.focuses["checkout"]]).items():
                for panel in json.loads(text)["panels"]:
                    for target in panel.get("targets", ()):
                        found = engine.ask(target["expr"], at + 10)
                        if not found and not any(word in target["expr"] for word in QUIET):
                            silent.append(f"{name} {panel['title']}: {target['expr']}")
        left = engine.ask(
            'focus_objective_budget_left_ratio{focus="checkout",objective="availability"}', at + 10
        )
        health = world.health["checkout/availability"]
    assert [float(row["value"][1]) for row in left] == [float(health.budget.left)]  # type: ignore[union-attr]
    assert silent == []
