"""WSGI middleware: the same as for ASGI; a request ends when its body is closed."""

from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any

from focusplane.sdk.asgi import refusal
from focusplane.sdk.door import Door
from focusplane.sdk.request import CURRENT, Request

Environ = dict[str, Any]
Write = Callable[[bytes], object]
"""Named, because annotations of a function within a function are evaluated with each request."""
StartResponse = Callable[..., Write]
App = Callable[[Environ, StartResponse], Iterable[bytes]]

ENVIRON_KEY = "focusplane"


class WsgiMiddleware:
    """`focus` tags every request of this app; without it baggage and then the declared boundaries decide."""

    def __init__(self, app: App, door: Door, focus: str = "") -> None:
        self.app = app
        self._door = door
        self._focus = focus

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        headers = [
            (name[5:].replace("_", "-").lower().encode("latin-1"), value.encode("latin-1", "replace"))
            for name, value in environ.items()
            if name.startswith("HTTP_")
        ]
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        request = self._door.begin(environ["REQUEST_METHOD"], path, headers, self._focus)
        if request is None:
            return self.app(environ, start_response)
        if not request.admitted:
            status, answered, body = refusal(request)
            request.status = status
            request.finish()
            start_response(f"{status} {_phrase(status)}", answered)
            return [body]
        environ[ENVIRON_KEY] = request
        return self._run(request, environ, start_response)

    def _run(self, request: Request, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        def watch(status: str, *rest: Any, **named: Any) -> Write:
            request.status = int(status[:3]) if status[:3].isdigit() else 0
            return start_response(status, *rest, **named)

        token = CURRENT.set(request)
        try:
            body = self.app(environ, watch)
        except Exception as error:
            request.fail(type(error).__name__)
            request.finish()
            raise
        finally:
            CURRENT.reset(token)
        return _Body(body, request)


class _Body:
    """The application's body; closing it, which every WSGI server does, counts the request."""

    def __init__(self, body: Iterable[bytes], request: Request) -> None:
        self._body = body
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        except Exception as error:
            self._request.fail(type(error).__name__)
            raise

    def close(self) -> None:
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            if self._request.focus.name or self._request.route:
                self._request.finish()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Answered by focusplane"
