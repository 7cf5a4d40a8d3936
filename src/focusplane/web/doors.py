"""Doors: who asks, and with which rights, is known before anything else of a request is read."""

import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from focusplane.define.people import Role
from focusplane.kernel.errors import UnauthenticatedError
from focusplane.plane.identity import Principal
from focusplane.web.face import face_of, principal_of


@dataclass(frozen=True, slots=True)
class Door:
    """A dependency: who asks, if they have one of these roles."""

    roles: tuple[Role, ...]

    async def __call__(self, request: Request) -> Principal:
        """Raises `UnauthenticatedError`, or `RefusedError` for a role that may not."""
        face = face_of(request)
        try:
            principal = principal_of(request, face)
        except UnauthenticatedError:
            if Role.SDK in self.roles:
                face.knocks.hear(request.client.host if request.client else "", face.now)
            raise
        principal.need(*self.roles)
        return principal


class Doored(APIRoute):
    """A route whose door opens before the body is read: what a stranger sends is told nothing but that they are one."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()
        doors = [one.call for one in self.dependant.dependencies if isinstance(one.call, Door)]

        async def opened(request: Request) -> Response:
            for door in doors:
                await door(request)
            return await inner(request)

        return opened


async def sent(request: Request) -> object:
    """The body as JSON says it; None for what is none. Nothing is said of what is wrong with it."""
    try:
        found: object = json.loads(await request.body())
    except (ValueError, RecursionError):
        return None
    return found


def _door(*roles: Role) -> Any:
    return Depends(Door(roles))


Admin = Annotated[Principal, _door(Role.ADMIN)]
Operator = Annotated[Principal, _door(Role.OPERATOR)]
Judge = Annotated[Principal, _door(Role.OPERATOR, Role.APPROVER)]
"""Says yes or no to what waits; whether the yes counts is for the plane to say."""
Viewer = Annotated[Principal, _door(Role.VIEWER)]
Sdk = Annotated[Principal, _door(Role.SDK)]
Ingest = Annotated[Principal, _door(Role.INGEST)]
"""Tells what other systems found; operators and admins may, too."""
Gated = Annotated[Principal, _door(Role.VIEWER, Role.JUDGE)]
"""Asks whether a focus may be changed: whoever may look, and pipelines."""
