"""Each door at which others' bytes arrive: damaged words go in, and only the promised refusals come out."""

import asyncio
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
from tests.fuzz import flag_sets, kayentas, payloads
from tests.fuzz.mutate import BYTES, as_bytes, hurt, misplace, reword

from focusplane.act.fact import Fact
from focusplane.define.diff import diff
from focusplane.define.load import load
from focusplane.edge.envoy.answers import Kind
from focusplane.edge.envoy.plane import EnvoyPlane
from focusplane.edge.envoy.xds import xds_app
from focusplane.edge.otlp_body import UnacceptableError, gunzip
from focusplane.edge.otlp_intake import OtlpIntake, OtlpSettings
from focusplane.instrument import baggage
from focusplane.kernel.errors import DataError
from focusplane.kernel.tick import Tick
from focusplane.observe.counters import Counters
from focusplane.plane.arrival import Arrival, Counted, PolicyRead, Started
from focusplane.plane.ports import Batch
from focusplane.plane.recover import empty
from focusplane.plane.snapshot import revive
from focusplane.plane.step import step
from focusplane.sdk.client import Client
from focusplane.wire import board_json, codec
from focusplane.wire.otlp_answer import Encoding, Telemetry
from focusplane.wire.state_json import decode_state

NOW_MS = payloads.NOW_NS // 10**6
LIMIT = 100_000


@dataclass(frozen=True)
class Target:
    """`made` draws one damaged input; `taken` must survive it."""

    name: str
    made: Callable[[random.Random], Any]
    taken: Callable[[Any], None]


# -- policies --------------------------------------------------------------------------------------------------------


def _policy(chance: random.Random) -> str:
    text = reword(chance, chance.choice(payloads.policies()))
    return hurt(chance, text.encode()).decode("utf-8", "replace") if chance.random() < 0.2 else text


def _load(text: str) -> None:
    loaded = load({"a.yaml": text}, "2026-01-01")
    lines = (
        text.count("\n")
        + 2
        + text.count("\r")
        + text.count("\x85")
        + text.count("\u2028")
        + text.count("\u2029")
    )
    for problem in loaded.problems:
        assert problem.path == "a.yaml", problem
        assert problem.code, problem
        assert problem.what, problem
        assert 1 <= problem.line <= lines, problem
        assert problem.column >= 1, problem
    if not loaded.refused:
        assert diff(loaded.policies, loaded.policies) == ()
        assert load({"a.yaml": text}, "2026-01-01").policies.digest == loaded.policies.digest


# -- telemetry -------------------------------------------------------------------------------------------------------


class StillClock:
    """It is always the moment that the payloads speak of."""

    def now_ms(self) -> int:
        return NOW_MS

    def now_ns(self) -> int:
        return payloads.NOW_NS

    def today(self) -> str:
        return "2026-01-01"


class Taker:
    """A plane without a loop: what is accepted goes through one turn of `step`."""

    def __init__(self) -> None:
        arrivals = (Started("p-1", 1, "production"), PolicyRead({"a.yaml": payloads.POLICY}, "2026-01-01"))
        self.world = step(empty(), arrivals, Tick(NOW_MS - 60_000, 1)).world

    def policies(self) -> Any:
        return self.world.policies.set.focuses

    def refused(self, cause: str, count: int = 1) -> None:
        """A door turned requests away: nothing of them is taken."""

    async def accept(self, batch: Batch) -> None:
        tick = Tick(max(NOW_MS, self.world.tick.at) + 1, self.world.tick.number + 1)
        codec.decode(codec.encode((counted := Counted(batch.key, batch.signals, batch.dropped, batch.moved),), tuple[Arrival, ...]), tuple[Arrival, ...])  # fmt: skip
        self.world = step(self.world, (counted,), tick).world


@cache
def _receiver() -> tuple[asyncio.Runner, OtlpIntake]:
    taker = Taker()
    assert len(taker.policies()) == 1
    return asyncio.Runner(), OtlpIntake(taker, StillClock(), OtlpSettings())


Post = tuple[Telemetry, Encoding, bytes]
_REQUESTS = {
    Telemetry.METRICS: payloads.metrics,
    Telemetry.TRACES: payloads.traces,
    Telemetry.LOGS: payloads.logs,
}


def _protobuf(chance: random.Random) -> Post:
    kind = chance.choice((Telemetry.METRICS, Telemetry.METRICS, Telemetry.TRACES, Telemetry.LOGS))
    return kind, Encoding.PROTOBUF, hurt(chance, _REQUESTS[kind]().SerializeToString())


def _json(chance: random.Random) -> Post:
    kind = chance.choice((Telemetry.METRICS, Telemetry.METRICS, Telemetry.TRACES, Telemetry.LOGS))
    said = payloads.in_json(_REQUESTS[kind]())
    if chance.random() < 0.7:
        return kind, Encoding.JSON, as_bytes(misplace(chance, said))
    return kind, Encoding.JSON, hurt(chance, as_bytes(said))


def _take(post: Post) -> None:
    runner, intake = _receiver()
    try:
        runner.run(intake.take(*post))
    except DataError as refusal:
        assert refusal.what


def _gunzip(stream: bytes) -> None:
    try:
        assert len(gunzip(stream, LIMIT)) <= LIMIT
    except UnacceptableError as refusal:
        assert refusal.status in (400, 413)


# -- headers ---------------------------------------------------------------------------------------------------------

_HEADER = "focus.id=checkout;p=1,tenant.id=gr%C3%B6%C3%9Fe, other=x;a;b=c"


def _baggage(header: str) -> None:
    carried = baggage.parse(header)
    for value in (carried.focus, carried.tenant):
        assert len(value) <= baggage.MAX_VALUE
        assert value.isprintable()


_NAMES = (
    b"x-tenant",
    b"user-agent",
    b"baggage",
    b"x-focus-synthetic",
    b"x-focus-resend",
    b"idempotency-key",
    b"traceparent",
)


def _headers(chance: random.Random) -> list[tuple[bytes, bytes]]:
    values = (
        b"acme",
        b"kube-probe/1.2",
        _HEADER.encode(),
        b"0",
        b"true",
        b"\xff\xfe",
        bytes(BYTES),
        b"x" * 9_000,
    )
    return [(chance.choice(_NAMES), hurt(chance, chance.choice(values))) for _ in range(chance.randrange(8))]


async def _app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


@cache
def _client() -> tuple[asyncio.Runner, Any]:
    client = Client("http://127.0.0.1:9", service="payment", otlp="http://127.0.0.1:9", cache_dir=None)
    return asyncio.Runner(), client.asgi(_app)


def _asgi(headers: list[tuple[bytes, bytes]]) -> None:
    runner, app = _client()
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "method": "POST", "path": "/checkout", "headers": headers, "query_string": b""}
    runner.run(app(scope, receive, send))
    assert sent[0]["status"] == 200


# -- what lies on disks ------------------------------------------------------------------------------------------------


def _board(value: Any) -> None:
    with_refusal(lambda: board_json.decode(value))
    with_refusal(lambda: decode_state(value, "state"))


def _stored(text: bytes) -> None:
    with_refusal(lambda: codec.decode(text, tuple[Arrival, ...]))
    with_refusal(lambda: codec.decode(text, Fact))


def _snapshot(stored: bytes) -> None:
    """Whole bytes with wrong values are read or refused; what is read can be saved again."""
    with_refusal(lambda: revive(stored))
    with_refusal(lambda: Counters().restore(stored, {}))


def with_refusal(read: Callable[[], object]) -> None:
    try:
        read()
    except DataError as refusal:
        assert refusal.what


# -- gateways ----------------------------------------------------------------------------------------------------------


@cache
def _gateway() -> tuple[asyncio.Runner, httpx.AsyncClient]:
    app = xds_app(EnvoyPlane(StillClock()), hold_ms=0)
    return asyncio.Runner(), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://xds")


def _poll(chance: random.Random) -> tuple[str, bytes]:
    kind = chance.choice((*Kind, "other", "%00", ".."))
    body = as_bytes(misplace(chance, dict(payloads.DISCOVERY)))
    return kind, hurt(chance, body) if chance.random() < 0.3 else body


def _discover(poll: tuple[str, bytes]) -> None:
    runner, client = _gateway()
    answer = runner.run(client.post(f"/v3/discovery:{poll[0]}", content=poll[1]))
    assert answer.status_code in (200, 304, 400, 404, 413), answer.text


def targets() -> Iterator[Target]:
    """Every door but the API, which `api.py` tries by its own schema."""
    yield Target("policy", _policy, _load)
    yield Target("otlp-protobuf", _protobuf, _take)
    yield Target("otlp-json", _json, _take)
    yield Target("gunzip", lambda chance: hurt(chance, chance.choice(payloads.zipped())), _gunzip)
    yield Target("baggage", lambda chance: hurt(chance, _HEADER.encode()).decode("latin-1"), _baggage)
    yield Target("headers", _headers, _asgi)
    yield Target(
        "board", lambda chance: misplace(chance, chance.choice((payloads.board(), *_states()))), _board
    )
    yield Target("journal", _journaled, _stored)
    yield Target("snapshot", _saved, _snapshot)
    yield Target("xds", _poll, _discover)
    yield Target("kayenta", kayentas.made, kayentas.taken)
    yield Target("flagd", flag_sets.made, flag_sets.taken)


@cache
def _states() -> tuple[Any, ...]:
    return tuple(row["state"] for row in payloads.board()["controls"])


def _journaled(chance: random.Random) -> bytes:
    said = chance.choice(payloads.arrivals())
    text = as_bytes(misplace(chance, said))
    return hurt(chance, text) if chance.random() < 0.3 else text


def _saved(chance: random.Random) -> bytes:
    """A snapshot with damaged bytes, or a whole one in which something stands that cannot be."""
    if chance.random() < 0.3:
        return hurt(chance, payloads.snapshot())
    body = dict(payloads.unpacked())
    if chance.random() < 0.3:
        body[chance.choice(sorted(body))] = chance.choice((None, b"", {}, 1, "x", [], {"x": "y"}, {"x": -1}))
    else:
        field = chance.choice(sorted(body["frozen"]))
        damaged = as_bytes(misplace(chance, json.loads(body["frozen"][field])))
        body["frozen"] = {**body["frozen"], field: damaged}
    return payloads.packed(body)


def shown(made: Any) -> str:
    """The input as a literal that can be pasted into a test."""
    return json.dumps(made) if isinstance(made, dict) else repr(made)
