"""One flag service, asked over HTTP: bounded in time and size, its refusals told in words, its token never."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from focusplane.kernel.errors import (
    DataError,
    FocusplaneError,
    NotFoundError,
    RefusedError,
    UnauthenticatedError,
    UnreachableError,
)
from focusplane.plane.followed import BusyError, StaleError

MOST_BYTES = 4 * 1024 * 1024
TIMEOUT_S = 5.0
LONGEST_PAUSE_S = 60.0
SHOWN = 300
HINT = "several planes, or other callers, may use the same token"


class FlagHttp:
    """Nothing is tried twice here: whoever asks looks again, from what is wanted then. `token` is read for each request."""

    def __init__(self, service: str, url: str, token: Callable[[], str]) -> None:
        self.service = service
        self._token = token
        self._http = httpx.AsyncClient(
            base_url=url, timeout=TIMEOUT_S, follow_redirects=False, trust_env=False
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def ask(self, method: str, path: str, body: object = None, kind: str = "application/json") -> Any:
        """What it says, decoded; nothing for an empty answer. Raises what the status means, in its own words."""
        headers = {
            "accept": "application/json",
            "accept-encoding": "identity",
            "authorization": self._bearer(),
        }
        content = None
        if body is not None:
            content, headers["content-type"] = json.dumps(body).encode(), kind
        try:
            async with asyncio.timeout(TIMEOUT_S):
                request = self._http.build_request(method, path, headers=headers, content=content)
                reply = await self._http.send(request, stream=True)
                try:
                    said = await self._read(reply)
                finally:
                    await reply.aclose()
        except (TimeoutError, httpx.TimeoutException):
            raise UnreachableError(f"{self.service} does not answer within {TIMEOUT_S:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise UnreachableError(f"{self.service} does not answer: {type(error).__name__}") from None
        if reply.status_code >= 300:
            raise self._refusal(reply.status_code, said, reply.headers)
        return self._decoded(said) if said.strip() else None

    def _bearer(self) -> str:
        """Raises `RefusedError` for a token that no header can hold; the token is in no message."""
        token = self._token().strip()
        if not token or not token.isascii() or not token.isprintable():
            raise RefusedError(f"the token of {self.service} is empty, or holds what no header can")
        return token

    async def _read(self, reply: httpx.Response) -> bytes:
        read = bytearray()
        async for part in reply.aiter_raw():
            read += part
            if len(read) > MOST_BYTES:
                raise DataError(f"{self.service} answers with more than {MOST_BYTES // 1024 // 1024} MiB")
        return bytes(read)

    def _decoded(self, said: bytes) -> Any:
        try:
            return json.loads(said)
        except (ValueError, RecursionError):
            raise DataError(f"{self.service} answers with something that is no JSON") from None

    def _refusal(self, status: int, said: bytes, headers: Mapping[str, str]) -> FocusplaneError:
        words, service = _words(said), self.service
        if status == 429:
            after = headers.get("retry-after", "")
            pause = min(float(after), LONGEST_PAUSE_S) if after.isascii() and after.isdecimal() else 5.0
            return BusyError(f"{service} is busy (429)", HINT, pause)
        known: dict[int, FocusplaneError] = {
            401: UnauthenticatedError(
                f"{service} does not know our token (401)", "a token ends: make a new one"
            ),
            403: RefusedError(f"{service} does not let us (403): {words}", "the token needs to write flags"),
            404: NotFoundError(f"{service} has no such project, environment or flag (404): {words}"),
            409: StaleError(f"{service} says that it was changed meanwhile (409): {words}"),
        }
        if status >= 500:
            return UnreachableError(f"{service} answers {status} {words}".strip())
        return known.get(status) or RefusedError(f"{service} refuses it ({status}): {words}")


def _words(said: bytes) -> str:
    """The message of an error body, bounded and printable."""
    try:
        told = json.loads(said)
        words = told.get("message", "") if isinstance(told, dict) else ""
    except (ValueError, RecursionError):
        words = ""
    return "".join(one for one in str(words)[:SHOWN] if one.isprintable())
