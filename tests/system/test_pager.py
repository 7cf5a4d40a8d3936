"""A pager that is away when it begins, and a plane that dies meanwhile: in the end the pager knows what is so."""

import httpx
import pytest
from tests.pagerduty import KEY, Pager, pagers
from tests.system.town import PATIENCE_S, Town, until

POLICY = """apiVersion: focusplane/v1
kind: Focus
metadata: {name: pay}
spec:
  owner: night
  boundary: [{service: payment}]
  objectives: [{name: availability, target: 99.9%, window: 30d, sli: {bad: {status: 5xx}}}]
  alerts: {page: [pager]}
---
apiVersion: focusplane/v1
kind: Team
metadata: {name: night}
spec: {channels: {pager: {url: "env:NIGHT_PAGER"}}}
"""
FIRING = {"alertname": "Down", "focus_id": "pay", "severity": "critical"}


def alert(town: Town, over: bool = False) -> None:
    ends = {"endsAt": "2026-01-01T00:00:00Z"} if over else {}
    starts = {"startsAt": "2025-12-31T00:00:00Z"}
    headers = {"authorization": f"Bearer {town.token}"}
    alerts = [{"labels": FIRING, **starts, **ends}]
    answer = httpx.post(f"{town.api}/api/v2/alerts", json=alerts, headers=headers, timeout=PATIENCE_S)
    assert answer.status_code == 200, answer.text


def state(pager: Pager) -> list[str]:
    return list(pager.alerts.values())


def test_a_pager_that_was_away_hears_once_and_of_the_end(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    with pagers() as pager:
        monkeypatch.setenv("NIGHT_PAGER", pager.channel)
        pager.status = 503
        (town.policies / "focus.yaml").write_text(POLICY)
        town.start_plane()
        alert(town)
        until(lambda: pager.refused >= 2, "it is tried again")
        town.kill(town.plane)
        pager.status = 202
        town.start_plane()
        until(lambda: state(pager) == ["triggered"], "what the dead plane owed is sent by the next")
        [incident] = town.get("/incidents")["items"]
        said = town.focus("incident", "ack", incident["id"])
        assert said.returncode == 0, said.stderr
        until(lambda: state(pager) == ["acknowledged"], "that somebody has it is told")
        alert(town, over=True)
        until(lambda: state(pager) == ["resolved"], "that it is over is told")
        assert set(pager.alerts) == {f"focusplane:pay:{incident['id']}"}
        log = "".join(path.read_text(errors="replace") for path in town.root.rglob("*.log"))
        assert log
        assert KEY not in log
