"""What Envoy's admin page says is read from a real server; a node that does not answer is left out."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from focusplane.define.controls import Address
from focusplane.edge.envoy import readback
from focusplane.edge.envoy.names import cluster_name


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
        self.status, self.page, self.node = 200, b"", "e1"
        self.asked: list[str] = []

    @property
    def address(self) -> Address:
        return Address("127.0.0.1", self.server_address[1])


class Page(BaseHTTPRequestHandler):
    server: Admin

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(self.server.status)
        self.end_headers()
        server = json.dumps({"node": {"id": self.server.node}}).encode()
        self.wfile.write(server if self.path == readback.SERVER else self.server.page)

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
    async def story() -> object:
        return await readback.Reader().read(admins, "checkout")

    return asyncio.run(story())


def test_the_configured_shares_are_read_from_each_node_that_answers(admin: Admin) -> None:
    admin.page = dump(v1=75, v2=25)
    nobody = Address("127.0.0.1", 1)
    assert shares(e1=admin.address, e2=nobody) == {"e1": {"v1": 0.75, "v2": 0.25}}


def test_the_page_of_another_envoy_is_no_proof_of_this_one(admin: Admin) -> None:
    """A gateway that polls through a tunnel names a port of its own machine; here another one listens on it."""
    admin.page, admin.node = dump(v1=100), "e7"
    assert shares(e1=admin.address) == {}
    assert shares(e7=admin.address) == {"e7": {"v1": 1.0}}


@pytest.mark.parametrize(
    ("host", "here"),
    [("127.0.0.1", True), ("::1", True), ("::ffff:127.0.0.1", True), ("10.0.0.5", False), ("edge", False)],
)
def test_only_this_machine_is_this_machine(host: str, here: bool) -> None:
    assert readback.is_loopback(Address(host, 9901)) is here


@pytest.mark.parametrize("page", [b"", b"no json", b"[]", b"{}", b'{"configs": 3}', b'{"configs": [7]}'])
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


def test_a_thousand_who_ask_at_once_cost_one_reading_and_who_asks_later_gets_a_later_one(
    admin: Admin,
) -> None:
    async def story() -> None:
        reader, admins = readback.Reader(), {"e1": admin.address}
        admin.page = dump(v1=75, v2=25)
        answers = await asyncio.gather(*(reader.read(admins, "checkout") for _ in range(1_000)))
        assert answers == [{"e1": {"v1": 0.75, "v2": 0.25}}] * 1_000
        assert admin.asked == [readback.SERVER, readback.ROUTES, readback.RUNTIME]
        admin.page = dump(v1=100)
        assert await reader.read(admins, "checkout") == {"e1": {"v1": 1.0}}
        assert len(admin.asked) == 6

    asyncio.run(story())


def test_a_runtime_value_beats_the_weight_in_the_route() -> None:
    page = json.loads(dump(v1=75, v2=25))
    weighted = page["configs"][0]["route_config"]["virtual_hosts"][0]["routes"][0]["route"][
        "weighted_clusters"
    ]
    weighted["runtime_key_prefix"] = "focus.checkout.abc"
    key = f"focus.checkout.abc.{cluster_name('checkout', 'v2', ())}"
    assert readback.all_shares(page, {"entries": {key: {"final_value": "75"}}}) == {
        "checkout": {"v1": 0.5, "v2": 0.5}
    }
    assert readback.all_shares(page, {"entries": {key: {"final_value": "nonsense"}}}) == {
        "checkout": {"v1": 0.75, "v2": 0.25}
    }
