"""What Envoy's admin page says is read from a real server; a node that does not answer is left out."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from focusplane.define.controls import Address
from focusplane.define.focus import Focus
from focusplane.edge.envoy import readback
from focusplane.edge.envoy.names import cluster_name

CHECKOUT = Focus("checkout", "payments", "digest")


def dump(**weights: int) -> bytes:
    clusters = [
        {"name": cluster_name("checkout", version, ()), "weight": weight}
        for version, weight in weights.items()
    ]
    route = {"name": "checkout/weighted", "route": {"weighted_clusters": {"clusters": clusters}}}
    host = {"routes": [route]}
    return json.dumps({"configs": [{"route_config": {"virtual_hosts": [host]}}]}).encode()


class Admin(ThreadingHTTPServer):
    """An admin page that says what it is told to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Page)
        self.status, self.page = 200, b""

    @property
    def address(self) -> Address:
        return Address("127.0.0.1", self.server_address[1])


class Page(BaseHTTPRequestHandler):
    server: Admin

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.page)

    def log_message(self, *words: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def admin() -> Iterator[Admin]:
    server = Admin()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def shares(**admins: Address) -> object:
    return asyncio.run(readback.read_shares(admins, CHECKOUT))


def test_the_configured_shares_are_read_from_each_node_that_answers(admin: Admin) -> None:
    admin.page = dump(v1=75, v2=25)
    nobody = Address("127.0.0.1", 1)
    assert shares(e1=admin.address, e2=nobody) == {"e1": {"v1": 0.75, "v2": 0.25}}


@pytest.mark.parametrize("page", [b"", b"no json", b"[]", b"{}"])
def test_a_page_that_says_nothing_is_left_out(admin: Admin, page: bytes) -> None:
    admin.page = page
    assert shares(e1=admin.address) == {}


def test_an_admin_page_that_refuses_is_left_out(admin: Admin) -> None:
    admin.status, admin.page = 503, dump(v1=1)
    assert shares(e1=admin.address) == {}


def test_a_node_that_is_silent_is_left_out_in_time(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readback, "TIMEOUT_S", 0.05)
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as silent:  # it listens, and nobody serves
        assert shares(e1=Address("127.0.0.1", silent.server_address[1])) == {}


def test_only_admin_pages_of_this_machine_are_asked(admin: Admin) -> None:
    assert shares(e1=Address("192.0.2.1", 9901)) == {}
