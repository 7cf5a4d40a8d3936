"""Every error in one shape: RFC 9457 `application/problem+json`."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from focusplane.act.request import Answer, Done, Refused
from focusplane.kernel.errors import (
    ConflictError,
    FocusplaneError,
    NotFoundError,
    RefusedError,
    UsageError,
)

_REFUSALS: dict[str, type[FocusplaneError]] = {
    "not-found": NotFoundError,
    "conflict": ConflictError,
    "refused": RefusedError,
    "usage": UsageError,
}
_TITLES = {
    400: "The request cannot be understood",
    401: "Who asks is not known",
    403: "Refused",
    404: "Not found",
    405: "This address does not know that method",
    409: "Not possible in the present state",
    413: "The body is too large",
    421: "This is not the host that was asked for",
    422: "The request does not have the right shape",
    500: "The plane failed",
    503: "Not now",
    502: "Something behind the plane does not answer",
}

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "hint"],
    "properties": {
        **{name: {"type": "string"} for name in ("type", "title", "detail", "code", "hint")},
        "status": {"type": "integer"},
    },
}
DOCUMENTED: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "description": "refused: what, and what to try",
        "content": {"application/problem+json": {"schema": SCHEMA}},
    }
}
"""What every call may answer besides; without it the framework would document a shape of its own."""


def settled(answer: Answer) -> Done:
    """The answer if it is a yes. Raises the `FocusplaneError` that its refusal means."""
    if isinstance(answer, Refused):
        raise _REFUSALS.get(answer.code, RefusedError)(answer.reason, answer.hint)
    return answer


def problem(status: int, detail: str, code: str = "", hint: str = "", **more: Any) -> JSONResponse:
    """`type` is a URN that names the code, so that nothing has to be fetched to tell errors apart."""
    body: dict[str, Any] = {
        "type": f"urn:focusplane:problem:{code}" if code else "about:blank",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "code": code,
        "hint": hint,
        **more,
    }
    headers = {"www-authenticate": "Bearer"} if status == 401 else {}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Give the application this shape for its own errors, the framework's, and what nobody foresaw."""

    @app.exception_handler(FocusplaneError)
    async def _ours(request: Request, error: FocusplaneError) -> JSONResponse:
        return problem(error.http_status, error.what, error.code, error.hint)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        where = f"{request.method} {request.url.path}"
        answer = problem(error.status_code, f"{where}: {error.detail}", f"E{error.status_code}", _hint(error))
        answer.headers.update({name: text for name, text in (error.headers or {}).items()})
        return answer

    @app.exception_handler(RequestValidationError)
    async def _shape(request: Request, error: RequestValidationError) -> JSONResponse:
        found = [
            {"where": ".".join(str(part) for part in one["loc"]), "what": str(one["msg"])}
            for one in error.errors()
        ]
        told = "; ".join(f"{one['where']}: {one['what']}" for one in found)
        hint = "the shapes are at /api/openapi.json"
        if request.headers.get("content-length", "0") != "0" and not _is_json(request):
            hint = "send the header content-type: application/json, else the body is not read as JSON"
        return problem(422, told, "E422", hint, errors=found)

    @app.exception_handler(Exception)
    async def _unforeseen(request: Request, error: Exception) -> JSONResponse:
        return problem(500, "an error that nobody foresaw; it is in the log", "E000", "")


def _is_json(request: Request) -> bool:
    return "json" in request.headers.get("content-type", "").lower()


def _hint(error: HTTPException) -> str:
    return "every address is listed at /api/openapi.json" if error.status_code in (404, 405) else ""
