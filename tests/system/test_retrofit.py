"""Services that know nothing of us become focuses by their boundary alone, and every request is counted once."""

from dataclasses import dataclass

import httpx
import pytest
from tests.system.town import HOST, PATIENCE_S, Shown, Town, until

from focusplane.demo.processes import free_ports
from focusplane.wire.clock import SystemClock

POLICY = """apiVersion: focusplane/v1
kind: Focus
metadata: {name: NAME}
spec:
  owner: crew
  boundary: [{service: NAME, routes: ["POST /checkout/*", "/refund/*"]}]
  mitigations:
    - name: slow-down
      when: {objective: availability, burn: 4}
      do: {throttle: 50/s, for: 30m}
      mode: act
  objectives:
    - {name: availability, target: 90%, window: 30d, sli: {bad: {status: 5xx}}}
    - {name: latency, target: 90%, window: 30d, sli: {latency: {under: 250ms}}}
"""
KINDS = {
    "fastapi-old": {"OTEL_METRIC_EXPORT_INTERVAL": "1000"},
    "fastapi-both": {"OTEL_METRIC_EXPORT_INTERVAL": "1000", "OTEL_SEMCONV_STABILITY_OPT_IN": "http/dup"},
    "flask-old": {"OTEL_METRIC_EXPORT_INTERVAL": "6000"},
    "flask-new": {"OTEL_METRIC_EXPORT_INTERVAL": "1000", "OTEL_SEMCONV_STABILITY_OPT_IN": "http"},
}
"""Everything else is as the packages set it: cumulative temporality, spans held for five seconds, no service.version.
Spans come before the metrics of the one that reports each six seconds, and have to hand over.
"""


@dataclass(frozen=True, slots=True)
class Plain:
    name: str
    port: int

    def ask(self, checked_out: int, failed: int, raised: int, elsewhere: int = 3) -> None:
        url = f"http://{HOST}:{self.port}"
        with httpx.Client(base_url=url, headers={"connection": "close"}, timeout=PATIENCE_S) as client:
            for number in range(checked_out):
                assert client.post(f"/checkout/{200 + number % 2}").status_code == 200 + number % 2
            for _ in range(failed):
                assert client.post("/checkout/503").status_code == 503
            for number in range(raised):
                assert client.get(f"/refund/{number}").status_code == 500
            for _ in range(elsewhere):
                assert client.get("/about").status_code == 200


def counts(town: Town, name: str) -> tuple[int, int]:
    """Bad and total of the availability of a focus."""
    shown = availability(town, name)
    return shown["bad"] or 0, shown["total"] or 0


def availability(town: Town, name: str) -> Shown:
    rows = town.get(f"/focuses/{name}")["objectives"]
    found: Shown = next(row for row in rows if row["name"] == "availability")
    return found


def all_count(town: Town, bad: int, total: int) -> None:
    for name in KINDS:
        until(lambda name=name: counts(town, name) == (bad, total), f"{name} counts {bad} of {total}")


@pytest.fixture
def plain(town: Town) -> dict[str, Plain]:
    """Both frameworks under the old, the new and both conventions, all into one plane."""
    ports = dict(zip(KINDS, free_ports(len(KINDS)), strict=True))
    for name in KINDS:
        (town.policies / f"{name}.yaml").write_text(POLICY.replace("NAME", name))
    town.start_plane()
    for name, env in KINDS.items():
        town.start_plain(name, name.partition("-")[0], ports[name], env)
    town.wait_for_plain(ports)
    return {name: Plain(name, port) for name, port in ports.items()}


def test_plain_opentelemetry_services_are_counted_exactly_said_to_be_old_and_blind_when_they_are_gone(
    town: Town, plain: dict[str, Plain]
) -> None:
    for app in plain.values():
        app.ask(checked_out=1, failed=0, raised=0)
    all_count(town, 0, 1)
    for name in KINDS:
        until(lambda name=name: counted_from(town, name) == "app", f"metrics of {name} win over its spans")
    for app in plain.values():
        app.ask(checked_out=40, failed=7, raised=3)
    all_count(town, 10, 51)
    for name in KINDS:
        until(lambda name=name: traced(town, name) == (51, 51), f"all requests of {name} are traced")
        shown = town.get(f"/focuses/{name}")
        assert [one["source"] for one in shown["sources"]] == ["app", "spans"]
        assert shown["untold"] == {
            "tenant": "unknown: no telemetry names a tenant",
            "version": "unknown: no telemetry names a version",
        }
    seen_by_people(town)
    gone_is_blind(town, "fastapi-both")
    overflow_is_blind(town, "flask-new")


def counted_from(town: Town, name: str) -> str:
    return str(town.get(f"/focuses/{name}")["source"]["counted"])


def traced(town: Town, name: str) -> tuple[int, int]:
    found = town.get(f"/focuses/{name}")["measures"]["M5"]
    return found.get("traced", 0), found.get("requests", 0)


def seen_by_people(town: Town) -> None:
    """The command line says how old each source is, and what nobody tells."""
    until(lambda: "1 of 1 instance speaking, each " in town.focus("status", "flask-old").stdout, "it speaks")
    told = town.focus("status", "flask-old").stdout
    assert "100.0%: 51 of 51 requests counted by the app in 1h have a server span" in told
    assert "unknown: no telemetry names a tenant" in told
    assert "flask-old: tenant unknown: no telemetry names a tenant" in town.focus("doctor").stdout


def blind(town: Town, name: str) -> str:
    """Why it is blind; empty if it is not."""
    shown = availability(town, name)
    return str(shown["reason"]) if shown["state"] == "blind" else ""


def gone_is_blind(town: Town, name: str) -> None:
    town.kill(town.plain[name])
    until(lambda: blind(town, name).startswith("silent: nothing newer than "), "its silence is noticed")
    assert counts(town, name) == (10, 51)

    def held() -> bool:
        rows = town.get(f"/explain/{name}")["nothing_happened_because"]
        return any("its condition cannot be seen: blind: silent" in one["reason"] for one in rows)

    until(held, "what needs its counts is held, with the reason")
    assert town.focus("status", name).returncode == 1


def overflow_is_blind(town: Town, name: str) -> None:
    """What an SDK sends when its limit of attribute sets is reached: requests without attributes."""
    end = SystemClock().now_ns()
    point = {
        "attributes": [{"key": "otel.metric.overflow", "value": {"boolValue": True}}],
        "startTimeUnixNano": str(end - 1_000_000_000),
        "timeUnixNano": str(end),
        "count": "300",
        "explicitBounds": [1.0],
        "bucketCounts": ["300", "0"],
    }
    histogram = {"aggregationTemporality": 1, "dataPoints": [point]}
    metric = {"name": "http.server.request.duration", "unit": "s", "histogram": histogram}
    service = {"attributes": [{"key": "service.name", "value": {"stringValue": name}}]}
    body = {"resourceMetrics": [{"resource": service, "scopeMetrics": [{"metrics": [metric]}]}]}
    assert httpx.post(f"{town.otlp}/v1/metrics", json=body, timeout=PATIENCE_S).status_code == 200
    why = "overflow: the sender reached its limit of series, 300"
    until(lambda: blind(town, name).startswith(why), "the overflow is noticed")
    assert counts(town, name) == (10, 51), "and nothing of it is counted"
