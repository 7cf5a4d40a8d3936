"""What changed, told by people and pipelines: deploys, flag flips, config, migrations (N17)."""

from typing import Annotated

from fastapi import APIRouter, Query

from focusplane.act.request import RecordChange
from focusplane.kernel.errors import UsageError
from focusplane.kernel.quantity import parse_percent
from focusplane.plane import queries
from focusplane.plane.queries import Shown
from focusplane.web.answers import shown
from focusplane.web.bodies import ChangeBody
from focusplane.web.face import Faced, Operator, Viewer

router = APIRouter(prefix="/api/v1", tags=["changes"])


@router.get("/changes")
async def changes(
    face: Faced,
    who: Viewer,
    focus: Annotated[str, Query(max_length=200)] = "",
    after: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Shown:
    """Newest first."""
    return queries.page(queries.changes(face.plane.world, focus), after, limit, "id")


@router.post("/changes")
async def record(face: Faced, who: Operator, body: ChangeBody) -> Shown:
    """It becomes a suspect of every incident that begins soon after it."""
    try:
        exposure = parse_percent(body.exposure)
    except ValueError as error:
        raise UsageError(str(error), "such as 5%") from error
    wish = RecordChange(body.kind, body.what, body.focus, body.version, exposure, body.at, author=body.author)
    return shown(face.plane.world, await face.ask(wish, who))
