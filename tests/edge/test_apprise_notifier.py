"""Notifications through Apprise to a real HTTP receiver; secrets stay out of errors."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from focusplane.act.effect import Notify
from focusplane.edge.channels import Channels, resolve
from focusplane.kernel.errors import UnreachableError


class Receiver(HTTPServer):
    """Takes what is posted; answers `status`."""

    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.taken: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.server_port}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append(json.loads(body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def send(url: str) -> None:
    asyncio.run(Channels().send(Notify("ntf-1", "pay", "chat", url, "v2 was taken back", "worse: 4 of 38")))


def test_a_message_arrives_with_title_and_body(receiver: Receiver) -> None:
    send(receiver.url)
    assert [(one["title"], one["message"]) for one in receiver.taken] == [
        ("v2 was taken back", "worse: 4 of 38")
    ]


def test_a_reference_to_the_environment_or_a_file_is_followed(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PAGER_URL", receiver.url)
    (tmp_path / "pager").write_text(receiver.url + "\n")
    send("env:PAGER_URL")
    send(f"file:{tmp_path / 'pager'}")
    assert len(receiver.taken) == 2


def test_a_channel_that_refuses_is_an_error_without_the_secret(receiver: Receiver) -> None:
    receiver.status = 500
    with pytest.raises(UnreachableError) as error:
        send(receiver.url.replace("json://", "json://user:geheim@"))
    assert "geheim" not in str(error.value) + error.value.hint


@pytest.mark.parametrize("url", ["env:NOT_SET_ANYWHERE", "file:/nowhere/at/all"])
def test_a_reference_to_nothing_says_what_is_missing(url: str) -> None:
    with pytest.raises(UnreachableError, match=r"NOT_SET_ANYWHERE|nowhere"):
        resolve(url)


def test_a_url_that_apprise_does_not_know_is_refused() -> None:
    with pytest.raises(UnreachableError, match="none that Apprise knows"):
        send("carrierpigeon://loft")
