"""The way into the pages: a one-time link, exchanged for a signed cookie."""

from typing import Annotated

from fastapi import APIRouter, Body, Query
from fastapi.responses import RedirectResponse, Response

from focusplane.define.people import Role
from focusplane.plane.identity import Principal
from focusplane.plane.queries import Shown
from focusplane.web.auth import COOKIE, SESSION_MS
from focusplane.web.bodies import TicketBody
from focusplane.web.face import Faced, Viewer

router = APIRouter(tags=["login"])


@router.post("/api/v1/login-ticket")
async def ticket(
    face: Faced, who: Viewer, body: Annotated[TicketBody, Body(default_factory=TicketBody)]
) -> Shown:
    """A path that opens the pages once, within five minutes: for the same person, with no more rights than asked for."""
    who.need(Role(body.role))
    made = face.sessions.ticket(Principal(who.name, Role(body.role)), face.now)
    return {"path": f"/login?ticket={made}", "role": body.role, "good_for": "5m, once"}


@router.get("/login", include_in_schema=False)
async def login(face: Faced, ticket: Annotated[str, Query(max_length=200)] = "") -> Response:
    cookie = face.sessions.redeem(ticket, face.now)
    answer = RedirectResponse("/", 303)
    answer.set_cookie(COOKIE, cookie, max_age=SESSION_MS // 1000, httponly=True, samesite="lax", path="/")
    return answer
