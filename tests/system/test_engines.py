"""The engines that other tests lean on hold what was written into them."""

from pathlib import Path

from tests.engines import (
    NEEDS_PROMETHEUS,
    NEEDS_VICTORIA,
    openmetrics,
    prometheus,
    series,
    victoria_metrics,
)

from focusplane.demo.processes import Processes
from focusplane.wire.clock import SystemClock

LONG_AGO_S = 40 * 86_400


def _begin() -> int:
    return SystemClock().now_ms() // 1000 - LONG_AGO_S


@NEEDS_PROMETHEUS
def test_a_prometheus_answers_about_a_past_before_it_was_started(tmp_path: Path) -> None:
    at = _begin()
    text = openmetrics({"requests_total": {'{code="200"}': {at: 1, at + 60: 18}}})
    with Processes(tmp_path / "logs") as processes:
        engine = prometheus(processes, tmp_path, history=text)
        [row] = engine.ask("requests_total", at + 60)
        assert row["value"][1] == "18"
        engine.kill()
        engine.start()
        assert engine.ask("requests_total[2m]", at + 61)[0]["values"] == [[at, "1"], [at + 60, "18"]]


@NEEDS_VICTORIA
def test_victoria_metrics_takes_a_back_dated_import(tmp_path: Path) -> None:
    at = _begin()
    with Processes(tmp_path / "logs") as processes:
        engine = victoria_metrics(processes, tmp_path)
        engine.backdate([series("requests_total", {"code": "200"}, {at: 1, at + 60: 18})])
        assert engine.ask("requests_total[2m]", at + 60)[0]["values"] == [[at, "1"], [at + 60, "18"]]
