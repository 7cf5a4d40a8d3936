"""The journal: facts with their hash chain, and its head to be anchored elsewhere; and why anything is as it is."""

from typing import Annotated

from fastapi import APIRouter, Query

from focusplane.plane import queries
from focusplane.plane.ports import Recorded
from focusplane.plane.queries import Shown
from focusplane.web.doors import Doored, Viewer
from focusplane.web.face import Faced

router = APIRouter(prefix="/api/v1", tags=["journal"], route_class=Doored)


@router.get("/journal")
async def journal(
    face: Faced,
    who: Viewer,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=5000)] = 500,
) -> Shown:
    """Facts with a `seq` above `after`, oldest first; `next` is the `after` of the next page."""
    found = face.plane.journal.facts(after, limit)
    return {"items": [recorded(one) for one in found], "next": found[-1].seq if len(found) == limit else None}


@router.get("/journal/head")
async def head(face: Faced, who: Viewer) -> Shown:
    """The newest `seq` and hash: kept elsewhere, they show a cut tail."""
    newest = face.chronicle.head()
    return {
        "seq": newest.seq if newest else 0,
        "hash": newest.hash if newest else "",
        "at": newest.fact.at if newest else 0,
    }


@router.get("/explain/{key:path}")
async def explain(face: Faced, who: Viewer, key: str) -> Shown:
    """Why, with inputs: any id of an action, decision, incident, rollout or focus."""
    return queries.explain(face.plane.world, face.chronicle.facts(), key)


def recorded(one: Recorded) -> Shown:
    return {"seq": one.seq, "turn": one.turn, **queries.told(one.fact), "prev": one.prev, "hash": one.hash}
