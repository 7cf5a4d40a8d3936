"""WSGI middleware: the same as for ASGI; a request ends when its body is closed."""

from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any

from focusplane.sdk.asgi import NO_RESPONSE, refusal
from focusplane.sdk.door import Door
from focusplane.sdk.request import CURRENT, Request, Within

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
            # An application that called `fail` knows better than its status line.
            if not request.error:
                request.status = int(status[:3]) if status[:3].isdigit() else 0
            return start_response(status, *rest, **named)

        token = CURRENT.set(request)
        try:
            body = self.app(environ, watch)
        except BaseException as error:
            # Also when a server ends its worker in the midst of a request: the user gets no answer.
            request.fail(type(error).__name__)
            request.finish()
            raise
        finally:
            CURRENT.reset(token)
        if _is_file(body, environ):
            _end(request)
            return body
        return _Sized(body, request) if hasattr(body, "__len__") else _Body(body, request)


class _Body:
    """The application's body; closing it, which every WSGI server does, counts the request once.

    An application that is a generator works while it is iterated: this is its request then, too.
    """

    def __init__(self, body: Iterable[bytes], request: Request) -> None:
        self._body = body
        self._request = request
        self._counted = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from Within(lambda: self._body, self._request)
        except GeneratorExit:
            raise
        except BaseException as error:
            self._request.fail(type(error).__name__)
            raise

    def close(self) -> None:
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        except Exception as error:
            self._request.fail(type(error).__name__)
            raise
        finally:
            if not self._counted:
                self._counted = True
                _end(self._request)


class _Sized(_Body):
    """A body that knows its length: servers derive Content-Length from a single block."""

    def __len__(self) -> int:
        return len(self._body)  # type: ignore[arg-type]


def _end(request: Request) -> None:
    """Count it; an application that never started its response leaves the caller without one."""
    if not request.status:
        request.fail(NO_RESPONSE)
    request.finish()


def _is_file(body: object, environ: Environ) -> bool:
    """A server sends its own file wrapper by the kernel, if it sees it: counted when it is handed over."""
    wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(wrapper, type) and isinstance(body, wrapper)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Answered by focusplane"
