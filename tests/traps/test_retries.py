"""Traps of retries: what a caller tries again is one request."""

import asyncio
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from focusplane.sdk.asgi import AsgiMiddleware, Message
from focusplane.sdk.attempts import JOINED_NS, MOST_WAITING
from focusplane.sdk.door import Door
from focusplane.sdk.meter import Delta, Meter, merged
from focusplane.sdk.view import View

LATER = 10**18


def counted(meter: Meter) -> dict[tuple[int, bool], int]:
    """Status and whether it is a repetition -> how many."""
    deltas: Iterator[Delta] = meter.collect()
    found: dict[tuple[int, bool], int] = {}
    for delta in merged(deltas).values():
        kind = (delta.key[4], delta.key[7])
        found[kind] = found.get(kind, 0) + sum(delta.counts)
    return found


def service(statuses: Iterator[int]) -> tuple[AsgiMiddleware, Meter]:
    async def app(scope: object, receive: object, send: object) -> None:
        start: Message = {"type": "http.response.start", "status": next(statuses), "headers": []}
        await send(start)  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]

    meter = Meter()
    return AsgiMiddleware(app, Door(View("shop", "production"), meter, "x-tenant"), "checkout"), meter  # type: ignore[arg-type]


def post(app: AsgiMiddleware, key: str, resend: bool = False, tenant: str = "acme") -> None:
    headers = [(b"x-tenant", tenant.encode()), (b"idempotency-key", key.encode())]
    if resend:
        headers.append((b"x-focus-resend", b"1"))
    scope = {"type": "http", "method": "POST", "path": "/checkout", "headers": headers}

    async def nothing() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        return None

    asyncio.run(app(scope, nothing, send))


def test_trap_26_retries_with_one_key_count_once_as_their_caller_saw_them() -> None:
    """Retries inflate both the total and the bad ones: no peer models it. Three attempts of which the last succeeds are one
    good request; what the caller never got is one bad one, however often he tried.
    """
    app, meter = service(iter([503, 503, 200, 503, 503, 200]))
    for resend in (False, True, True):
        post(app, "order-1", resend)
    for resend in (False, True):
        post(app, "order-2", resend)
    post(app, "", False)
    meter.settle(0)
    assert counted(meter) == {(200, False): 2}  # what has no key, and what has succeeded, counts at once
    meter.settle(LATER)
    assert counted(meter) == {(503, False): 1}
    assert len(meter.attempts) == 0


def test_trap_26_the_key_of_another_tenant_or_of_long_ago_is_another_request() -> None:
    """A key means something to one caller for a while: joined too widely, failures would vanish."""
    app, meter = service(iter([503, 200, 200]))
    post(app, "k", tenant="acme")
    post(app, "k", tenant="other")
    meter.settle(LATER)  # five seconds have passed
    post(app, "k", tenant="acme")
    meter.settle(LATER)
    assert counted(meter) == {(200, False): 2, (503, False): 1}


def test_a_success_counts_at_once_and_what_comes_after_it_with_the_same_key_is_answered_for() -> None:
    """The first answer is fresh: only a failure waits whether it is tried again."""
    app, meter = service(iter([200, 503, 200, 429, 200]))
    for resend in (False, True, True):
        post(app, "order-1", resend)
    assert counted(meter) == {(200, False): 1}
    for resend in (False, True):
        post(app, "order-2", resend)
    meter.settle(0)
    assert counted(meter) == {(200, False): 1}
    meter.settle(LATER)
    assert counted(meter) == {}
    assert len(meter.attempts) == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([200, 404, 503])), max_size=20))
def test_every_key_counts_once_as_its_first_success_or_else_as_its_last_failure(
    attempts: list[tuple[str, int]],
) -> None:
    app, meter = service(iter([status for _, status in attempts]))
    for key, _ in attempts:
        post(app, key)
    meter.settle(LATER)
    seen: dict[str, int] = {}
    for key, status in attempts:
        if seen.get(key, 503) == 503:
            seen[key] = status
    expected: dict[tuple[int, bool], int] = {}
    for status in seen.values():
        expected[status, False] = expected.get((status, False), 0) + 1
    assert counted(meter) == expected


def test_a_flood_of_keys_is_bounded_and_nothing_of_it_is_lost() -> None:
    meter = Meter()
    door = Door(View("shop", "production"), meter, "x-tenant")
    for number in range(MOST_WAITING + 500):
        request = door.request("checkout", "acme", 0)
        request.key, request.status = f"k{number}", 503
        request.finish()
    assert len(meter.attempts) == MOST_WAITING
    assert counted(meter) == {(503, False): 500}
    meter.settle(LATER)
    assert counted(meter) == {(503, False): MOST_WAITING}
    assert JOINED_NS == 5 * 10**9
