"""flagd sync: every OpenFeature language evaluates our flags in its own process, fed by a stream (`flagd.sync.v1`).

Generic raw-bytes methods, so that no generated stub is needed. A client gets the whole set at once, and again when it
changes; when we die it goes on with the last one.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import NoReturn

import grpc
from google.protobuf.struct_pb2 import Struct

from focusplane.define.people import Role
from focusplane.kernel.errors import FocusplaneError, NotFoundError, RefusedError, UnauthenticatedError
from focusplane.plane.identity import Known, bearer
from focusplane.plane.ports import Plane
from focusplane.plane.queries.flag_sets import flag_set, wanted_focus

SERVICE = "flagd.sync.v1.FlagSyncService"
SELECTOR = "flagd-selector"
"""The header in which newer clients say which set they want; older ones say it in the request."""
MOST_STREAMS = 1_000
"""At a time, each a client that follows. Beyond is RESOURCE_EXHAUSTED, and they try again."""
MOST_REQUEST = 64 * 1024
_LENGTH = 2
"""The wire type of everything here."""
_LOOK_S = 30.0
"""So long a stream waits for a turn of the plane before it looks whether its client is still there."""
_OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.max_receive_message_length", MOST_REQUEST),
)
Context = grpc.aio.ServicerContext[bytes, bytes]


@dataclass(frozen=True, slots=True)
class FlagdSync:
    """The three methods of the service. `tokens` is None on loopback, where nobody is asked."""

    plane: Plane
    tokens: Known | None = None
    _made: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Focus -> what the set was made of, and the set: many clients follow one."""

    async def follow(self, body: bytes, context: Context) -> AsyncIterator[bytes]:
        """The set now, and each time it has changed."""
        told = ""
        while not self.plane.stopping:
            number, text = self.plane.world.tick.number, await self._text(body, context)
            if text != told:
                told = text
                yield _answer(text, _context())
            await self.plane.next_turn(number, _LOOK_S)

    async def fetch(self, body: bytes, context: Context) -> bytes:
        """The set now."""
        return _answer(await self._text(body, context))

    async def metadata(self, body: bytes, context: Context) -> bytes:
        """What evaluations are to know besides: deprecated, some older clients ask for it before anything else."""
        return _field(2, _context())

    async def _text(self, body: bytes, context: Context) -> str:
        try:
            said = _metadata(context)
            if self.tokens is not None:
                self.tokens.principal(bearer(said.get("authorization", ""))).need(Role.SDK, Role.VIEWER)
            return self._set(wanted_focus(self.plane.world, said.get(SELECTOR, "") or _selector(body)))
        except FocusplaneError as error:
            await _refuse(error, context)

    def _set(self, focus: str) -> str:
        world = self.plane.world
        of = f"{world.board.etag} {world.policies.set.digest}"
        before, text = self._made.get(focus, ("", ""))
        if before != of:
            text = flag_set(world.policies.set.focuses, world.board, focus)
            for name in [name for name, (made_of, _) in self._made.items() if made_of != of]:
                del self._made[name]  # its focus may be gone
            self._made[focus] = of, text
        return text


def flagd_server(sync: FlagdSync, address: str) -> tuple[grpc.aio.Server, int]:
    """A server that is not started yet, and the port that `address` became. Raises `RuntimeError` if it is taken."""
    server = grpc.aio.server(options=_OPTIONS, maximum_concurrent_rpcs=MOST_STREAMS)
    stream: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_stream_rpc_method_handler(sync.follow)
    one: dict[str, Callable[[bytes, Context], Awaitable[bytes]]] = {
        "FetchAllFlags": sync.fetch,
        "GetMetadata": sync.metadata,
    }
    methods: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        name: grpc.unary_unary_rpc_method_handler(method) for name, method in one.items()
    }
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {"SyncFlags": stream, **methods}),)
    )
    return server, server.add_insecure_port(address)


def _metadata(context: Context) -> dict[str, str]:
    said = context.invocation_metadata() or ()
    return {str(key): value for key, value in said if isinstance(value, str)}


async def _refuse(error: FocusplaneError, context: Context) -> NoReturn:
    match error:
        case UnauthenticatedError():
            status = grpc.StatusCode.UNAUTHENTICATED
        case RefusedError():
            status = grpc.StatusCode.PERMISSION_DENIED
        case NotFoundError():
            status = grpc.StatusCode.NOT_FOUND
        case _:
            status = grpc.StatusCode.INVALID_ARGUMENT
    await context.abort(status, f"{error.what} / {error.hint}" if error.hint else error.what)


def _context() -> bytes:
    """Goes into every evaluation of the client: so its telemetry can say which plane decided."""
    struct = Struct()
    struct.update({"flagSetId": "focusplane"})
    return struct.SerializeToString()


def _answer(text: str, context: bytes = b"") -> bytes:
    return _field(1, text.encode()) + (_field(2, context) if context else b"")


def _field(number: int, body: bytes) -> bytes:
    """A length-delimited field of a protobuf message."""
    return bytes([number << 3 | _LENGTH]) + _varint(len(body)) + body


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def _selector(body: bytes) -> str:
    """Field 2 of a request, `provider_id = 1; selector = 2`; empty if it is not there or the bytes are no such message."""
    place = 0
    while place < len(body):
        tag, size, place = body[place], 0, place + 1
        for shift in (0, 7, 14):
            if place >= len(body):
                return ""
            size |= (body[place] & 0x7F) << shift
            place += 1
            if body[place - 1] < 0x80:
                break
        if tag & 7 != _LENGTH or place + size > len(body):
            return ""
        if tag >> 3 == 2:
            return body[place : place + size].decode("utf-8", "replace")
        place += size
    return ""
