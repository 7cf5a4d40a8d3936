"""Client: the one object an application makes."""

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from focusplane.control.flag import Evaluated
from focusplane.instrument import conventions as names
from focusplane.kernel.errors import UsageError
from focusplane.kernel.ids import Json
from focusplane.sdk.asgi import SCOPE_KEY, AsgiMiddleware
from focusplane.sdk.asgi import App as AsgiApp
from focusplane.sdk.asking import Context
from focusplane.sdk.disk import Disk, default_folder
from focusplane.sdk.door import Door
from focusplane.sdk.ending import EXIT_S, forget, register
from focusplane.sdk.follower import Follower
from focusplane.sdk.http import address
from focusplane.sdk.link import Link, LinkSettings
from focusplane.sdk.meter import Meter
from focusplane.sdk.outbox import Fate
from focusplane.sdk.request import CURRENT, Request, evaluated, owner_of
from focusplane.sdk.tasks import Work, measured
from focusplane.sdk.view import View
from focusplane.sdk.wsgi import App as WsgiApp
from focusplane.sdk.wsgi import WsgiMiddleware
from focusplane.wire.clock import SystemClock

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

    from focusplane.sdk.celery import Tasks
    from focusplane.sdk.grpc import AioServerInterceptor, ServerInterceptor
    from focusplane.sdk.traces import TailSampler

OTLP_PORT = 4318


@dataclass(frozen=True, slots=True)
class Health:
    """What the link knows: nothing here is needed for requests to work."""

    connected: bool
    board: str
    """ETag of the board in force, or empty."""
    refused: str
    trouble: str
    telemetry: Fate
    disk: str = ""
    """Why the snapshot could not be read or written, or empty."""


class Client:
    """Measures, guards and flags the requests of one service. Works from its disk snapshot while the plane is away.

    `url` is the plane's API; `otlp` where telemetry goes (default: `OTEL_EXPORTER_OTLP_ENDPOINT`, else port 4318 of
    the plane's host). `instance` defaults to host and process id. `cache_dir` defaults to `FOCUS_CACHE_DIR`, else the
    user's cache folder. Deltas leave every `flush_ms` milliseconds. Where nobody handles SIGTERM, a handler flushes
    before the process dies of it, unless `flush_on_sigterm` is False.
    """

    def __init__(  # noqa: PLR0913  the settings of INTERFACE 7, all but one of them optional words
        self,
        url: str,
        token: str = "",
        *,
        service: str = "",
        version: str = "",
        environment: str = "production",
        instance: str | None = None,
        otlp: str | None = None,
        cache_dir: str | Path | None = None,
        flush_ms: int = 1_000,
        tenant_header: str = "x-tenant",
        flush_on_sigterm: bool = True,
    ) -> None:
        service = service or os.environ.get("OTEL_SERVICE_NAME", "") or "unknown_service"
        folder = default_folder() if cache_dir is None else Path(cache_dir)
        clock = SystemClock()
        self._named_instance = instance
        self._resource: dict[str, str] = {
            names.SERVICE_NAME: service,
            names.SERVICE_VERSION: version,
            names.SERVICE_INSTANCE: instance or _instance(),
            names.ENVIRONMENT[0]: environment,
        }
        self._door = Door(View(service, environment), Meter(), tenant_header)
        self._guards = False
        follower = Follower(self._door, Disk(folder, url, service, environment), clock)
        settings = LinkSettings(
            url, otlp or _otlp(url), _token(token or ""), self._resource, max(flush_ms, 10)
        )
        self._link = Link(settings, self._door, follower)
        register(self, flush_on_sigterm)

    def _guarding(self) -> Door:
        """From now on it is known that requests come in here: also that there are none is worth saying."""
        self._guards = self._door.guarding = True
        return self._door

    def asgi(self, app: AsgiApp, focus: str = "") -> AsgiMiddleware:
        """`app.add_middleware(shop.asgi)`, or `shop.asgi(app)`."""
        return AsgiMiddleware(app, self._guarding(), focus, self.flush)

    def wsgi(self, app: WsgiApp, focus: str = "") -> WsgiMiddleware:
        """`app.wsgi_app = shop.wsgi(app.wsgi_app)`."""
        return WsgiMiddleware(app, self._guarding(), focus)

    def grpc(self, focus: str = "") -> "ServerInterceptor":
        """`grpc.server(pool, interceptors=[shop.grpc()])`; needs grpcio."""
        from focusplane.sdk.grpc import ServerInterceptor  # optional

        return ServerInterceptor(self._guarding(), focus)

    def grpc_aio(self, focus: str = "") -> "AioServerInterceptor":
        """`grpc.aio.server(interceptors=[shop.grpc_aio()])`; needs grpcio."""
        from focusplane.sdk.grpc import AioServerInterceptor  # optional

        return AioServerInterceptor(self._guarding(), focus)

    def celery(self) -> "Tasks":
        """Counts the tasks of this process's Celery, and lets focus and tenant travel with them; needs celery."""
        from focusplane.sdk.celery import Tasks  # optional

        return Tasks(self._door, self.flush)

    def traces(
        self, exporting: "SpanProcessor", share: Fraction = Fraction(1, 20), slow_ms: int = 1_000
    ) -> "TailSampler":
        """`provider.add_span_processor(shop.traces(BatchSpanProcessor(exporter)))`; needs opentelemetry-sdk.

        Keeps the traces of a focus, failed ones and those of at least `slow_ms`, and of the others this share.
        """
        from focusplane.sdk.traces import TailSampler  # optional

        return TailSampler(self._door, exporting, share, slow_ms)

    def task(self, focus: str, tenant: str = "", name: str = "") -> Callable[[Work], Work]:
        """`@shop.task("checkout")` measures each call of a function or coroutine, in a worker of any kind."""
        return measured(self._door, focus, tenant, name)

    def request(self, focus: str, tenant: str = "", budget_ms: int = 0) -> Request:
        """`with shop.request("checkout", tenant="acme") as r:` measures one unit of user success."""
        return self._door.request(focus, tenant, budget_ms)

    def current(self) -> Request | None:
        """The request this task or thread works on."""
        return CURRENT.get()

    def flag(self, key: str, who: object = "", default: Json = False, context: Context | None = None) -> Json:
        """The value of a flag for a request (ours, or the framework's) or a tenant; `default` if nobody declares it.

        `context` says more for rules: `{"region": "eu"}`.
        """
        return self.evaluate(key, who, default, context).value

    def evaluate(
        self, key: str, who: object = "", default: Json = False, context: Context | None = None
    ) -> Evaluated:
        """Like `flag`, with the variant and the reason. The request in which that happens counts for that variant."""
        if isinstance(who, str):
            return evaluated(CURRENT.get(), self._door.view.owners.get(key), key, default, context, who)
        request = _request_of(who)
        owner = None if request is None else owner_of(request, key)
        owner = self._door.view.owners.get(key) if owner is None else owner
        return evaluated(request, owner, key, default, context)

    def adopt(self) -> None:
        """Accept the next board whatever plane and epoch it has: after its data directory was lost or restored."""
        self._link.follower.adopting = True

    def health(self) -> Health:
        link = self._link
        follower, telemetry = link.follower, link.outbox.fate
        etag = follower.received.board.etag if follower.received.board.plane else ""
        return Health(link.reached, etag, follower.refused, link.trouble, telemetry, follower.disk.trouble)

    def flush(self, timeout_s: float = EXIT_S) -> bool:
        """Send what is counted now; True if all of it was taken in time."""
        return self._link.flush(timeout_s)

    def close(self, timeout_s: float = EXIT_S) -> None:
        """A last flush; the client still admits and evaluates from what it has."""
        forget(self)
        self._link.close(timeout_s)

    def part(self) -> None:
        """After a fork, in the parent: a server that preloads its application serves nothing itself."""
        self._door.guarding = False

    def restart(self) -> None:
        """In a forked child: an instance of its own, which counts from nothing and has its own threads."""
        if self._named_instance is None:
            self._resource[names.SERVICE_INSTANCE] = _instance()
        self._door.meter.forget()
        self._door.guarding = self._guards
        self._link.restart()


def _request_of(who: object) -> Request | None:
    """Our request, or the one behind a Starlette request or an ASGI scope or WSGI environ, or the current one."""
    if isinstance(who, Request):
        return who
    scope: Any = who if isinstance(who, Mapping) else getattr(who, "scope", None)
    if scope is None:
        scope = getattr(who, "environ", None)
    found = scope.get(SCOPE_KEY) if isinstance(scope, Mapping) else None
    return found if isinstance(found, Request) else CURRENT.get()


def _instance() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


def _otlp(url: str) -> str:
    named = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    if named:
        return named
    secure, host, _, _ = address(url)
    return f"{'https' if secure else 'http'}://{f'[{host}]' if ':' in host else host}:{OTLP_PORT}"


def _token(said: str) -> str:
    """Secrets come from files with a newline at their end; what no header can carry is refused at once."""
    token = said.strip()
    if not (token.isascii() and token.isprintable()):
        raise UsageError(
            "the token holds characters that no header can carry", "copy it again, without quotes"
        )
    return token
