"""Releases: versions of several focuses that are rolled out together."""

from fastapi import APIRouter

from focusplane.act.request import StartTogether
from focusplane.plane import queries
from focusplane.plane.queries import Shown
from focusplane.web.bodies import ReleaseBody
from focusplane.web.doors import Doored, Operator, Viewer
from focusplane.web.face import Faced

router = APIRouter(prefix="/api/v1/releases", tags=["rollouts"], route_class=Doored)


@router.get("")
async def releases(face: Faced, who: Viewer) -> Shown:
    """The newest first."""
    return {"items": queries.releases(face.plane.world), "next": None}


@router.get("/{release}")
async def release(face: Faced, who: Viewer, release: str) -> Shown:
    """How it stands, and the rollout of each member."""
    return queries.release(face.plane.world, release)


@router.post("")
async def start(face: Faced, who: Operator, body: ReleaseBody) -> Shown:
    """Begins when every destination is ready, goes on when all are safe, and is taken back as a whole."""
    done = await face.ask(StartTogether(body.members, body.reason), who)
    return {**queries.release(face.plane.world, done.subject), "answer": done.reason}
