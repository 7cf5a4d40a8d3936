"""Adoption: nodes that run another plane's board may follow this one, because an admin says so."""

from fastapi import APIRouter

from focusplane.act.request import Adopt
from focusplane.plane.queries import Shown
from focusplane.web.bodies import AdoptBody
from focusplane.web.doors import Admin, Doored
from focusplane.web.face import Faced

router = APIRouter(prefix="/api/v1", tags=["adopt"], route_class=Doored)


@router.post("/adopt")
async def adopt(face: Faced, who: Admin, body: AdoptBody) -> Shown:
    """`GET /api/v1/status` shows which nodes object (`plane` is whose board they run). `stable` in the answer is what gets
    the traffic: versions that are not named begin with `initial`.
    """
    done = await face.ask(Adopt(body.reason, body.stable), who)
    return {"id": done.subject, "reason": done.reason, "stable": dict(done.body)}
