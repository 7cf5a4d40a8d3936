"""Focuses: how they do, and points for their charts."""

from typing import Annotated

from fastapi import APIRouter, Query

from focusplane.plane import queries
from focusplane.plane.queries import Shown
from focusplane.web.doors import Doored, Viewer
from focusplane.web.face import Faced
from focusplane.web.paging import After, Limit

router = APIRouter(prefix="/api/v1", tags=["focuses"], route_class=Doored)
Millis = Annotated[int | None, Query(ge=0, le=2**53)]


@router.get("/status")
async def status(face: Faced, who: Viewer) -> Shown:
    """The plane and all its focuses at a glance, and whom it does not reach."""
    world = face.plane.world
    return {
        **queries.status(world),
        "channels": queries.channels(world.policies.set, face.missing),
        "undelivered": queries.undelivered(world, face.chronicle.facts()),
        "boardless": queries.boardless(world),
        "doors": dict(face.doors),
        "trouble": face.plane.trouble,
        "unknown_tokens": face.knocks.shown(face.now),
    }


@router.get("/focuses")
async def focuses(face: Faced, who: Viewer, after: After = "", limit: Limit = 200) -> Shown:
    """Those in trouble first."""
    return queries.page(queries.focuses(face.plane.world), after, limit, "id")


@router.get("/focuses/{name}")
async def focus(face: Faced, who: Viewer, name: str) -> Shown:
    return queries.focus(face.plane.world, name)


@router.get("/focuses/{name}/variants")
async def variants(face: Faced, who: Viewer, name: str) -> Shown:
    """Requests and failures of each variant of its flags in the last hour, also of flags that other systems serve."""
    return {"items": queries.variants(face.plane.world, name)}


@router.get("/focuses/{name}/budgets")
async def budgets(
    face: Faced, who: Viewer, name: str, at: Annotated[int, Query(ge=0, le=2**53)] = 0
) -> Shown:
    """Every window of every objective, now or as it stood at an instant (Unix ms) in the past that is remembered."""
    return queries.budgets_at(face.plane.world, name, at)


@router.get("/focuses/{name}/series")
async def series(
    face: Faced,
    who: Viewer,
    name: str,
    start: Annotated[int | None, Query(alias="from", ge=0, le=2**53)] = None,
    to: Millis = None,
    step: Annotated[int | None, Query(ge=1000, le=86_400_000)] = None,
) -> Shown:
    """Times are Unix milliseconds, `step` milliseconds in whole seconds. Without a `step` there are about 180 points, longer
    where the counters remember less; with one they are even, and null where it is finer than what is remembered.
    """
    world = face.plane.world
    queries.find(world, name)
    return queries.series(world, name, queries.span(face.now, start, to, step))
