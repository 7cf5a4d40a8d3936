"""Real gRPC servers, plain and asyncio: every call is counted once, with the status that its caller saw."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import grpc.aio
import pytest
from tests.sdk.conftest import THROTTLE, TIGHT, declared, eventually

from focusplane.control.board import apply
from focusplane.control.command import Set
from focusplane.control.state import ThrottleState
from focusplane.sdk.grpc import NEVER_STARTED, PUSHBACK, _too_late

SERVICE = "shop.Checkout"
LONG = 240.0
SHORT = 5.0
"""A call that may take so long has begun before its time is over, also where the machine is busy."""


class Servicer:
    """Each method in the four kinds; what a call asks for decides how it ends."""

    def __init__(self, shop) -> None:
        self.shop = shop
        self.hanging = threading.Event()
        self.release = threading.Event()
        self.over = threading.Event()
        """the server has heard that the call which hangs is over"""

    def one(self, message, context):
        if message == b"boom":
            raise KeyError("basket")
        if message == b"abort":
            context.abort(grpc.StatusCode.NOT_FOUND, "no such basket")
        if message == b"soft":
            context.set_code(grpc.StatusCode.UNAVAILABLE)
        if message == b"hang":
            assert context.add_callback(self.over.set)
            self.hanging.set()
            assert self.release.wait(LONG)
        return self.shop.current().tenant.encode()

    def many(self, message, context):
        for number in range(3):
            if message == b"boom" and number == 1:
                raise KeyError("basket")
            yield self.shop.current().tenant.encode()
            if message == b"hang":
                self.hanging.set()
                self.release.wait(LONG)

    def gather(self, messages, context):
        return b"".join(messages)

    def talk(self, messages, context):
        for message in messages:
            yield message + self.shop.current().tenant.encode()


class AioServicer:
    def __init__(self, shop) -> None:
        self.shop = shop
        self.hanging = threading.Event()
        self.release = threading.Event()

    async def one(self, message, context):
        if message == b"boom":
            raise KeyError("basket")
        if message == b"abort":
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such basket")
        if message == b"soft":
            context.set_code(grpc.StatusCode.UNAVAILABLE)
        if message == b"hang":
            self.hanging.set()
            await asyncio.Event().wait()
        return self.shop.current().tenant.encode()

    async def many(self, message, context):
        for number in range(3):
            if message == b"boom" and number == 1:
                raise KeyError("basket")
            yield self.shop.current().tenant.encode()
            if message == b"hang":
                self.hanging.set()
                await asyncio.Event().wait()

    def gather(self, messages, context):
        # A plain function: an aio server runs it in a thread.
        parts = list(messages)
        if b"soft" in parts:
            context.set_code(grpc.StatusCode.UNAVAILABLE)
        return b"".join(parts)

    async def talk(self, messages, context):
        async for message in messages:
            await context.write(message + self.shop.current().tenant.encode())


def handlers(servicer) -> grpc.GenericRpcHandler:
    return grpc.method_handlers_generic_handler(
        SERVICE,
        {
            "One": grpc.unary_unary_rpc_method_handler(servicer.one),
            "Many": grpc.unary_stream_rpc_method_handler(servicer.many),
            "Gather": grpc.stream_unary_rpc_method_handler(servicer.gather),
            "Talk": grpc.stream_stream_rpc_method_handler(servicer.talk),
        },
    )


@pytest.fixture
def plain(shop) -> Iterator[tuple[Servicer, int]]:
    servicer = Servicer(shop)
    with ThreadPoolExecutor(1) as pool:
        server = grpc.server(pool, handlers=[handlers(servicer)], interceptors=[shop.grpc("checkout")])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield servicer, port
        servicer.release.set()
        server.stop(0).wait(LONG)


@pytest.fixture
def aio(shop) -> Iterator[tuple[AioServicer, int]]:
    servicer, ports, loops = AioServicer(shop), [], []

    async def serve() -> None:
        server = grpc.aio.server(interceptors=[shop.grpc_aio("checkout")])
        server.add_generic_rpc_handlers([handlers(servicer)])
        over = asyncio.Event()
        loops.append((asyncio.get_running_loop(), over))
        ports.append(server.add_insecure_port("127.0.0.1:0"))
        await server.start()
        await over.wait()
        await server.stop(0)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    eventually(lambda: ports, LONG)
    yield servicer, ports[0]
    loop, over = loops[0]
    loop.call_soon_threadsafe(over.set)
    thread.join(LONG)


@pytest.fixture(params=["plain", "aio"])
def served(request) -> tuple[Servicer | AioServicer, int]:
    return request.getfixturevalue(request.param)


TENANT = (("x-tenant", "acme"),)


def code(work: Callable[[], object]) -> grpc.StatusCode:
    try:
        work()
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def test_every_kind_of_call_is_counted_once_with_the_status_its_caller_saw(plane, served):
    _, port = served
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        one, many = channel.unary_unary(f"/{SERVICE}/One"), channel.unary_stream(f"/{SERVICE}/Many")
        gather, talk = channel.stream_unary(f"/{SERVICE}/Gather"), channel.stream_stream(f"/{SERVICE}/Talk")
        said = {"metadata": TENANT, "timeout": LONG}
        assert one(b"", **said) == b"acme"
        assert list(many(b"", **said)) == [b"acme"] * 3
        assert gather(iter([b"a", b"b"]), **said) == b"ab"
        assert list(talk(iter([b"a", b"b"]), **said)) == [b"aacme", b"bacme"]
        assert code(lambda: one(b"boom", **said)) is grpc.StatusCode.UNKNOWN
        assert code(lambda: list(many(b"boom", **said))) is grpc.StatusCode.UNKNOWN
        assert code(lambda: one(b"abort", **said)) is grpc.StatusCode.NOT_FOUND
        assert code(lambda: one(b"soft", **said)) is grpc.StatusCode.UNAVAILABLE
        assert (
            code(lambda: channel.unary_unary(f"/{SERVICE}/None")(b"", **said))
            is grpc.StatusCode.UNIMPLEMENTED
        )
    eventually(lambda: plane.count(focus__id="checkout", tenant__id="acme") == 9, LONG)
    assert plane.count(http__response__status_code="200") == 4
    assert plane.count(http__response__status_code="500", error__type="KeyError") == 2
    assert plane.count(http__response__status_code="404", error__type="NOT_FOUND") == 1
    assert plane.count(http__response__status_code="503", error__type="UNAVAILABLE") == 1
    assert plane.count(http__response__status_code="501", error__type="UNIMPLEMENTED") == 1
    assert plane.count(rpc__system__name="grpc", rpc__method=f"{SERVICE}/One") == 4
    assert plane.count() == 9


def test_a_plain_function_in_an_aio_server_is_measured_too(plane, aio):
    _, port = aio
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        gather = channel.stream_unary(f"/{SERVICE}/Gather")
        assert code(lambda: gather(iter([b"soft"]), timeout=LONG)) is grpc.StatusCode.UNAVAILABLE
    eventually(lambda: plane.count(error__type="UNAVAILABLE") == 1, LONG)


def heard_by_its_server(servicer, plane, method: str, error: str) -> None:
    """A plain servicer that comes to its end before its server has heard of the caller's would count as done."""
    if isinstance(servicer, Servicer) and method == "One":
        assert servicer.over.wait(LONG)
    else:
        eventually(lambda: plane.count(error__type=error) == 1, LONG)


@pytest.mark.parametrize("method", ["One", "Many"])
def test_a_caller_that_leaves_is_told_apart_from_a_deadline_that_passes(plane, served, method):
    servicer, port = served
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        make = channel.unary_unary if method == "One" else channel.unary_stream
        call = make(f"/{SERVICE}/{method}")
        left = call.future(b"hang") if method == "One" else call(b"hang")
        assert servicer.hanging.wait(LONG)
        left.cancel()
        heard_by_its_server(servicer, plane, method, "CANCELLED")
        servicer.release.set()
    eventually(lambda: plane.count(http__response__status_code="499", error__type="CANCELLED") == 1, LONG)
    assert plane.count() == 1


def test_a_deadline_that_passes_is_a_failure(plane, served):
    servicer, port = served
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        one = channel.unary_unary(f"/{SERVICE}/One")
        one(b"", timeout=LONG)
        assert code(lambda: one(b"hang", timeout=SHORT)) is grpc.StatusCode.DEADLINE_EXCEEDED
        heard_by_its_server(servicer, plane, "One", "DEADLINE_EXCEEDED")
        servicer.release.set()
    eventually(
        lambda: plane.count(http__response__status_code="504", error__type="DEADLINE_EXCEEDED") == 1, LONG
    )
    assert plane.count() == 2


@pytest.mark.parametrize(
    ("left_s", "took_s", "late"),
    [
        (None, 3.0, False),
        (-0.2, 3.0, True),
        (0.1, 2.9, True),
        (0.04, 0.2, True),
        (1.0, 2.0, False),
        (0.3, 0.1, False),
    ],
)
def test_a_caller_whose_time_is_up_is_heard_before_our_own_clock_says_so(left_s, took_s, late):
    assert _too_late(left_s, took_s) is late


def test_a_call_that_no_thread_was_free_for_is_a_failure_and_not_forgotten(plane, plain):
    servicer, port = plain
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        one = channel.unary_unary(f"/{SERVICE}/One")
        first = one.future(b"hang", timeout=LONG)
        assert servicer.hanging.wait(LONG)
        assert code(lambda: one(b"", timeout=0.3)) is grpc.StatusCode.DEADLINE_EXCEEDED
        servicer.release.set()
        first.result(LONG)
    eventually(lambda: plane.count() == 2, LONG)
    assert plane.count(http__response__status_code="503", error__type=NEVER_STARTED) == 1


def test_a_throttle_refuses_a_call_and_says_when_to_come_back(plane, shop, served):
    _, port = served
    plane.publish(apply(declared(), Set(THROTTLE, ThrottleState(TIGHT, 1), "hot", "act-1", 2**50)))
    eventually(lambda: shop.health().board == "plane-a.1.5", LONG)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        one = channel.unary_unary(f"/{SERVICE}/One")
        one(b"", timeout=LONG)
        with pytest.raises(grpc.RpcError) as refused:
            one(b"", timeout=LONG)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "the throttle of checkout" in refused.value.details()
    assert int(dict(refused.value.trailing_metadata())[PUSHBACK]) >= 1_000
    eventually(lambda: plane.count(error__type="rejected", http__response__status_code="429") == 1, LONG)
    assert plane.count() == 2
