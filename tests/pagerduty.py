"""PagerDuty's Events API v2, played: it answers as the documentation says, and keeps the state of each alert."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "0123456789abcdef0123456789abcdef"
DOES = {"trigger": "triggered", "acknowledge": "acknowledged", "resolve": "resolved"}


class Pager(ThreadingHTTPServer):
    """Alerts by `dedup_key`, as the documentation of the Events API v2 says; `status` is what it answers next."""

    status = 202

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.alerts: dict[str, str] = {}
        self.refused = 0
        self.taken: list[dict[str, object]] = []

    @property
    def channel(self) -> str:
        """What a team's channel names, with the key."""
        return f"pagerduty://{KEY}?url=http://127.0.0.1:{self.server_port}/v2/enqueue"

    def take(self, told: dict[str, str]) -> tuple[int, dict[str, object]]:
        if self.status != 202:
            self.refused += 1
            return self.status, {"status": "throttle exceeded", "message": "Requests for this service ..."}
        if told["routing_key"] != KEY:
            return 400, {"status": "invalid event", "errors": ["Invalid routing key"]}
        self.taken.append(dict(told))
        self.alerts[told["dedup_key"]] = DOES[told["event_action"]]
        return 202, {
            "status": "success",
            "message": "Event processed",
            "dedup_key": told["dedup_key"],
        }


class _Handler(BaseHTTPRequestHandler):
    server: Pager

    def do_POST(self) -> None:
        status, answer = self.server.take(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


@contextmanager
def pagers() -> Iterator[Pager]:
    server = Pager()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
