"""The brake of migrations: 200 while they may run, 429 while they must wait. As gh-ost asks with `--throttle-http`."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from focusplane.plane import queries
from focusplane.web.asker import Asker
from focusplane.web.doors import Doored
from focusplane.web.face import Faced
from focusplane.web.paging import Name

router = APIRouter(prefix="/api/v1", tags=["changes"], route_class=Doored)
_WAIT = {"retry-after": "1"}


@router.get(
    "/throttle/{focus}",
    responses={429: {"description": "wait: somebody is hurt, frozen, or nothing can be seen"}},
)
@router.head("/throttle/{focus}", responses={429: {"description": "wait"}})
async def throttle(face: Faced, who: Asker, focus: str, tenant: Name = "") -> JSONResponse:
    """By burn, budget, freeze and what the last ten seconds show; a plane that can write nothing down lets nothing run."""
    if face.plane.trouble:
        shown: queries.Shown = {"focus": focus, "run": False, "harm": False, "reason": face.plane.trouble}
    else:
        shown = queries.throttle(face.plane.world, focus, tenant)
    return JSONResponse(shown) if shown["run"] else JSONResponse(shown, 429, _WAIT)
