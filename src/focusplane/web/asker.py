"""Who asks the judge: pipelines of others, some of which can send no header of their own."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from focusplane.act.request import Compare
from focusplane.define.people import Role
from focusplane.kernel.errors import UnauthenticatedError
from focusplane.plane import queries
from focusplane.plane.identity import Principal
from focusplane.plane.queries import Shown
from focusplane.web.doors import Door, sent
from focusplane.web.face import Face, face_of, principal_of

LONGEST = 2_000
"""Characters of credentials that are looked at."""
HINT = (
    "one of the role judge: `Authorization: Bearer TOKEN`, the address http://judge:TOKEN@HOST, `metadata.token` of a hook of "
    "Flagger, or `judgeConfigurations.token` of Kayenta"
)


@dataclass(frozen=True, slots=True)
class AskDoor(Door):
    """By header as everywhere, by the password of `Basic` (what an address such as `https://judge:TOKEN@host` sends), or, where
    neither is sent, by the token that `said` finds in a body.
    """

    roles: tuple[Role, ...] = (Role.JUDGE,)
    said: Callable[[object], str] | None = None

    async def __call__(self, request: Request) -> Principal:
        """Raises `UnauthenticatedError`, or `RefusedError` for a role that may not ask."""
        face = face_of(request)
        token = _password(request.headers.get("authorization", ""))
        if not token and self.said is not None and not _tells(request):
            token = self.said(await sent(request))
        if not token and not _tells(request) and not request.cookies:
            raise UnauthenticatedError("no token", HINT)
        found = face.tokens.principal(token) if token else principal_of(request, face)
        found.need(*self.roles)
        return found


def _tells(request: Request) -> bool:
    """It brings a header of its own, beside which no token of a body counts."""
    return bool(request.headers.get("authorization") or request.headers.get("x-api-key"))


def _password(header: str) -> str:
    scheme, _, encoded = header[:LONGEST].partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""


Asker = Annotated[Principal, Depends(AskDoor())]


async def compared(face: Face, who: Principal, wish: Compare) -> Shown:
    """How the pair stands; only the first ask, and one in five minutes, is more than a look."""
    shown = queries.kept(face.plane.world, wish)
    if shown is not None:
        return shown
    done = await face.ask(wish, who)
    return queries.comparison(face.plane.world, done.subject)
