"""ASGI middleware: tags, admits and measures each HTTP request; it never waits and never fails one."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from focusplane.control.admission import ADMIT, Divert, Reject
from focusplane.sdk.door import Door
from focusplane.sdk.request import CLIENT_CLOSED, CURRENT, Request

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Sent = Awaitable[None]
"""Named, because annotations of a function within a function are evaluated with each request."""
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SCOPE_KEY = "focusplane"
NO_RESPONSE = "no_response"
Flush = Callable[[], object]
_GOODBYE = frozenset({"lifespan.shutdown.complete", "lifespan.shutdown.failed"})


class AsgiMiddleware:
    """`focus` tags every request of this app; without it baggage and then the declared boundaries decide."""

    def __init__(self, app: App, door: Door, focus: str = "", flush: Flush = bool) -> None:
        self.app = app
        self._door = door
        self._focus = focus
        self._flush = flush

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._pass(scope, receive, send)
            return
        request = self._door.begin(scope["method"], scope["path"], scope["headers"], self._focus)
        if request is None or request.admission is not ADMIT:
            await (self.app(scope, receive, send) if request is None else _refuse(request, send))
            return
        scope[SCOPE_KEY] = request
        token = CURRENT.set(request)

        def watch(message: Message) -> Sent:
            # An application that called `fail` knows better than its status line.
            if message["type"] == "http.response.start" and not request.error:
                request.status = message["status"]
            return send(message)

        async def hear() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect" and not request.status:
                request.gone = True
            return message

        try:
            await self.app(scope, hear, watch)
        except BaseException as error:
            request.fail(type(error).__name__)
            raise
        finally:
            CURRENT.reset(token)
            _end(request, scope)

    def _pass(self, scope: Scope, receive: Receive, send: Send) -> Sent:
        """What is no HTTP is not ours.

        But servers leave by the signal they got, without the end of an interpreter: flush before they say goodbye.
        """
        if scope["type"] != "lifespan":
            return self.app(scope, receive, send)

        async def watch(message: Message) -> None:
            if message["type"] in _GOODBYE:
                self._flush()
            await send(message)

        return self.app(scope, receive, watch)


def _end(request: Request, scope: Scope) -> None:
    """Count it. Whoever left before any answer got none; an application that gives none has failed."""
    if request.gone:
        request.status = CLIENT_CLOSED
    elif not request.status:
        request.fail(NO_RESPONSE)
    if "route" in scope:
        request.route = _template(scope["route"]) or request.route
    request.finish()


def _template(route: object) -> str:
    """What Starlette and FastAPI matched: bounded, unlike a path."""
    path = getattr(route, "path", "")
    return path if isinstance(path, str) else ""


async def _refuse(request: Request, send: Send) -> None:
    """Answer instead of the application, and count it as what the user saw."""
    status, headers, body = refusal(request)
    request.status = status
    request.finish()
    raw = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def refusal(request: Request) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and body of an answer made by us: the declared fallback, or problem+json with Retry-After."""
    admission = request.admission
    if isinstance(admission, Divert):
        body = json.dumps(admission.body).encode()
        status, kind, extra = admission.status, "application/json", [("x-focus-fallback", "1")]
    else:
        status = admission.status if isinstance(admission, Reject) else 503
        wait_ms = admission.retry_after_ms if isinstance(admission, Reject) else 0
        problem = {"title": "refused by focusplane", "status": status, "detail": admission.reason}
        body = json.dumps(problem).encode()
        kind, extra = "application/problem+json", [("retry-after", str(max(-(-wait_ms // 1_000), 1)))]
        request.error = "rejected"
    return status, [("content-type", kind), ("content-length", str(len(body))), *extra], body
