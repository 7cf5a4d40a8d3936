"""The flags as one flagd document, for providers that read a file or poll an address."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Header, Response

from focusplane.plane.queries.flag_sets import flag_set, wanted_focus
from focusplane.web.doors import Doored, Sdk
from focusplane.web.face import Faced
from focusplane.web.paging import Name

router = APIRouter(prefix="/flagd/v1", tags=["flagd"], route_class=Doored)


@router.get("/flags.json", responses={304: {"description": "nothing has changed"}})
async def flags(
    face: Faced,
    who: Sdk,
    focus: Name = "",
    seen: Annotated[str, Header(alias="if-none-match", max_length=400)] = "",
) -> Response:
    """All flags as they are served now, or those of one focus, under their own keys then."""
    world = face.plane.world
    text = flag_set(world.policies.set.focuses, world.board, wanted_focus(world, focus))
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    headers = {"etag": etag, "cache-control": "no-cache"}
    if seen.removeprefix("W/") == etag:
        return Response(status_code=304, headers=headers)
    return Response(text, media_type="application/json", headers=headers)
