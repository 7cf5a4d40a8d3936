"""A real plane asks a real page: what it sees while the page is there, gone, and back, over its own violent death."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from tests.system.town import HOST, Shown, Town, until

from focusplane.demo.processes import free_ports

WATCH = """
apiVersion: focusplane/v1
kind: Focus
metadata: {{name: watch}}
spec:
  owner: crew
  boundary: [{{service: nobody}}]
  objectives:
    - {{name: up, target: 90%, window: 1d, sli: {{probe: {{url: "http://{host}:{port}/healthz", every: 5s, timeout: 4s, body: fine}}}}}}
"""


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "4")
        self.end_headers()
        self.wfile.write(b"fine")

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


class Site:
    """A page that comes and goes on one port."""

    def __init__(self) -> None:
        (self.port,) = free_ports(1)
        self._server: ThreadingHTTPServer | None = None

    def open(self) -> None:
        self._server = ThreadingHTTPServer((HOST, self.port), Page)
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        self._server = None


@pytest.fixture
def site() -> Iterator[Site]:
    found = Site()
    yield found
    found.close()


def up(town: Town) -> Shown:
    (row,) = town.get("/focuses/watch")["objectives"]
    found: Shown = row
    return found


def test_a_page_is_seen_while_it_is_there_missed_while_it_is_gone_and_counted_over_a_kill(
    town: Town, site: Site
) -> None:
    (town.policies / "watch.yaml").write_text(WATCH.format(host=HOST, port=site.port))
    site.open()
    town.start_plane()
    until(lambda: (up(town)["good"] or 0) >= 1, "the page is seen")
    assert up(town)["bad"] == 0
    assert "'fine' in its body" in up(town)["unit"]["last"]
    site.close()
    until(lambda: (up(town)["bad"] or 0) >= 2, "the page is missed")
    assert "no connection" in up(town)["reason"]
    before = up(town)
    town.kill(town.plane)
    site.open()
    town.start_plane()
    until(lambda: (up(town)["good"] or 0) > before["good"], "the page is seen again")
    after = up(town)
    assert after["bad"] >= before["bad"]
    assert "tries, one each 5s" in after["counted_text"]
    said = town.focus("explain", "watch").stdout
    assert "the last of the tries: status 200" in said
