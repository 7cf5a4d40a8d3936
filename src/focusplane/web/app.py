"""The HTTP face in one place: routes, errors, guard."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from fastapi import FastAPI

from focusplane import __version__
from focusplane.plane.identity import Known
from focusplane.plane.ports import Peer, Plane
from focusplane.web import pages, problem
from focusplane.web.chronicle import Chronicle
from focusplane.web.face import Face
from focusplane.web.guard import Guard
from focusplane.web.routes import (
    actions,
    adopt,
    alertmanager,
    board,
    changes,
    controls,
    corrections,
    flagd,
    flagger,
    flags,
    focuses,
    health,
    incidents,
    journal,
    judge,
    kayenta,
    login,
    ofrep,
    releases,
    rollouts,
    silences,
    throttle,
)

_ABOUT = (
    "One file per capability: focusplane measures it, guards it, and takes it back when it breaks. "
    "Times are Unix milliseconds; errors are `application/problem+json`; lists are `{items, next}`."
)


def build_app(
    plane: Plane,
    tokens: Known,
    hosts: Iterable[str] = (),
    missing: Callable[[str], str] = lambda reference: "",
    doors: Mapping[str, str] | None = None,
    peers: Callable[[], Sequence[Peer]] = tuple,
) -> FastAPI:
    """The API and the pages over a running plane. `hosts` are names besides loopback under which it may be asked;
    `missing` says why the reference of a channel stands for nothing, `doors` where else the plane listens,
    `peers` how the receivers of its alerts do.
    """
    app = FastAPI(
        title="focusplane",
        version=__version__,
        description=_ABOUT,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        responses=problem.DOCUMENTED,
    )
    app.state.face = Face(plane, tokens, Chronicle(plane.journal), missing, doors or {}, peers)
    for one in (
        health,
        focuses,
        board,
        controls,
        flags,
        rollouts,
        releases,
        judge,
        flagger,
        kayenta,
        actions,
        adopt,
        incidents,
        journal,
        changes,
        corrections,
        silences,
        throttle,
        alertmanager,
        ofrep,
        flagd,
        login,
    ):
        app.include_router(one.router)
    app.include_router(alertmanager.webhooks)
    pages.install(app)
    problem.install(app)
    app.add_middleware(Guard, hosts=tuple(hosts))
    return app
