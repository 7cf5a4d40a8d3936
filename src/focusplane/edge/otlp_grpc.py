"""OTLP over gRPC: generic raw-bytes methods, so that no generated stub is needed; the core is the one of HTTP."""

from collections.abc import Awaitable, Callable

import grpc

from focusplane.edge.otlp_intake import OtlpIntake
from focusplane.kernel.errors import DataError, FocusplaneError, RefusedError, UnauthenticatedError
from focusplane.plane.identity import OpenDoor, Sender, Senders
from focusplane.wire.otlp_answer import Encoding, Telemetry, retry_after, retry_status, success

_SERVICES = {
    Telemetry.METRICS: "opentelemetry.proto.collector.metrics.v1.MetricsService",
    Telemetry.TRACES: "opentelemetry.proto.collector.trace.v1.TraceService",
    Telemetry.LOGS: "opentelemetry.proto.collector.logs.v1.LogsService",
}
Context = grpc.aio.ServicerContext[bytes, bytes]
Method = Callable[[bytes, Context], Awaitable[bytes]]


_OPEN = OpenDoor()


def otlp_server(core: OtlpIntake, address: str, senders: Senders = _OPEN) -> tuple[grpc.aio.Server, int]:
    """A server that is not started yet, and the port that `address` (`127.0.0.1:0`) became.

    Gzip is grpc's own; its limit holds for the decompressed message too. Raises `RuntimeError` if the port is taken.
    """
    limit = core.settings.max_message
    server = grpc.aio.server(options=(("grpc.max_receive_message_length", limit), ("grpc.so_reuseport", 0)))
    for kind, service in _SERVICES.items():
        method: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
            _export(core, kind, senders)
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": method}),))
    return server, server.add_insecure_port(address)


async def _sender(senders: Senders, context: Context) -> Sender:
    """Who sends; the call ends here for nobody we know, or who may not."""
    said = dict(context.invocation_metadata() or ()).get("authorization", "")
    try:
        return senders.sender(said if isinstance(said, str) else "")
    except UnauthenticatedError as error:
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, error.what)
    except RefusedError as error:
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, error.what)


def _export(core: OtlpIntake, kind: Telemetry, senders: Senders) -> Method:
    async def export(body: bytes, context: Context) -> bytes:
        """Overload is RESOURCE_EXHAUSTED with both forms of RetryInfo: exporters read one or the other (measured)."""
        sender = await _sender(senders, context)
        peer = f"{sender.name or context.peer().rpartition(':')[0]} {kind}"
        try:
            with core.room.lease(peer) as lease:
                lease.grow(len(body))
                taken = await core.take(kind, Encoding.PROTOBUF, body, sender)
                core.room.note(peer, taken.focused)
        except DataError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.what)
        except RefusedError as error:
            seconds = core.settings.retry_after_s
            trailers = (
                ("google.rpc.retryinfo-bin", retry_after(seconds)),
                ("grpc-status-details-bin", retry_status(seconds, error.what)),
            )
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, error.what, trailers)
        except FocusplaneError as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, error.what)
        return success(Encoding.PROTOBUF, kind, taken.rejected)

    return export
