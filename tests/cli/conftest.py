"""A plane on a real socket that answers what a test says, in turn, and remembers what it was asked."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest


@dataclass
class Plane:
    """Answers by (method, path); of a list of answers one after the other, the last for ever."""

    answers: dict[tuple[str, str], tuple[int, Any] | list[tuple[int, Any]]] = field(default_factory=dict)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def plane(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Plane]:
    held = Plane()

    class Door(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("content-length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            path = self.path.partition("?")[0]
            held.asked.append((self.command, self.path, body))
            missing = (404, {"detail": "no such thing", "hint": "look again"})
            found = held.answers.get((self.command, path), missing)
            if isinstance(found, list):
                found = found.pop(0) if len(found) > 1 else found[0]
            status, told = found
            sent = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    held.url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("FOCUS_SERVER", held.url)
    monkeypatch.setenv("FOCUS_TOKEN", "t")
    monkeypatch.chdir(tmp_path)
    yield held
    server.shutdown()
    thread.join()
    server.server_close()
