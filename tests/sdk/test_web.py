"""The middleware on real servers: FastAPI under uvicorn, and a WSGI application."""

import asyncio
import http.client
import threading
from collections.abc import Iterator
from fractions import Fraction
from wsgiref.simple_server import WSGIRequestHandler, make_server

import fastapi
import pytest
import uvicorn
from fastapi import FastAPI
from tests.sdk.conftest import FALLBACK, FLAG, QUOTA, THROTTLE, TIGHT, declared, eventually

from focusplane.control.board import apply
from focusplane.control.command import Set
from focusplane.control.state import FallbackState, FlagState, QuotaState, ThrottleState
from focusplane.kernel.quantity import Rate
from focusplane.sdk.carried import takers
from focusplane.sdk.meter import Meter
from focusplane.sdk.request import Request
from focusplane.sdk.view import FocusInUse


class BoomError(Exception):
    pass


@pytest.fixture
def app(shop):
    app = FastAPI()
    app.add_middleware(shop.asgi)

    @app.post("/checkout")
    async def checkout(request: fastapi.Request) -> dict[str, object]:
        return {"new": shop.flag("new-pricing", request), "tenant": shop.current().tenant}

    @app.get("/refund/{number}")
    def refund(number: int) -> dict[str, object]:
        # A plain function runs in a thread of the pool: the context goes with it.
        return {"tenant": shop.current().tenant, "number": number}

    @app.get("/refund/fails/now")
    async def fails() -> None:
        raise BoomError("no")

    @app.get("/elsewhere")
    async def elsewhere() -> dict[str, object]:
        return {}

    return app


@pytest.fixture
def port(app) -> Iterator[int]:
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off")
    )
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    eventually(lambda: server.started)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(60)


def ask(port: int, method: str, path: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=240)
    try:
        line.request(method, path, headers={key.replace("_", "-"): value for key, value in headers.items()})
        answer = line.getresponse()
        return answer.status, answer.read(), dict(answer.getheaders())
    finally:
        line.close()


def test_a_real_application_is_tagged_by_its_boundary_and_counted_exactly(plane, port):
    for number in range(3):
        assert ask(port, "POST", "/checkout", x_tenant="acme")[0] == 200
        assert (
            ask(port, "GET", f"/refund/{number}", x_tenant="beta")[1]
            == b'{"tenant":"beta","number":%d}' % number
        )
    ask(port, "GET", "/elsewhere", x_tenant="acme")
    assert ask(port, "GET", "/refund/fails/now")[0] == 500
    eventually(lambda: plane.count() == 7)
    assert plane.count(tenant__id="acme", http__route="/checkout", http__response__status_code="200") == 3
    assert plane.count(tenant__id="beta", http__route="/refund/{number}", http__request__method="GET") == 3
    assert plane.count(error__type="BoomError", http__response__status_code="500") == 1
    row = plane.taken()[0]
    assert (row["service.name"], row["service.version"]) == ("payment", "v2")
    assert (row["focus.id"], row["deployment.environment.name"]) == ("checkout", "production")
    assert row["point"]["explicitBounds"] == [0.001, 0.01, 0.1, 0.3, 1.0]
    assert sum(map(int, row["point"]["bucketCounts"])) == int(row["point"]["count"])


def test_copies_that_a_gateway_makes_are_no_requests_of_users(plane, port):
    ask(port, "POST", "/checkout", host="shop-shadow:8080")
    ask(port, "POST", "/checkout", x_focus_mirror="shop/v2")
    ask(port, "POST", "/checkout", host="shop-shadow.example.org")
    ask(port, "POST", "/checkout", host="shop-shadow:8080", x_focus_synthetic="0")
    eventually(lambda: plane.count(focus__id="checkout") == 4)
    assert plane.count(focus__synthetic=True) == 3


def test_retries_and_synthetic_traffic_are_told_apart(plane, port):
    ask(port, "POST", "/checkout", x_focus_resend="1")
    ask(port, "POST", "/checkout", x_focus_synthetic="true")
    ask(port, "POST", "/checkout", user_agent="kube-probe/1.31")
    ask(port, "POST", "/checkout", user_agent="Mozilla/5.0", x_focus_synthetic="0")
    eventually(lambda: plane.count() == 4)
    assert plane.count(http__request__resend_count="1") == 1
    assert plane.count(focus__synthetic=True) == 2


def test_baggage_names_the_tenant_but_only_known_focuses(plane, port):
    ask(port, "GET", "/elsewhere", baggage="tenant.id=acme;p=1,focus.id=checkout")
    ask(port, "GET", "/elsewhere", baggage="tenant.id=acme,focus.id=invented")
    ask(port, "POST", "/checkout", baggage="tenant.id=acme")
    eventually(lambda: plane.count() == 2)
    assert plane.count(focus__id="checkout", tenant__id="acme") == 2
    assert plane.count(http__route="/elsewhere") == 1


def test_flags_follow_the_board_for_the_tenant_of_the_request(plane, port):
    assert ask(port, "POST", "/checkout", x_tenant="acme")[1] == b'{"new":true,"tenant":"acme"}'
    plane.publish(apply(declared(), Set(FLAG, FlagState("off"), "burn", "act-1")))
    eventually(lambda: ask(port, "POST", "/checkout", x_tenant="acme")[1] == b'{"new":false,"tenant":"acme"}')


def test_a_throttle_answers_429_with_the_time_to_wait_and_is_counted_as_our_refusal(plane, port):
    tight = ThrottleState(Rate(Fraction(1), 60_000), 1)
    plane.publish(apply(declared(), Set(THROTTLE, tight, "hot", "act-1", 2**50)))
    eventually(lambda: ask(port, "POST", "/checkout")[0] == 429)
    status, body, headers = ask(port, "POST", "/checkout")
    assert (status, headers["content-type"]) == (429, "application/problem+json")
    assert 1 <= int(headers["retry-after"]) <= 60
    assert b"the throttle of checkout is used up" in body
    eventually(lambda: plane.count(http__response__status_code="429", error__type="rejected") >= 2)


def test_a_quota_stops_the_noisy_tenant_alone_and_baggage_cannot_spend_it(plane, port):
    quota = QuotaState(Rate(Fraction(100_000), 1_000), {"noisy": TIGHT})
    plane.publish(apply(declared(), Set(QUOTA, quota, "noisy", "act-1", 2**50)))
    eventually(lambda: ask(port, "POST", "/checkout", x_tenant="noisy")[0] == 429)
    assert ask(port, "POST", "/checkout", x_tenant="quiet")[0] == 200
    assert ask(port, "POST", "/checkout", baggage="tenant.id=noisy")[0] == 200


def test_a_fallback_that_is_switched_on_answers_what_is_declared(plane, port):
    plane.publish(apply(declared(), Set(FALLBACK, FallbackState(True), "psp is down", "act-1", 2**50)))
    eventually(lambda: ask(port, "POST", "/checkout")[1] == b'{"queued": true}')
    assert ask(port, "POST", "/checkout")[2]["x-focus-fallback"] == "1"


def test_before_any_board_a_request_is_measured_by_its_route_for_the_plane_to_match(plane, clients):
    plane.garbage = b"nothing yet"
    shop = clients(plane.url)
    app = FastAPI()
    app.add_middleware(shop.asgi)

    @app.get("/refund/{number}")
    async def refund(number: int) -> int:
        return number

    async def call() -> None:
        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: object) -> None: ...

        for path in ("/refund/7", "/unknown/7"):
            scope = {
                "type": "http",
                "method": "GET",
                "path": path,
                "headers": [],
                "query_string": b"",
                "raw_path": path.encode(),
            }
            await app(scope, receive, send)

    asyncio.run(call())
    eventually(lambda: plane.count() == 1)
    row = plane.taken()[0]
    assert row["http.route"] == "/refund/{number}"
    assert "focus.id" not in row


def test_hostile_headers_fail_no_request_and_spoil_no_batch(plane, shop):
    seen = []

    async def plain(scope, receive, send):
        seen.append(shop.current())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def call() -> None:
        async def nothing(*words: object) -> None: ...

        for value in (b"\xff\xfe", b"a" * 70_000, b"\xed\xa0\x80", b"%00,=;;=,", b""):
            for name in (b"x-tenant", b"baggage", b"idempotency-key", b"user-agent", b"x-focus-resend"):
                scope = {"type": "http", "method": "B\xe4D", "path": "/refund/1", "headers": [(name, value)]}
                await shop.asgi(plain)(scope, nothing, nothing)

    asyncio.run(call())
    assert len(seen) == 25
    eventually(lambda: plane.count(http__request__method="_OTHER") == 25)
    assert all(len(row.get("tenant.id", "")) <= 128 for row in plane.taken())


def test_the_tenants_bytes_are_those_the_gateway_hashes():
    found = Request(Meter(), FocusInUse("checkout"))
    takers("X-Tenant")[b"x-tenant"](found, b"caf\xc3\xa9\xff")
    assert found.tenant.encode("utf-8", "surrogateescape") == b"caf\xc3\xa9\xff"


def test_lifespan_and_websockets_pass_untouched(shop):
    passed = []

    async def plain(scope, receive, send):
        passed.append(scope["type"])

    async def nothing(*words: object) -> None: ...

    for kind in ("lifespan", "websocket"):
        asyncio.run(shop.asgi(plain)({"type": kind}, nothing, nothing))
    assert passed == ["lifespan", "websocket"]


class Quiet(WSGIRequestHandler):
    def log_message(self, *words: object) -> None: ...


def test_a_wsgi_application_is_measured_until_its_body_is_closed(plane, shop):
    def plain(environ, start_response):
        if environ["PATH_INFO"] == "/refund/boom":
            raise BoomError("no")
        start_response("503 Unavailable" if environ["PATH_INFO"] == "/refund/bad" else "200 OK", [])
        return [str(shop.flag("new-pricing", environ)).encode()]

    paths = ["/refund/1", "/refund/bad", "/elsewhere"]
    with make_server("127.0.0.1", 0, shop.wsgi(plain), handler_class=Quiet) as server:
        for path in paths:
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            assert ask(server.server_port, "GET", path, x_tenant="acme")[1] == b"True"
            thread.join()
    with pytest.raises(BoomError):
        shop.wsgi(plain)({"REQUEST_METHOD": "GET", "PATH_INFO": "/refund/boom"}, lambda *words: print)
    eventually(lambda: plane.count() == 3)
    assert plane.count(http__response__status_code="200", http__route="/refund/*", tenant__id="acme") == 1
    assert plane.count(http__response__status_code="503") == 1
    assert plane.count(error__type="BoomError") == 1


def test_a_wsgi_request_is_refused_like_an_asgi_one(plane, shop):
    plane.publish(apply(declared(), Set(FALLBACK, FallbackState(True), "psp", "act-1", 2**50)))
    eventually(lambda: shop.health().board == "plane-a.1.5")
    answered = []
    body = shop.wsgi(None)(
        {"REQUEST_METHOD": "POST", "PATH_INFO": "/checkout"}, lambda status, headers: answered.append(status)
    )
    assert (answered, body) == (["200 OK"], [b'{"queued": true}'])
