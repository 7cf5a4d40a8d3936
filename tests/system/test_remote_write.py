"""A real Prometheus scrapes a service that knows nothing of us, and writes what it finds to a real plane."""

from pathlib import Path

import pytest
from tests.conftest import find_program
from tests.system.exporter import Exporter
from tests.system.town import HOST, PATIENCE_S, Town, until

from focusplane.demo.processes import Processes, free_ports, wait_until
from focusplane.instrument.cumulative import BASELINE

POLICY = """apiVersion: focusplane/v1
kind: Focus
metadata: {name: NAME}
spec:
  owner: crew
  boundary: [{service: NAME, routes: ["POST /checkout"]}]
  objectives:
    - {name: availability, target: 99%, window: 30d, sli: {bad: {status: 5xx}}}
    - {name: latency, target: 95%, window: 30d, sli: {latency: {under: 300ms}}}
"""
SHARDS = """global: {scrape_interval: 250ms, scrape_timeout: 250ms}
scrape_configs:
  - {job_name: counted, metrics_path: /counter, static_configs: [{targets: ["TARGET"]}]}
  - {job_name: timed, metrics_path: /histogram, static_configs: [{targets: ["TARGET"]}]}
remote_write:
  - url: URL/api/v1/write
    # Shards and tiny requests: the buckets of one histogram never come together.
    queue_config: {min_shards: 3, max_shards: 3, max_samples_per_send: 3, batch_send_deadline: 100ms, min_backoff: 30ms}
"""


NATIVE = """global: {scrape_interval: 250ms, scrape_timeout: 250ms}
scrape_configs:
  - {job_name: native, metrics_path: /native, static_configs: [{targets: ["TARGET"]}]}
remote_write:
  - url: URL/api/v1/write
    send_native_histograms: true
    queue_config: {min_shards: 2, max_shards: 2, max_samples_per_send: 3, batch_send_deadline: 100ms, min_backoff: 30ms}
"""


def start_prometheus(
    processes: Processes, root: Path, exporter: Exporter, url: str, text: str = SHARDS, *more: str
) -> None:
    [port] = free_ports(1)
    config = root / "prometheus.yml"
    config.write_text(text.replace("TARGET", f"{HOST}:{exporter.port}").replace("URL", url))
    program = find_program("prometheus")
    assert program is not None
    argv = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={root / 'tsdb'}",
        f"--web.listen-address={HOST}:{port}",
        *more,
    ]
    child = processes.start("prometheus", argv)
    wait_until(lambda: sum(exporter.scrapes.values()) > 0, child, PATIENCE_S)


def counted(town: Town, focus: str, objective: str = "availability") -> tuple[int, int]:
    rows = town.get(f"/focuses/{focus}")["objectives"]
    [row] = [row for row in rows if row["name"] == objective]
    return row["good"] or 0, row["total"] or 0


def scraped_again(exporter: Exporter) -> None:
    """Often enough to know all series of both pages."""
    before = dict(exporter.scrapes)
    until(
        lambda: all(exporter.scrapes[page] > before.get(page, 0) + 5 for page in ("/counter", "/histogram")),
        "Prometheus scrapes",
    )


@pytest.mark.requires_server("prometheus", "apt-get install prometheus")
def test_what_prometheus_scrapes_is_counted_exactly_also_in_shards_through_resets_and_for_new_series(
    town: Town, tmp_path: Path
) -> None:
    for name in ("counted", "timed"):
        (town.policies / f"{name}.yaml").write_text(POLICY.replace("NAME", name))
    town.start_plane()
    with Processes(tmp_path / "more") as processes, Exporter() as exporter:
        exporter.answer("200", 0.2, 1_000)  # before anybody watched: a baseline
        start_prometheus(processes, tmp_path, exporter, town.otlp)
        until(
            lambda: (
                sum(one["count"] for one in town.get("/status")["unused"] if one["cause"] == BASELINE)
                == 2_000
            ),
            "what was counted before is a baseline only",
        )
        scraped_again(exporter)
        exporter.answer("200", 0.2, 200)
        exporter.answer("200", 0.5, 10)
        exporter.answer("503", 0.05, 7)  # a series that was not there before
        both = (("counted", "availability"), ("timed", "availability"))
        for focus, objective in both:
            until(lambda f=focus, o=objective: counted(town, f, o) == (210, 217), f"{focus} is counted")
        until(lambda: counted(town, "timed", "latency") == (200, 210), "what was slow is counted")
        exporter.restart()
        exporter.answer("200", 0.2, 5)
        exporter.answer("503", 0.05, 1)
        for focus, objective in both:
            until(lambda f=focus, o=objective: counted(town, f, o) == (215, 223), f"{focus} goes on")
        scraped_again(exporter)
        assert [counted(town, focus) for focus, _ in both] == [(215, 223), (215, 223)]


@pytest.mark.requires_server("prometheus", "apt-get install prometheus")
def test_native_histograms_of_a_real_prometheus_are_counted_exactly_through_resets(
    town: Town, tmp_path: Path
) -> None:
    """The threshold of 300 ms cuts a bucket (0.297..0.324 s): what is in it counts as slow, and it is said so."""
    (town.policies / "native.yaml").write_text(POLICY.replace("NAME", "native"))
    town.start_plane()
    with Processes(tmp_path / "more") as processes, Exporter() as exporter:
        exporter.answer("200", 0.2, 1_000)
        flag = "--enable-feature=native-histograms"
        start_prometheus(processes, tmp_path, exporter, town.otlp, NATIVE, flag)
        until(
            lambda: (
                sum(one["count"] for one in town.get("/status")["unused"] if one["cause"] == BASELINE)
                == 1_000
            ),
            "what was counted before is a baseline only",
        )
        before = exporter.scrapes["/native"]
        until(lambda: exporter.scrapes["/native"] > before + 5, "Prometheus scrapes")
        exporter.answer("200", 0.2, 200)
        exporter.answer("200", 0.31, 4)
        exporter.answer("200", 0.5, 10)
        exporter.answer("503", 0.05, 7)
        until(lambda: counted(town, "native") == (214, 221), "the requests are counted")
        until(lambda: counted(town, "native", "latency") == (200, 214), "what was slow, or may have been")
        [latency] = [one for one in town.get("/focuses/native")["objectives"] if one["name"] == "latency"]
        assert "the threshold is no bucket bound" in latency["reason"]
        exporter.restart()
        exporter.answer("200", 0.25, 30)
        until(lambda: counted(town, "native") == (244, 251), "a reset counts what came after it")
