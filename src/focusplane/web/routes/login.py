"""The way into the pages: a one-time link, exchanged for a signed cookie."""

from typing import Annotated

from fastapi import APIRouter, Body, Request
from fastapi.responses import RedirectResponse, Response

from focusplane.define.people import Role
from focusplane.kernel.errors import UnauthenticatedError
from focusplane.plane.identity import Principal
from focusplane.plane.queries import Shown
from focusplane.web.auth import COOKIE, SESSION_MS
from focusplane.web.bodies import TicketBody
from focusplane.web.doors import Doored, Viewer
from focusplane.web.face import Face, Faced, principal_of
from focusplane.web.paging import Name
from focusplane.web.render import refused

router = APIRouter(tags=["login"], route_class=Doored)


@router.post("/api/v1/login-ticket")
async def ticket(
    face: Faced, who: Viewer, body: Annotated[TicketBody, Body(default_factory=TicketBody)]
) -> Shown:
    """A path that opens the pages once, within five minutes: for the same person, with no more rights than asked for."""
    who.need(Role(body.role))
    made = face.sessions.ticket(Principal(who.name, Role(body.role)), face.now)
    return {"path": f"/login?ticket={made}", "role": body.role, "good_for": "5m, once"}


@router.get("/login", include_in_schema=False)
async def login(face: Faced, request: Request, ticket: Name = "") -> Response:
    """To the pages; a link that was used opens nothing, but who came by it and reloads is in already."""
    try:
        cookie = face.sessions.redeem(ticket, face.now)
    except UnauthenticatedError as error:
        if _inside(request, face):
            return RedirectResponse("/", 303)
        if "text/html" in request.headers.get("accept", ""):
            return refused(error)
        raise
    answer = RedirectResponse("/", 303)
    answer.set_cookie(COOKIE, cookie, max_age=SESSION_MS // 1000, httponly=True, samesite="lax", path="/")
    return answer


def _inside(request: Request, face: Face) -> bool:
    try:
        return principal_of(request, face).by_cookie
    except UnauthenticatedError:
        return False
