"""A real Prometheus and a real Alertmanager tell a real plane; amtool silences it; what a kill leaves of a silence."""

import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from tests.engines import NEEDS_PROMETHEUS, prometheus
from tests.system.alertmanager import RealAlertmanager, amtool
from tests.system.exporter import Exporter
from tests.system.town import HOST, PATIENCE_S, Shown, Town, until

from focusplane.demo.processes import Processes

NEEDS_ALERTMANAGER = pytest.mark.requires_server(
    "prometheus-alertmanager", "apt-get install prometheus-alertmanager"
)
CONFIG = """global: {scrape_interval: 250ms, scrape_timeout: 250ms, evaluation_interval: 250ms}
rule_files: [RULES]
scrape_configs: [{job_name: shop, metrics_path: /counter, static_configs: [{targets: ["TARGET"]}]}]
alerting:
  alertmanagers:
    - {static_configs: [{targets: ["PLANE"]}], authorization: {credentials: "TOKEN"}}
    - {static_configs: [{targets: ["ALERTMANAGER"]}]}
"""
RULES = """groups:
  - name: shop
    rules:
      - alert: ShopIsDown
        expr: http_requests_total{status="503"} > 0
        labels: {focus_id: shop, severity: critical}
        annotations: {summary: the shop does not answer}
      - alert: OrdersAreDown
        expr: http_requests_total{status="503"} > 0
        labels: {focus_id: orders, severity: warning}
"""
ROUTES = """route:
  receiver: nobody
  routes:
    - {matchers: ["alertname = OrdersAreDown"], receiver: plane, group_wait: 0s, group_interval: 1s}
receivers:
  - name: nobody
  - name: plane
    webhook_configs:
      - url: PLANE/api/v1/alertmanager
        http_config: {authorization: {credentials: "TOKEN"}}
"""


def _alerted(town: Town, focus: str) -> list[Shown]:
    """Incidents of that focus which an alert of another system opened."""
    rows = town.get("/incidents")["items"]
    return [one for one in rows if one["focus"] == focus and one["title"].endswith("Down")]


def _v2(url: str, path: str, token: str = "") -> list[Shown]:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    answer = httpx.get(f"{url}/api/v2/{path}", headers=headers, timeout=PATIENCE_S)
    assert answer.is_success, answer.text
    found: list[Shown] = answer.json()
    return found


def _prometheus(processes: Processes, root: Path, values: dict[str, str]) -> None:
    rules = root / "rules.yml"
    rules.write_text(RULES)
    config = CONFIG.replace("RULES", str(rules))
    for name, value in values.items():
        config = config.replace(name, value)
    prometheus(processes, root, config, more=["--rules.alert.resend-delay=1s"])


@NEEDS_PROMETHEUS
@NEEDS_ALERTMANAGER
def test_a_rule_of_prometheus_and_a_webhook_of_alertmanager_open_incidents_and_end_them(
    town: Town, tmp_path: Path
) -> None:
    town.start_plane()
    routes = ROUTES.replace("PLANE", town.api).replace("TOKEN", town.token)
    with Processes(tmp_path / "more") as processes, Exporter() as exporter:
        peer = RealAlertmanager(processes, tmp_path, routes)
        values = {
            "TARGET": f"{HOST}:{exporter.port}",
            "PLANE": town.api.removeprefix("http://"),
            "ALERTMANAGER": peer.url.removeprefix("http://"),
            "TOKEN": town.token,
        }
        _prometheus(processes, tmp_path, values)
        exporter.answer("503", 0.1, 5)
        until(lambda: _alerted(town, "shop"), "the rule of Prometheus opens an incident")
        until(lambda: _alerted(town, "orders"), "so does the one that the Alertmanager tells of")
        assert {one["level"] for one in _alerted(town, "shop")} == {"page"}
        theirs = {one["fingerprint"] for one in _v2(peer.url, "alerts")}
        assert theirs <= {one["fingerprint"] for one in _v2(town.api, "alerts", town.token)}
        exporter.restart()
        for focus in ("shop", "orders"):
            until(
                lambda name=focus: {one["stage"] for one in _alerted(town, name)} == {"resolved"},  # type: ignore[misc]
                f"the incident of {focus} is over",
            )
        until(lambda: _v2(town.api, "alerts", town.token) == [], "and so are their alerts")


@NEEDS_ALERTMANAGER
def test_amtool_adds_shows_and_ends_silences_of_a_plane_and_says_what_it_cannot(
    town: Town, tmp_path: Path
) -> None:
    town.start_plane()

    def run(*words: str) -> tuple[int, str]:
        done = amtool(town.api, tmp_path / "amtool", *words, token=town.token)
        return done.returncode, (done.stdout + done.stderr).strip()

    status, key = run(
        "silence", "add", "focus_id=shop", "--comment=we are at it", "--duration=1h", "--author=ana"
    )
    assert status == 0, key
    (row,) = town.get("/silences")["items"]
    assert (row["id"], row["focus"], row["state"]) == (key, "shop", "standing")
    assert row["reason"] == "we are at it (for ana)"
    status, listed = run("silence", "query", "-o", "json")
    assert (status, key in listed) == (0, True), listed
    status, why = run("silence", "add", "instance=web-1", "--comment=x", "--duration=1h")
    assert (status, "no focus has these labels" in why) == (1, True), why
    status, why = run("silence", "add", "focus_id=~sh.*", "--comment=x", "--duration=1h")
    assert (status, "not an equality" in why) == (1, True), why
    status, said = run("silence", "expire", key)
    assert status == 0, said
    assert town.get("/silences")["items"] == []
    status, said = run("alert", "query")
    assert status == 0, said


@NEEDS_ALERTMANAGER
def test_a_silence_that_was_answered_is_there_after_a_kill_and_alertmanagers_is_recorded(
    town: Town, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Alertmanager 0.25 writes silences down every 15 minutes, and this one was answered before that: what it kept is printed
    and no part of the promise.
    """
    words = ("silence", "add", "focus_id=shop", "--comment=we are at it", "--duration=1h")
    with Processes(tmp_path / "more") as processes:
        peer = RealAlertmanager(processes, tmp_path)
        town.start_plane()
        theirs = amtool(peer.url, tmp_path / "theirs", *words)
        ours = amtool(town.api, tmp_path / "ours", *words, token=town.token)
        assert (theirs.returncode, ours.returncode) == (0, 0), theirs.stderr + ours.stderr
        peer.kill()
        town.kill(town.plane)
        peer.start()
        town.start_plane()
        (kept,) = _v2(town.api, "silences", town.token)
        assert (kept["id"], kept["status"]) == (ours.stdout.strip(), {"state": "active"})
        found = [one["id"] for one in _v2(peer.url, "silences")]
        told = "kept" if theirs.stdout.strip() in found else "lost"
        record_property("alertmanager_silence_after_kill", told)
        sys.stdout.write(f"a silence answered before kill -9: focusplane kept it, Alertmanager {told} it\n")
