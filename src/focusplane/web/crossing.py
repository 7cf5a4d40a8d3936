"""Crossing: pages of other origins may ask for flags by OFREP if the plane names their origin, and for nothing else."""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

_PATHS = "/ofrep/"
_ASKED = ("authorization", "content-type", "if-none-match", "x-api-key", "last-event-id", "cache-control")


class Crossing:
    """ASGI middleware. Cookies never cross: who asks from elsewhere brings a token."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._crossing = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=("GET", "POST"),
            allow_headers=_ASKED,
            expose_headers=("etag",),
        )
        self._open = bool(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        crossing = self._open and scope["type"] == "http" and scope["path"].startswith(_PATHS)
        await (self._crossing if crossing else self._app)(scope, receive, send)
