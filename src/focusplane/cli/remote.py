"""The way to a running plane: its address and token, and answers turned into data or into errors."""

import functools
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import click
import httpx

from focusplane.cli.output import Output
from focusplane.kernel.errors import (
    ConflictError,
    FocusplaneError,
    NotFoundError,
    RefusedError,
    UnauthenticatedError,
    UnreachableError,
    UsageError,
)

_BRAKE = (200, 429)
DEFAULT_SERVER = "http://127.0.0.1:7600"
TOKEN_FILE = Path(".focus/admin.token")
TOKEN_HINT = "go to where `focus serve` keeps its .focus, or give --token or FOCUS_TOKEN"
_ERRNO = re.compile(r"^\[Errno -?\d+\] ")
_ERRORS: dict[int, type[FocusplaneError]] = {
    400: UsageError,
    401: UnauthenticatedError,
    403: RefusedError,
    404: NotFoundError,
    409: ConflictError,
    422: UsageError,
}
Shown = dict[str, Any]
Data = click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="the data of a stopped plane, instead of asking a running one",
)
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Remote:
    """One plane. Every call raises a `FocusplaneError` for whatever is not a yes."""

    server: str
    token: str
    output: Output = field(default_factory=Output)

    def get(self, path: str, **query: str | int) -> Shown:
        return self._ask("GET", path, None, {key: value for key, value in query.items() if value != ""})

    def post(self, path: str, body: Shown | None = None, **query: str | int) -> Shown:
        return self._ask("POST", path, body, query)

    def put(self, path: str, body: Shown) -> Shown:
        return self._ask("PUT", path, body, {})

    def delete(self, path: str, **query: str) -> Shown:
        return self._ask("DELETE", path, None, query)

    def text(self, path: str, accept: str) -> str:
        return self._send("GET", path, None, {}, accept).text

    def _ask(self, method: str, path: str, body: Shown | None, query: dict[str, Any]) -> Shown:
        found: Shown = self._send(method, path, body, query, "application/json").json()
        return found

    def _send(
        self, method: str, path: str, body: Shown | None, query: dict[str, Any], accept: str
    ) -> httpx.Response:
        headers = {"accept": accept}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        try:
            answer = httpx.request(
                method, self.server.rstrip("/") + path, json=body, params=query, headers=headers, timeout=30.0
            )
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise UsageError(
                f"{self.server!r} is no address of a plane", f"such as {DEFAULT_SERVER}"
            ) from error
        except httpx.HTTPError as error:
            hint = "is `focus serve` running? --server or FOCUS_SERVER says where"
            said = _ERRNO.sub("", str(error))
            raise UnreachableError(f"{self.server} does not answer: {said}", hint) from error
        if answer.status_code == httpx.codes.UNAUTHORIZED and not self.token:
            raise UnauthenticatedError(f"{self.server} asks for a token, and there is none here", TOKEN_HINT)
        if answer.is_error:
            raise _refused(answer)
        return answer


class Brake:
    """The brake of one focus, asked again and again over one connection: 200 and 429 are both answers."""

    WITHIN_S = 2.0

    def __init__(self, remote: Remote, focus: str, tenant: str = "") -> None:
        headers = {"authorization": f"Bearer {remote.token}"} if remote.token else {}
        self._http = httpx.Client(
            base_url=remote.server, headers=headers, timeout=self.WITHIN_S, trust_env=False
        )
        self._path, self._query = (
            f"/api/v1/throttle/{quote(focus, safe='')}",
            {"tenant": tenant} if tenant else {},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def ask(self) -> Shown:
        """`run`, `harm` and `reason`. Raises `UnreachableError` for any other answer, and for none."""
        try:
            answer = self._http.get(self._path, params=self._query)
            found: Shown = answer.json() if answer.status_code in _BRAKE else {}
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise UnreachableError(f"the plane does not answer: {type(error).__name__}") from error
        if not isinstance(found, dict) or not {"run", "reason"} <= found.keys():
            raise UnreachableError(f"the plane answers {answer.status_code}")
        return found


def _refused(answer: httpx.Response) -> FocusplaneError:
    kind = _ERRORS.get(answer.status_code, UnreachableError)
    try:
        told = answer.json()
        return kind(str(told["detail"]), str(told.get("hint", "")))
    except (ValueError, KeyError, TypeError, AttributeError):
        return kind(f"{answer.url} answered {answer.status_code}", "is this a focusplane?")


def asks(function: F) -> F:
    """Give a command `--server`, `--token` and `--json`, and a `Remote` as its first argument."""

    @click.option(
        "--server", envvar="FOCUS_SERVER", default=DEFAULT_SERVER, show_default=True, help="which plane"
    )
    @click.option("--token", envvar="FOCUS_TOKEN", default="", help="default: ./.focus/admin.token")
    @click.option("--json", "as_json", is_flag=True, help="the whole answer as JSON")
    @functools.wraps(function)
    def command(server: str, token: str, as_json: bool, **rest: Any) -> Any:
        return function(Remote(server, token or kept_token(), Output(as_json)), **rest)

    return command  # type: ignore[return-value]


def kept_token() -> str:
    """FOCUS_TOKEN is read where it is an option; this is what lies beside the data."""
    path = Path(os.environ.get("FOCUS_DATA", ".focus")) / TOKEN_FILE.name
    return path.read_text().strip() if path.is_file() else ""
