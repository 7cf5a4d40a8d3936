"""Alertmanager's API v2 and the receiver of its webhook: whoever sends alerts there can send them here (A8)."""

import json
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from focusplane import __version__
from focusplane.act.foreign import Via
from focusplane.act.request import EndSilence, TakeAlerts
from focusplane.kernel.errors import (
    ConflictError,
    DataError,
    NotFoundError,
    UnavailableError,
    UsageError,
)
from focusplane.plane import queries
from focusplane.plane.identity import Principal
from focusplane.plane.queries import Shown
from focusplane.plane.queries.outgoing import rfc3339
from focusplane.web.doors import Doored, Ingest, Operator, Viewer
from focusplane.web.face import Face, Faced
from focusplane.web.matchers import SilenceV2Body, selected, silences_selected, wished
from focusplane.web.problem import SCHEMA
from focusplane.wire.alerts_json import Post, posted, webhook

MOST_TOLD = 10
"""Bad alerts of one call that are named."""
Filters = Annotated[list[Annotated[str, Query(max_length=500)]], Query(alias="filter", max_length=20)]


class _Spoken(Doored):
    """What cannot be understood is answered as Alertmanager does, with a JSON text: its clients read nothing else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def spoken(request: Request) -> Response:
            try:
                return await inner(request)
            except RequestValidationError as error:
                where = [".".join(str(part) for part in one["loc"]) for one in error.errors()]
                return JSONResponse(f"not of the right shape: {', '.join(where[:MOST_TOLD])}", 400)
            except NotFoundError as error:
                status = 404 if request.path_params else 400
                return JSONResponse(_words(error.what, error.hint), status)
            except (UsageError, ConflictError, DataError) as error:
                return JSONResponse(_words(error.what, error.hint), 400)

        return spoken


_REFUSED: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "description": "refused, in the words of Alertmanager; without a right in ours",
        "content": {
            "application/json": {"schema": {"type": "string"}},
            "application/problem+json": {"schema": SCHEMA},
        },
    }
}
router = APIRouter(tags=["alertmanager"], route_class=_Spoken, responses=_REFUSED)
webhooks = APIRouter(tags=["alertmanager"], route_class=Doored)


@router.post("/api/v2/alerts")
async def take(face: Faced, who: Ingest, request: Request) -> Response:
    """What a Prometheus posts. One bad among good: 400 that names the bad, and the good are taken. 503 is sent again."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return JSONResponse("send the header content-type: application/json", 415)
    return await _taken(face, who, posted(await _json(request), face.now), Via.POSTED)


@webhooks.post("/api/v1/alertmanager")
async def hook(face: Faced, who: Ingest, request: Request) -> Response:
    """The `url` of a `webhook_config`. What it says is over is over; keep `send_resolved: true`."""
    return await _taken(face, who, webhook(await _json(request), face.now), Via.WEBHOOK)


@router.get("/api/v2/alerts")
async def alerts(
    face: Faced,
    who: Viewer,
    filters: Filters = [],  # noqa: B006 - never changed, and the framework reads it as a default
    active: bool = True,
    silenced: bool = True,
    inhibited: bool = True,
) -> list[Shown]:
    """Live incidents, and the alerts of others that fire."""
    rows = selected(queries.live_alerts(face.plane.world), filters)
    return [
        row
        for row in rows
        if (active or row["status"]["state"] != "active")
        and (silenced or not row["status"]["silencedBy"])
        and (inhibited or not row["status"]["inhibitedBy"])
    ]


@router.get("/api/v2/status")
async def status(face: Faced, who: Viewer) -> Shown:
    """That this is no cluster, and which version it is."""
    keys = ("branch", "buildDate", "buildUser", "goVersion", "revision")
    return {
        "cluster": {"status": "disabled", "peers": []},
        "config": {"original": ""},
        "uptime": rfc3339(face.plane.world.up_since),
        "versionInfo": {**dict.fromkeys(keys, ""), "version": f"focusplane {__version__}"},
    }


@router.get("/api/v2/silences")
async def silences(
    face: Faced,
    who: Viewer,
    filters: Filters = [],  # noqa: B006 - never changed, and the framework reads it as a default
) -> list[Shown]:
    """Those that stand or come, and those of the last week."""
    world = face.plane.world
    rows = [queries.silence_v2(world, one) for one in world.silences.values()]
    return silences_selected(rows, filters)


@router.post("/api/v2/silences")
async def add(face: Faced, who: Operator, body: SilenceV2Body) -> Shown:
    """In force and written down when this answers. With an `id` the former one ends when the new one stands."""
    if body.id and body.id not in face.plane.world.silences:
        raise UsageError(f"there is no silence {body.id!r}")
    done = await face.ask(wished(body), who)
    if body.id and not face.plane.world.silences[body.id].over(face.now):
        await face.ask(EndSilence(body.id, f"replaced by {done.subject}"), who)
    return {"silenceID": done.subject}


@router.get("/api/v2/silence/{key}")
async def silence(face: Faced, who: Viewer, key: str) -> Shown:
    found = face.plane.world.silences.get(key)
    if found is None:
        raise NotFoundError(f"there is no silence {key!r}")
    return queries.silence_v2(face.plane.world, found)


@router.delete("/api/v2/silence/{key}")
async def end(face: Faced, who: Operator, key: str) -> Response:
    await face.ask(EndSilence(key), who)
    return Response(status_code=200)


async def _json(request: Request) -> object:
    try:
        found: object = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise UsageError(
            "the body is no JSON", "a list of alerts, or a webhook of an Alertmanager"
        ) from error
    return found


async def _taken(face: Face, who: Principal, post: Post, via: Via) -> Response:
    """The good ones first, for a 400 must not lose them. Raises `UsageError` that names the bad,
    and `UnavailableError` when not all of the good could be taken.
    """
    if post.good:
        done = await face.ask(TakeAlerts(post.good, via, who.environment), who)
        if beyond := done.body.get("beyond", 0):
            raise UnavailableError(
                f"{beyond} alerts are too many at a time", "they are taken when others end"
            )
    if not post.bad:
        return Response(status_code=200)
    more = f"; and {len(post.bad) - MOST_TOLD} more" if len(post.bad) > MOST_TOLD else ""
    told = "; ".join(post.bad[:MOST_TOLD])
    raise UsageError(f"{len(post.good)} taken, {len(post.bad)} not: {told}{more}")


def _words(what: str, hint: str) -> str:
    return f"{what}; {hint}" if hint else what
