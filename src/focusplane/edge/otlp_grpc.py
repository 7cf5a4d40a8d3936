"""OTLP over gRPC: generic raw-bytes methods, so that no generated stub is needed; the core is the one of HTTP."""

from collections.abc import Awaitable, Callable
from typing import NoReturn

import grpc

from focusplane.edge.otlp_intake import CAUSES, ForbiddenError, OtlpIntake
from focusplane.kernel.errors import (
    DataError,
    FocusplaneError,
    JournalError,
    RefusedError,
    UnauthenticatedError,
)
from focusplane.plane.identity import OpenDoor, Sender, Senders
from focusplane.wire.otlp_answer import Encoding, Telemetry, retry_after, retry_status, success

_SERVICES = {
    Telemetry.METRICS: "opentelemetry.proto.collector.metrics.v1.MetricsService",
    Telemetry.TRACES: "opentelemetry.proto.collector.trace.v1.TraceService",
    Telemetry.LOGS: "opentelemetry.proto.collector.logs.v1.LogsService",
}
Context = grpc.aio.ServicerContext[bytes, bytes]
Method = Callable[[bytes, Context], Awaitable[bytes]]


MOST_CALLS = 128
"""At a time: gRPC reads a whole message before it asks anybody, so this bounds what it holds. Beyond is RESOURCE_EXHAUSTED."""
_OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_concurrent_streams", 32),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.max_connection_idle_ms", 300_000),
    ("grpc.max_connection_age_ms", 600_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
)
"""Dead, idle and endlessly slow peers are let go; a living one connects again without losing anything."""
_OPEN = OpenDoor()


def otlp_server(core: OtlpIntake, address: str, senders: Senders = _OPEN) -> tuple[grpc.aio.Server, int]:
    """A server that is not started yet, and the port that `address` (`127.0.0.1:0`) became.

    Gzip is grpc's own; its limit holds for the decompressed message too. Raises `RuntimeError` if the port is taken.
    """
    options = (*_OPTIONS, ("grpc.max_receive_message_length", core.settings.max_message))
    server = grpc.aio.server(options=options, maximum_concurrent_rpcs=MOST_CALLS)
    for kind, service in _SERVICES.items():
        method: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
            _export(core, kind, senders)
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": method}),))
    return server, server.add_insecure_port(address)


def _said(context: Context) -> str:
    said = dict(context.invocation_metadata() or ()).get("authorization", "")
    return said if isinstance(said, str) else ""


def _sender(core: OtlpIntake, senders: Senders, context: Context) -> Sender:
    """Who sends. Raises what HTTP raises, counted like there."""
    try:
        return senders.sender(_said(context))
    except UnauthenticatedError:
        core.refused(CAUSES[401])
        raise
    except RefusedError as error:
        core.refused(CAUSES[403])
        raise ForbiddenError(error.what, error.hint) from error


def _export(core: OtlpIntake, kind: Telemetry, senders: Senders) -> Method:
    async def export(body: bytes, context: Context) -> bytes:
        try:
            sender = _sender(core, senders, context)
            peer = f"{sender.name or context.peer().rpartition(':')[0]} {kind}"
            with core.room.lease(peer) as lease:
                lease.grow(len(body))
                taken = await core.take(kind, Encoding.PROTOBUF, body, sender)
                core.room.note(peer, taken.focused)
        except FocusplaneError as error:
            await _refuse(core, error, context)
        return success(Encoding.PROTOBUF, kind, taken.rejected)

    return export


async def _refuse(core: OtlpIntake, error: FocusplaneError, context: Context) -> NoReturn:
    """Overload is RESOURCE_EXHAUSTED with both forms of RetryInfo: exporters read one or the other (measured)."""
    match error:
        case UnauthenticatedError():
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, error.what)
        case ForbiddenError():
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, error.what)
        case DataError() if not isinstance(error, JournalError):
            core.refused(CAUSES[error.http_status])
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.what)
        case RefusedError():
            seconds = core.settings.retry_after_s
            trailers = (
                ("google.rpc.retryinfo-bin", retry_after(seconds)),
                ("grpc-status-details-bin", retry_status(seconds, error.what)),
            )
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, error.what, trailers)
        case _:
            await context.abort(grpc.StatusCode.UNAVAILABLE, error.what)
