"""Face: what a route may use, as dependencies: the plane, the chronicle, and who asks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, cast
from urllib.parse import urlsplit

from fastapi import Depends, Request

from focusplane.act.request import Done
from focusplane.act.request import Request as Wish
from focusplane.kernel.errors import RefusedError, UnauthenticatedError, UsageError
from focusplane.kernel.quantity import parse_duration
from focusplane.plane.identity import Known, Principal
from focusplane.plane.ports import Peer, Plane
from focusplane.web.auth import COOKIE, Sessions
from focusplane.web.chronicle import Chronicle
from focusplane.web.flags import FlagsNow
from focusplane.web.knocks import Knocks
from focusplane.web.problem import settled
from focusplane.web.streams import Streams

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Face:
    plane: Plane
    tokens: Known
    chronicle: Chronicle
    missing: Callable[[str], str] = lambda reference: ""
    doors: Mapping[str, str] = field(default_factory=dict)
    """name -> address, of every door of this plane"""
    peers: Callable[[], Sequence[Peer]] = tuple
    """how the receivers of alerts do"""
    knocks: Knocks = field(default_factory=Knocks)
    sessions: Sessions = field(default_factory=Sessions)
    streams: Streams = field(default_factory=Streams)
    flags: FlagsNow = field(default_factory=FlagsNow)

    @property
    def now(self) -> int:
        """The time of the last turn, Unix ms: the faces read no clock of their own."""
        return self.plane.world.tick.at

    async def ask(self, wish: Wish, by: Principal) -> Done:
        """Raises the error that a refusal means."""
        return settled(await self.plane.ask(wish, by.name, by.role))


def face_of(request: Request) -> Face:
    return cast(Face, request.app.state.face)


def principal_of(request: Request, face: Face) -> Principal:
    """By bearer token, by `X-API-Key` (OFREP clients), or by the cookie of a page. Raises `UnauthenticatedError`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return face.tokens.principal(token.strip())
    if key := request.headers.get("x-api-key"):
        return face.tokens.principal(key)
    if cookie := request.cookies.get(COOKIE):
        found = face.sessions.principal(cookie, face.now)
        if not face.tokens.stands(found):
            raise UnauthenticatedError(
                "the token behind this session is gone", "`focus login` prints a new link"
            )
        if request.method not in _SAFE:
            same_origin(request)
        return found
    raise UnauthenticatedError(
        "no token", "send `Authorization: Bearer TOKEN`; `focus login` opens the pages"
    )


def same_origin(request: Request) -> None:
    """A changing request with a cookie must come from our own page. Raises `RefusedError`."""
    origin = request.headers.get("origin", "")
    if origin and urlsplit(origin).netloc == request.headers.get("host"):
        return
    raise RefusedError(
        "this request does not come from a page of this plane", "use a token instead of the cookie"
    )


def duration(text: str | None) -> int | None:
    """`30m` -> milliseconds. Raises `UsageError`."""
    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(str(error), "such as 30s, 5m or 1h30m") from error


Faced = Annotated[Face, Depends(face_of)]
