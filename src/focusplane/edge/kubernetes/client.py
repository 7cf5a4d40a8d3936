"""One API server, asked over HTTP: bounded in time and size, its refusals told in words, its token never."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import msgspec

from focusplane.edge.kubernetes.cluster import Cluster
from focusplane.kernel.errors import (
    ConflictError,
    DataError,
    FocusplaneError,
    NotFoundError,
    RefusedError,
    UnauthenticatedError,
    UnreachableError,
)
from focusplane.plane.followed import BusyError, StaleError

Object = dict[str, Any]

MANAGER = "focusplane"
"""As whom we own fields."""
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
MOST_BYTES = 8 * 1024 * 1024
"""An object is at most 1.5 MiB in etcd; a list of Pods or slices may be several of them."""
TIMEOUT_S = 5.0
LONGEST_PAUSE_S = 60.0
SHOWN = 400
HINT = "its priority and fairness settings decide who waits"


class OwnedError(ConflictError):
    """Another field manager owns what was to be written."""


class Client:
    """Asks one API server. Nothing is tried twice here: whoever asks looks again, from what is wanted then."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._http = httpx.AsyncClient(
            base_url=cluster.server,
            verify=cluster.verify,
            timeout=TIMEOUT_S,
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_connections=16, max_keepalive_connections=8),
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def get(self, path: str, **query: str) -> Object:
        """Raises `NotFoundError`, `RefusedError`, `UnreachableError` and their kin, each with what the server said."""
        return await self._ask("GET", path, query)

    async def apply(self, path: str, body: Object, force: bool = False) -> Object:
        """Server-side apply: we own exactly the fields in `body` afterwards. Raises `OwnedError` if another one owns one of
        them and `force` is not given, `StaleError` if the object is not the one that was read.
        """
        query = {"fieldManager": MANAGER, "force": "true" if force else "false", "fieldValidation": "Strict"}
        return await self._ask("PATCH", path, query, body, APPLY)

    async def merge(self, path: str, body: Object) -> Object:
        """A merge patch, for what is no field that can be owned: the status of a Rollout."""
        return await self._ask("PATCH", path, {"fieldManager": MANAGER}, body, MERGE)

    async def _ask(
        self, method: str, path: str, query: Mapping[str, str], body: Object | None = None, kind: str = ""
    ) -> Object:
        headers = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "focusplane"}
        bearer = self._cluster.bearer()
        if bearer:
            headers["authorization"] = f"Bearer {bearer}"
        if body is not None:
            headers["content-type"] = kind
        content = msgspec.json.encode(body) if body is not None else None
        request = self._http.build_request(method, path, params=query, headers=headers, content=content)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                reply = await self._http.send(request, stream=True)
                try:
                    said = await _read(reply)
                finally:
                    await reply.aclose()
        except TimeoutError:
            raise UnreachableError(f"the API server does not answer within {TIMEOUT_S:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise UnreachableError(f"the API server does not answer: {type(error).__name__}") from None
        if reply.status_code >= 300:
            raise refusal(reply.status_code, said, reply.headers.get("retry-after", ""))
        return _object(said)


async def _read(reply: httpx.Response) -> bytes:
    read = bytearray()
    async for part in reply.aiter_raw():
        read += part
        if len(read) > MOST_BYTES:
            raise DataError(f"the API server answers with more than {MOST_BYTES // 1024 // 1024} MiB")
    return bytes(read)


def _object(said: bytes) -> Object:
    try:
        return msgspec.json.decode(said, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise DataError("the API server answers with something that is no object") from error


def refusal(status: int, said: bytes, retry_after: str = "") -> FocusplaneError:
    """What an answer of 300 and above means, in the words of the server as far as it has any."""
    try:
        told = msgspec.json.decode(said, type=dict[str, Any])
    except msgspec.DecodeError:
        told = {}
    words = " ".join(str(told.get("message", "")).split())[:SHOWN]
    if status == 404:
        return _missing(told, words)
    if status == 409:
        return _conflict(told, words)
    if status == 429:
        pause = min(float(retry_after), LONGEST_PAUSE_S) if retry_after.isdecimal() else 1.0
        return BusyError("the API server is busy (429)", HINT, pause)
    known: dict[int, FocusplaneError] = {
        401: UnauthenticatedError(
            "the API server does not know our token (401)", "a token ends: kubectl create token"
        ),
        403: RefusedError(
            f"the API server does not let us: {words or 'forbidden'}",
            "its Role stands in docs/how-to/gateway-api.md",
        ),
        422: DataError(f"the API server refuses it as invalid: {words}"),
        400: DataError(f"the API server does not understand it: {words}"),
    }
    return known.get(status) or UnreachableError(f"the API server answers {status} {words}".strip())


def _missing(told: Mapping[str, Any], words: str) -> NotFoundError:
    """Of a kind that it does not know the server says nothing but that there is no such page."""
    if told.get("reason") == "NotFound" and (told.get("details") or {}).get("name"):
        return NotFoundError(f"it is gone: {words}", "create it again, or take the driver out of the policy")
    return NotFoundError("the cluster knows no objects of that kind", "install its CRD")


def _conflict(told: Mapping[str, Any], words: str) -> ConflictError:
    causes = (told.get("details") or {}).get("causes") or ()
    owners = [one for one in causes if isinstance(one, dict) and one.get("reason") == "FieldManagerConflict"]
    if not owners:
        return StaleError(f"it was changed meanwhile: {words}")
    said = "; ".join(f"{one.get('message', '')} over {one.get('field', '')}" for one in owners[:3])[:SHOWN]
    hint = "let go of the weights there, or say `force: true` in the driver"
    return OwnedError(f"somebody else owns the weights: {said}", hint)
