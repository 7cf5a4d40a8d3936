"""What changed, told by people and pipelines: deploys, flag flips, config, migrations (N17)."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from focusplane.act.request import RecordChange
from focusplane.kernel.errors import UsageError
from focusplane.kernel.quantity import parse_percent
from focusplane.plane import queries
from focusplane.plane.queries import Shown
from focusplane.web.answers import shown
from focusplane.web.bodies import ChangeBody
from focusplane.web.doors import Doored, Operator, Viewer
from focusplane.web.face import Faced
from focusplane.web.paging import After, Limit, Name

router = APIRouter(prefix="/api/v1", tags=["changes"], route_class=Doored)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which changes; `from` and `to` are Unix milliseconds, both inclusive."""

    focus: Name = ""
    kind: Name = ""
    since: Annotated[int, Query(alias="from", ge=0, le=2**53)] = 0
    to: Annotated[int, Query(ge=0, le=2**53)] = 2**53


@router.get("/changes")
async def changes(
    face: Faced,
    who: Viewer,
    wanted: Annotated[Wanted, Depends()],
    after: After = "",
    limit: Limit = 100,
) -> Shown:
    """Newest first."""
    found = [
        one
        for one in queries.changes(face.plane.world, wanted.focus)
        if wanted.kind in ("", one["kind"]) and wanted.since <= one["at"] <= wanted.to
    ]
    return queries.page(found, after, limit, "id")


@router.post("/changes")
async def record(face: Faced, who: Operator, body: ChangeBody) -> Shown:
    """It becomes a suspect of every incident that begins soon after it."""
    try:
        exposure = parse_percent(body.exposure)
    except ValueError as error:
        raise UsageError(str(error), "such as 5%") from error
    slices = [("tenant", body.tenant), ("region", body.region), ("route", body.route)]
    wish = RecordChange(
        body.kind,
        body.what,
        body.focus,
        body.version,
        exposure,
        body.at,
        body.labels,
        body.author,
        body.id,
        body.service,
        "" if body.focus else body.route,
        tuple(f"{name}={value}" for name, value in slices if value),
    )
    return shown(face.plane.world, await face.ask(wish, who))
