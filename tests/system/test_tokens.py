"""A plane that listens beyond loopback: nothing but health answers without a token, neither for telemetry nor for xDS."""

import httpx
import pytest
from tests.system.customers import Customers
from tests.system.town import PATIENCE_S, Town, until

LOGS = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": "1"}]}]}]}


def test_beyond_loopback_telemetry_needs_a_token_that_a_running_plane_takes_up_and_forgets(
    town: Town,
) -> None:
    town.start_plane("--host", "0.0.0.0")
    url = f"{town.otlp}/v1/logs"
    assert httpx.post(url, json=LOGS, timeout=PATIENCE_S).status_code == 401
    made = town.focus("token", "add", "collector", "--role", "ingest", "--data", str(town.data))
    assert made.returncode == 0, made.stderr
    headers = {"authorization": f"Bearer {made.stdout.strip()}"}
    assert httpx.post(url, json=LOGS, headers=headers, timeout=PATIENCE_S).status_code == 200
    status = httpx.get(f"{town.api}/api/v1/status", headers=headers, timeout=PATIENCE_S)
    assert status.status_code == 403, "it sends, and reads nothing"
    listed = town.focus("token", "list", "--data", str(town.data))
    assert "collector" in listed.stdout
    assert made.stdout.strip() not in listed.stdout
    assert town.focus("token", "remove", "collector", "--data", str(town.data)).returncode == 0
    assert httpx.post(url, json=LOGS, headers=headers, timeout=PATIENCE_S).status_code == 401
    logs = b"".join(path.read_bytes() for path in (town.root / "logs").iterdir())
    assert made.stdout.strip().encode() not in logs


@pytest.mark.requires_server("envoy", "pip install 'focusplane[envoy]'")
def test_beyond_loopback_an_envoy_polls_and_counts_with_its_token(town: Town) -> None:
    town.start_version("v1")
    town.start_plane("--host", "0.0.0.0", "--xds-host", "0.0.0.0")
    url = f"{town.xds}/v3/discovery:routes"
    poll = {"node": {"id": "stranger"}}
    assert httpx.post(url, json=poll, timeout=PATIENCE_S).status_code == 401
    app = {"authorization": f"Bearer {(town.data / 'sdk.token').read_text().strip()}"}
    assert httpx.post(url, json=poll, headers=app, timeout=PATIENCE_S).status_code == 403, (
        "an application is no gateway"
    )
    made = town.focus("token", "add", "edge", "--role", "ingest", "--data", str(town.data))
    town.start_envoy(token=made.stdout.strip())
    until(lambda: (town.node() or {"state": ""})["state"] == "current", "it follows the plane")
    with Customers(town.gateway) as customers:
        until(customers.more(30), "traffic flows")
        until(lambda: counted(town), "its counts arrive")


def counted(town: Town) -> bool:
    return any(one["total"] for one in town.get("/focuses/shop")["objectives"])
