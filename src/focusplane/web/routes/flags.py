"""Flags: who answers for them, what requests had of them, and which of them are to go."""

from typing import Annotated

from fastapi import APIRouter, Query

from focusplane.plane import queries
from focusplane.plane.queries import Shown
from focusplane.web.doors import Doored, Viewer
from focusplane.web.face import Faced
from focusplane.web.paging import Limit, Name

router = APIRouter(prefix="/api/v1", tags=["flags"], route_class=Doored)


@router.get("/flags")
async def flags(
    face: Faced,
    who: Viewer,
    focus: Name = "",
    days: Annotated[int, Query(ge=1, le=3_650)] = 30,
    after: Annotated[str, Query(max_length=400)] = "",
    limit: Limit = 200,
) -> Shown:
    """Every flag with the evidence for its end over so many days; those that are to go first."""
    return queries.page(queries.flags(face.plane.world, focus, days), after, limit, "target")
