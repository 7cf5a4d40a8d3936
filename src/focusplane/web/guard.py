"""What every request passes before any route: the Host header, the size of the body, the headers of the answer."""

from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from focusplane.web.problem import problem

MOST_BODY = 1 << 20
"""Bytes. The largest thing anybody sends here is an Alertmanager webhook."""

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-security-policy", _CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
]
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Guard:
    """ASGI middleware. A page of another origin cannot make a browser talk to us under a name that we do not have."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = LOOPBACK.union(host.strip().lower() for host in hosts if host.strip())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        host = _name(headers.get(b"host", b""))
        if host not in self._hosts:
            refused = problem(
                421, f"{host!r} is not a name of this plane", "E421", "add it to FOCUS_ALLOWED_HOSTS"
            )
            await refused(scope, receive, _dressed(send))
            return
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > MOST_BODY:
            await problem(413, f"at most {MOST_BODY} bytes", "E413")(scope, receive, _dressed(send))
            return
        await self._app(scope, _Bounded(receive), _dressed(send))


class _Bounded:
    """Cuts a body without a length off at `MOST_BODY`: the rest is treated as a client that went away."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._left = MOST_BODY

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        return message if self._left >= 0 else {"type": "http.disconnect"}


def _dressed(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            held = {name for name, _ in message["headers"]}
            extra = [pair for pair in _HEADERS if pair[0] not in held]
            if b"cache-control" not in held:
                extra.append((b"cache-control", b"no-store"))
            message = {**message, "headers": [*message["headers"], *extra]}
        await send(message)

    return sending


def _name(host: bytes) -> str:
    """The host without its port: `127.0.0.1:7600` -> `127.0.0.1`, `[::1]:7600` -> `[::1]`."""
    text = host.decode("latin-1").lower()
    return text.partition("]")[0] + "]" if text.startswith("[") else text.partition(":")[0]
