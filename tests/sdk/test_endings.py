"""How requests and pieces of work end: answered, broken, cancelled, left, streamed, closed."""

import asyncio
import io
from wsgiref.util import FileWrapper

import pytest
from tests.sdk.conftest import eventually

from focusplane.instrument.baggage import MAX_HEADER, parse, render

LONG = 240.0
SCOPE = {"type": "http", "method": "POST", "path": "/checkout", "headers": []}
START = {"type": "http.response.start", "status": 200, "headers": []}
BODY = {"type": "http.response.body", "body": b"ok"}


async def nothing(*words: object) -> None: ...


def served(shop, app, heard: str = "http.request") -> None:
    async def receive() -> dict[str, object]:
        return {"type": heard}

    asyncio.run(shop.asgi(app)(dict(SCOPE), receive, nothing))


def test_whoever_left_before_an_answer_is_no_failure_of_the_service(plane, shop):
    class ClientDisconnectError(Exception):
        pass

    async def raises(scope, receive, send):
        if (await receive())["type"] == "http.disconnect":
            raise ClientDisconnectError

    async def returns(scope, receive, send):
        await receive()

    with pytest.raises(ClientDisconnectError):
        served(shop, raises, "http.disconnect")
    served(shop, returns, "http.disconnect")
    eventually(lambda: plane.count(http__response__status_code="499") == 2, LONG)
    assert plane.count() == 2


def test_whoever_leaves_in_the_midst_of_an_answer_was_answered(plane, shop):
    async def streams(scope, receive, send):
        await send(START)
        while (await receive())["type"] != "http.disconnect":
            await send({**BODY, "more_body": True})

    served(shop, streams, "http.disconnect")
    eventually(lambda: plane.count(http__response__status_code="200") == 1, LONG)


def test_an_application_that_gives_no_answer_has_failed(plane, shop):
    served(shop, nothing)
    eventually(lambda: plane.count(http__response__status_code="500", error__type="no_response") == 1, LONG)


def test_a_stream_that_breaks_is_a_failure_although_it_began_well(plane, shop):
    async def breaks(scope, receive, send):
        await send(START)
        raise KeyError

    with pytest.raises(KeyError):
        served(shop, breaks)
    eventually(lambda: plane.count(http__response__status_code="500", error__type="KeyError") == 1, LONG)


def test_a_request_that_the_server_cancels_is_a_failure_and_stays_cancelled(plane, shop):
    async def cancelled() -> None:
        began = asyncio.Event()

        async def waits(scope, receive, send):
            began.set()
            await asyncio.Event().wait()

        task = asyncio.ensure_future(shop.asgi(waits)(dict(SCOPE), nothing, nothing))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    eventually(
        lambda: plane.count(http__response__status_code="500", error__type="CancelledError") == 1, LONG
    )


def test_what_an_application_calls_failed_stays_failed_whatever_its_status_line(plane, shop):
    async def declines(scope, receive, send):
        shop.current().fail("declined", 502)
        await send(START)
        await send(BODY)

    def declines_too(environ, start_response):
        shop.current().fail("declined", 502)
        start_response("200 OK", [])
        return [b"ok"]

    served(shop, declines)
    shop.wsgi(declines_too)(environ(), lambda *words: print).close()
    eventually(lambda: plane.count(http__response__status_code="502", error__type="declined") == 2, LONG)


def test_hundreds_of_requests_at_once_do_not_mix_up_their_tenants(plane, shop):
    async def mirror(scope, receive, send):
        await asyncio.sleep(0)
        assert shop.current().tenant == scope["headers"][0][1].decode()
        await send(START)

    async def all_at_once() -> None:
        app = shop.asgi(mirror)
        scopes = [{**SCOPE, "headers": [(b"x-tenant", b"t%d" % (number % 7))]} for number in range(300)]
        await asyncio.gather(*(app(scope, nothing, nothing) for scope in scopes))

    asyncio.run(all_at_once())
    eventually(lambda: plane.count() == 300, LONG)
    assert plane.count(tenant__id="t0") == 43


def environ(**more: object) -> dict[str, object]:
    return {"REQUEST_METHOD": "POST", "PATH_INFO": "/checkout", "HTTP_X_TENANT": "acme", **more}


def test_a_generator_works_within_its_request_and_is_counted_when_it_is_closed(plane, shop):
    closed = []

    def stream(environ, start_response):
        try:
            start_response("200 OK", [])
            for _ in range(2):
                yield shop.current().tenant.encode()
        finally:
            closed.append(shop.flag("new-pricing", environ))

    body = shop.wsgi(stream)(environ(), lambda *words: print)
    assert list(body) == [b"acme", b"acme"]
    body.close()
    body.close()
    left = shop.wsgi(stream)(environ(), lambda *words: print)
    assert next(iter(left)) == b"acme"
    left.close()
    assert closed == [True, True]
    assert shop.current() is None
    eventually(lambda: plane.count(http__response__status_code="200") == 2, LONG)
    assert plane.count() == 2


def test_a_worker_that_is_ended_in_the_midst_of_a_request_counts_it_as_failed(plane, shop):
    def aborted(environ, start_response):
        raise SystemExit(1)

    def aborted_later(environ, start_response):
        start_response("200 OK", [])
        yield b"a"
        raise SystemExit(1)

    with pytest.raises(SystemExit):
        shop.wsgi(aborted)(environ(), lambda *words: print)
    body = shop.wsgi(aborted_later)(environ(), lambda *words: print)
    with pytest.raises(SystemExit):
        list(body)
    body.close()
    eventually(lambda: plane.count(http__response__status_code="500", error__type="SystemExit") == 2, LONG)


def test_a_body_keeps_its_length_and_a_file_goes_out_as_the_server_likes_it(plane, shop):
    file = FileWrapper(io.BytesIO(b"file"))

    def sized(environ, start_response):
        start_response("200 OK", [])
        return file if environ.get("wsgi.file_wrapper") else [b"one"]

    body = shop.wsgi(sized)(environ(), lambda *words: print)
    assert len(body) == 1
    body.close()
    handed = shop.wsgi(sized)(environ(**{"wsgi.file_wrapper": FileWrapper}), lambda *words: print)
    assert handed is file
    eventually(lambda: plane.count(http__response__status_code="200") == 2, LONG)


def test_functions_and_coroutines_of_a_worker_are_measured_by_a_decorator(plane, shop):
    @shop.task("checkout", tenant="acme")
    def plain(number):
        return number + 1

    @shop.task("checkout", name="nightly")
    async def waiting(how):
        if how == "bad":
            raise KeyError
        if how == "cancelled":
            raise asyncio.CancelledError
        return shop.current().route

    assert plain(1) == 2
    assert asyncio.run(waiting("well")) == "/nightly"
    for how, error in (("bad", KeyError), ("cancelled", asyncio.CancelledError)):
        with pytest.raises(error):
            asyncio.run(waiting(how))
    eventually(lambda: plane.count() == 4, LONG)
    assert plane.count(tenant__id="acme", http__response__status_code="200") == 1
    assert plane.count(http__route="/nightly", http__response__status_code="500", error__type="KeyError") == 1
    assert plane.count(http__route="/nightly", http__response__status_code="499") == 1


def test_the_last_goodbye_of_a_server_is_flushed(plane, clients):
    shop = clients(plane.url, flush_ms=3_600_000)
    with shop.request("checkout", "acme"):
        pass

    async def lifespan(scope, receive, send):
        await send({"type": "lifespan.startup.complete"})
        assert plane.count() == 0
        await send({"type": "lifespan.shutdown.complete"})

    asyncio.run(shop.asgi(lifespan)({"type": "lifespan"}, nothing, nothing))
    assert plane.count() == 1


@pytest.mark.parametrize("tenant", ["acme", "a,b;c=d", "münchen", "a b%20", "x" * 128])
def test_baggage_that_is_written_is_read_back_and_keeps_what_others_put_in(tenant):
    written = render("checkout", tenant, "user=7;p=1,tenant.id=other, last=1")
    carried = parse(written)
    assert (carried.focus, carried.tenant) == ("checkout", tenant)
    assert written.endswith("user=7;p=1,last=1")
    assert written.startswith("focus.id=checkout,tenant.id=")


def test_baggage_that_cannot_be_read_back_is_not_written_and_its_size_is_bounded():
    assert render("checkout", "x" * 129) == "focus.id=checkout"
    assert render("", "a\nb") == ""
    assert len(render("checkout", "acme", ",".join(f"k{number}=v" for number in range(5_000)))) <= MAX_HEADER
