"""Browsers follow the flags: the official web provider, the stream itself, other origins, and documents for files."""

import json
from pathlib import Path

import httpx
import pytest
from tests.oracle.flagd.environments import node_program
from tests.system.provider import POLICY, running
from tests.system.town import PATIENCE_S, Town, until

SHOP = "https://shop.example.org"


def sdk(town: Town) -> str:
    return (town.data / "sdk.token").read_text().strip()


@pytest.mark.requires_server("npm", "apt-get install npm")
def test_the_official_web_provider_hears_of_a_kill_and_asks_again_without_polling(town: Town) -> None:
    (town.policies / "lab.yaml").write_text(POLICY.replace("NAME", "lab"))
    town.start_plane()
    script = node_program(Path(__file__).parent / "ofrep_js" / "client.cjs", "ofrep-js")
    context = json.dumps({"targetingKey": "t1", "plan": "gold"})
    with running(["node", str(script), town.api, sdk(town), context]) as client:
        assert client.heard() == "ready"
        assert client.ask("value", "theme", "?")["value"] == "dark"
        assert client.ask("value", "theme", "?")["variant"] == "dark"
        town.focus("flag", "kill", "lab", "theme", "--reason", "too dark")
        until(lambda: client.ask("value", "theme", "?")["value"] == "light", "the kill arrives")
        until(lambda: "ConfigurationChanged" in client.ask("events"), "and is told of")
        town.focus("control", "clear", "lab", "flag.theme", "--reason", "mended")
        until(lambda: client.ask("value", "theme", "?")["value"] == "dark", "rules apply again")
        assert client.ask("context", {"targetingKey": "t1", "plan": "iron"}) == "set"
        assert client.ask("value", "theme", "?")["value"] == "light"


def test_the_stream_says_that_something_changed_and_opens_only_by_the_address_that_an_answer_named(
    town: Town,
) -> None:
    (town.policies / "lab.yaml").write_text(POLICY.replace("NAME", "lab"))
    town.start_plane()
    with httpx.Client(base_url=town.api, timeout=PATIENCE_S) as http:
        asked = {
            "headers": {"authorization": f"Bearer {sdk(town)}"},
            "json": {"context": {"targetingKey": "t1"}},
        }
        first = http.post("/ofrep/v1/evaluate/flags", **asked)
        [stream] = first.json()["eventStreams"]
        again = http.post("/ofrep/v1/evaluate/flags", **asked)
        assert again.json()["eventStreams"] == [stream], "else a client connects anew with each answer"
        path = stream["endpoint"]["requestUri"]
        assert sdk(town) not in path
        assert http.get(path[:-1] + ("a" if path[-1] != "a" else "b")).status_code == 401
        key = path.partition("key=")[2]
        assert http.get("/api/v1/status", headers={"cookie": f"focus_session={key}"}).status_code == 401
        with http.stream("GET", path) as events:
            lines = events.iter_lines()
            assert next(lines) == ": hello"
            town.focus("flag", "kill", "lab", "fast", "--reason", "it hurts")
            said = next(line for line in lines if line.startswith("data: "))
        assert json.loads(said.removeprefix("data: "))["type"] == "refetchEvaluation"


def test_pages_of_a_named_origin_may_ask_for_flags_and_for_nothing_else(town: Town) -> None:
    town.start_plane("--flag-origins", SHOP)
    asks = {
        "origin": SHOP,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization",
    }
    with httpx.Client(base_url=town.api, timeout=PATIENCE_S) as http:
        allowed = http.options("/ofrep/v1/evaluate/flags", headers=asks)
        assert allowed.headers["access-control-allow-origin"] == SHOP
        assert "access-control-allow-credentials" not in allowed.headers
        other = http.options(
            "/ofrep/v1/evaluate/flags", headers={**asks, "origin": "https://elsewhere.example.org"}
        )
        assert "access-control-allow-origin" not in other.headers
        api = http.options("/api/v1/status", headers=asks)
        assert "access-control-allow-origin" not in api.headers


def test_the_flags_are_one_document_by_http_and_in_a_file_that_is_there_when_we_are_not(town: Town) -> None:
    (town.policies / "lab.yaml").write_text(POLICY.replace("NAME", "lab"))
    file = town.root / "flags.json"
    town.start_plane("--flag-file", str(file))
    headers = {"authorization": f"Bearer {sdk(town)}"}
    with httpx.Client(base_url=town.api, timeout=PATIENCE_S, headers=headers) as http:
        until(file.exists, "the file is written")
        until(
            lambda: http.get("/flagd/v1/flags.json").json() == json.loads(file.read_text()),
            "both say the same",
        )
        answer = http.get("/flagd/v1/flags.json")
        assert answer.json()["flags"]["theme"]["metadata"]["focus"] == "lab"
        same = http.get("/flagd/v1/flags.json", headers={"if-none-match": answer.headers["etag"]})
        assert same.status_code == 304
        assert set(http.get("/flagd/v1/flags.json?focus=lab").json()["flags"]) == {"fast", "theme"}
        assert http.get("/flagd/v1/flags.json?focus=nobody").status_code == 404
        assert httpx.get(f"{town.api}/flagd/v1/flags.json", timeout=PATIENCE_S).status_code == 401
    town.focus("flag", "kill", "lab", "fast", "--reason", "it hurts")
    until(
        lambda: json.loads(file.read_text())["flags"]["fast"].get("targeting") is None,
        "the kill is in the file",
    )
    town.kill(town.plane)
    assert json.loads(file.read_text())["flags"]["fast"]["defaultVariant"] == "off"
