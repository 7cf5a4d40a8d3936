"""gRPC server interceptors, for `grpc.server` and for `grpc.aio`: each call is tagged, admitted and measured."""

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from time import perf_counter_ns
from typing import Any

import grpc
import grpc.aio

from focusplane.control.admission import ADMIT, Reject
from focusplane.instrument.conventions import RPC
from focusplane.instrument.outcome import GRPC_STATUS
from focusplane.sdk.door import Door
from focusplane.sdk.request import CURRENT, Request, Within

Handler = Any
"""A `grpc.RpcMethodHandler`."""
Behaviour = Callable[[Any, Any], Any]

PUSHBACK = "grpc-retry-pushback-ms"
"""What gRPC clients with a retry policy wait for."""
NEAR, NEAR_S = 0.05, 0.05
"""A call that its caller gives up with no more than this share of its time left, or these seconds, has met its deadline."""
_NS = 1_000_000_000
NEVER_STARTED = "never_started"
"""The caller gave up, or the server stopped, before a thread was free for the call."""


class ServerInterceptor(grpc.ServerInterceptor):
    """`grpc.server(pool, interceptors=[shop.grpc()])`."""

    def __init__(self, door: Door, focus: str = "") -> None:
        self._door, self._focus = door, focus

    def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        ongoing = _begin(self._door, handler_call_details, self._focus)
        handler = continuation(handler_call_details)
        return handler if ongoing is None else _wrapped(handler, ongoing, handler_call_details.method, _sync)


class AioServerInterceptor(grpc.aio.ServerInterceptor):
    """`grpc.aio.server(interceptors=[shop.grpc_aio()])`."""

    def __init__(self, door: Door, focus: str = "") -> None:
        self._door, self._focus = door, focus

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        ongoing = _begin(self._door, handler_call_details, self._focus)
        handler = await continuation(handler_call_details)
        return handler if ongoing is None else _wrapped(handler, ongoing, handler_call_details.method, _aio)


class _Ongoing:
    """One call, counted once: at its end, when the call is terminated, or when nobody ever got to it."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self._left = [request]

    def end(self, context: Any, error: BaseException | None = None) -> None:
        """`error` is what left the servicer; what the context says wins, because that is what the caller sees."""
        try:
            request = self._left.pop()
        except IndexError:
            return
        name, status = _status(context, error, (perf_counter_ns() - request.started_ns) / _NS)
        if name != "OK":
            own = name == "UNKNOWN" and error is not None
            request.fail(type(error).__name__ if own else name, status)
        request.status = request.status or status
        request.finish()

    def refuse(self) -> None:
        self._left.clear()
        self.request.fail("rejected", 429 if isinstance(self.request.admission, Reject) else 503)
        self.request.finish()

    def unknown(self) -> None:
        """No servicer has this method: its name is the caller's word, so that only a declared route is counted."""
        self._left.clear()
        if self.request.focus.name:
            self.request.fail("UNIMPLEMENTED", 501)
            self.request.finish()

    def __del__(self) -> None:
        if self._left:
            self._left.clear()
            self.request.fail(NEVER_STARTED, 503)
            self.request.finish()


def _begin(door: Door, details: Any, focus: str) -> _Ongoing | None:
    headers = [
        (
            key.encode("latin-1", "replace"),
            value if isinstance(value, bytes) else value.encode("utf-8", "replace"),
        )
        for key, value in details.invocation_metadata or ()
    ]
    request = door.begin("POST", details.method, headers, focus)
    if request is None:
        return None
    request.method = RPC
    return _Ongoing(request)


def _wrapped(
    handler: Handler | None,
    ongoing: _Ongoing,
    method: str,
    wrap: "Callable[[Behaviour, _Ongoing, bool], Behaviour]",
) -> Handler:
    """The same handler, measured. A registered method is a bounded route, unlike one that nobody serves."""
    if handler is None:
        ongoing.unknown()
        return None
    ongoing.request.route = method
    inner: Any = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
    behaviour = wrap(inner, ongoing, bool(handler.response_streaming))
    make = _MAKERS[bool(handler.request_streaming), bool(handler.response_streaming)]
    return make(behaviour, handler.request_deserializer, handler.response_serializer)


_MAKERS: dict[tuple[bool, bool], Callable[..., Handler]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


def _sync(
    inner: Behaviour, ongoing: _Ongoing, streaming: bool, hear: Callable[[Any], Any] = lambda context: context
) -> Behaviour:
    def unary(message: Any, context: Any) -> Any:
        context = hear(context)
        _admit(ongoing, context)
        token = CURRENT.set(ongoing.request)
        try:
            answer = inner(message, context)
        except BaseException as error:
            ongoing.end(context, error)
            raise
        finally:
            CURRENT.reset(token)
        ongoing.end(context)
        return answer

    def stream(message: Any, context: Any) -> Iterator[Any]:
        context = hear(context)
        _admit(ongoing, context)
        # A caller that leaves in the midst of a stream ends it without another turn of ours.
        context.add_callback(lambda: ongoing.end(context))
        try:
            yield from Within(lambda: inner(message, context), ongoing.request)
        except Exception as error:
            ongoing.end(context, error)
            raise
        ongoing.end(context)

    return stream if streaming else unary


def _aio(inner: Behaviour, ongoing: _Ongoing, streaming: bool) -> Behaviour:
    """As the servicer is written: a coroutine, an async generator, or a plain function that runs in a thread.

    Each call has a task of its own, and its context goes with it.
    """

    async def coroutine(message: Any, context: Any) -> Any:
        await _admit_aio(ongoing, context)
        CURRENT.set(ongoing.request)
        try:
            answer = await inner(message, context)
        except BaseException as error:
            ongoing.end(context, error)
            raise
        ongoing.end(context)
        return answer

    async def generator(message: Any, context: Any) -> AsyncIterator[Any]:
        await _admit_aio(ongoing, context)
        CURRENT.set(ongoing.request)
        try:
            async for answer in inner(message, context):
                yield answer
        except BaseException as error:
            ongoing.end(context, error)
            raise
        ongoing.end(context)

    if inspect.isasyncgenfunction(inner):
        return generator
    if inspect.iscoroutinefunction(inner):
        return coroutine
    return _sync(inner, ongoing, streaming, _Heard)


class _Heard:
    """The context of a plain function in an aio server, which cannot be asked for its code afterwards."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._code: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def code(self) -> Any:
        return self._code

    def is_active(self) -> bool:
        left_s = self._context.time_remaining()
        return left_s is None or left_s > 0

    def set_code(self, code: Any) -> None:
        self._code = code
        self._context.set_code(code)

    def abort(self, code: Any, details: str = "", trailing_metadata: Any = ()) -> None:
        self._code = code
        self._context.abort(code, details, trailing_metadata)


def _admit(ongoing: _Ongoing, context: Any) -> None:
    if ongoing.request.admission is not ADMIT:
        context.set_trailing_metadata(_pushback(ongoing))
        context.abort(*_refusal(ongoing))


async def _admit_aio(ongoing: _Ongoing, context: Any) -> None:
    if ongoing.request.admission is not ADMIT:
        context.set_trailing_metadata(_pushback(ongoing))
        await context.abort(*_refusal(ongoing))


def _refusal(ongoing: _Ongoing) -> tuple[grpc.StatusCode, str]:
    """A declared fallback is a body of HTTP: here it only says that the call is not served."""
    ongoing.refuse()
    admission = ongoing.request.admission
    code = (
        grpc.StatusCode.RESOURCE_EXHAUSTED if isinstance(admission, Reject) else grpc.StatusCode.UNAVAILABLE
    )
    return code, getattr(admission, "reason", "")


def _pushback(ongoing: _Ongoing) -> tuple[tuple[str, str], ...]:
    wait_ms = getattr(ongoing.request.admission, "retry_after_ms", 0)
    return ((PUSHBACK, str(max(wait_ms, 1_000))),)


def _status(context: Any, error: BaseException | None, took_s: float) -> tuple[str, int]:
    """The status that the caller sees, and its HTTP status."""
    said = context.code()
    number = said.value[0] if isinstance(said, grpc.StatusCode) else said
    if number:
        return GRPC_STATUS[number] if number < len(GRPC_STATUS) else ("UNKNOWN", 500)
    if _over(context, error):
        late = _too_late(context.time_remaining(), took_s)
        return ("DEADLINE_EXCEEDED", 504) if late else ("CANCELLED", 499)
    return ("UNKNOWN", 500) if error is not None else ("OK", 200)


def _too_late(left_s: float | None, took_s: float) -> bool:
    """Whether it ended because its deadline passed. The caller's clock began to run before ours, and its word that it waits no
    longer is here before our own time is up: what ends so near its deadline has ended of it.
    """
    return left_s is not None and left_s <= max((left_s + took_s) * NEAR, NEAR_S)


def _over(context: Any, error: BaseException | None) -> bool:
    """Whether the caller has gone: it cancelled, or its deadline has passed."""
    active = getattr(context, "is_active", None)
    if active is not None:
        return not active()
    return bool(context.cancelled()) or (error is not None and not isinstance(error, Exception))
