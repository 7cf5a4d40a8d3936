"""One engine, asked over HTTP: bounded in time and size, its clock looked at, secrets resolved and never told."""

import asyncio
import os
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import httpx

from focusplane.define.engine import REFERENCE, Engine
from focusplane.kernel.errors import DataError, UnreachableError
from focusplane.kernel.quantity import format_duration
from focusplane.kernel.tick import MINUTE, SECOND
from focusplane.plane.ports import Clock
from focusplane.wire.promql_answer import Answer, decode

MOST_BYTES = 32 * 1024 * 1024
"""Of one answer: about 200,000 series of one sample. A question that is answered with more is too broad."""
MOST_ROWS = 50_000
WRONG_CLOCK_MS = MINUTE
"""An engine whose clock differs by more stamps its samples with times that mean nothing here."""
ODD_CLOCK_MS = 5 * SECOND
_LONG = 1_500


class EngineClient:
    """Implements the questions of one engine. `notes` are worth knowing and no fault."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self.notes: tuple[str, ...] = ()
        self._clock = clock
        self._http = httpx.AsyncClient(
            timeout=engine.timeout_ms / 1000, follow_redirects=False, trust_env=False
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def ask(self, query: str, at_ms: int) -> Answer:
        """The answer as of that time (Unix ms). Raises `UnreachableError` if there is none in time, `DataError` if it cannot
        be believed: too large, partial, refused, or by a clock that is wrong.
        """
        try:
            async with asyncio.timeout(self.engine.timeout_ms / 1000):
                body = await self._body(query, at_ms)
        except TimeoutError:
            raise UnreachableError(f"no answer within {format_duration(self.engine.timeout_ms)}") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UnreachableError(f"no answer: {type(error).__name__} {error}".strip()[:300]) from None
        answer = await asyncio.to_thread(decode, body) if len(body) > 256 * 1024 else decode(body)
        if answer.doubts:
            raise DataError(f"it says that its answer is not whole: {answer.doubts[0]}")
        if len(answer.rows) > MOST_ROWS:
            raise DataError(f"it answers with {len(answer.rows):,} series, more than {MOST_ROWS:,}")
        return answer

    async def _body(self, query: str, at_ms: int) -> bytes:
        told = {
            "query": query,
            "time": f"{at_ms / 1000:.3f}",
            "timeout": f"{self.engine.timeout_ms}ms",
            "limit": str(MOST_ROWS + 1),
            "partial_response": "false",
            "nocache": "1",
        }
        url, headers = f"{self.engine.url}/api/v1/query", self._headers()
        short = len(query) < _LONG
        request = (
            self._http.build_request("GET", url, params=told, headers=headers)
            if short
            else self._http.build_request("POST", url, data=told, headers=headers)
        )
        reply = await self._http.send(request, stream=True)
        try:
            return await self._read(reply)
        finally:
            await reply.aclose()

    async def _read(self, reply: httpx.Response) -> bytes:
        if reply.headers.get("content-encoding", "identity") != "identity":
            raise DataError("it compresses its answer though it was asked not to")
        parts, size = [], 0
        async for part in reply.aiter_raw():
            size += len(part)
            if size > MOST_BYTES:
                raise DataError(
                    f"its answer is larger than {MOST_BYTES // 1024 // 1024} MiB: too many series"
                )
            parts.append(part)
        self._look_at_clock("".join(reply.headers.get_list("date")[-1:]))
        if reply.status_code not in (200, 400, 422, 503) or not parts:
            raise DataError(f"it answers {reply.status_code}")
        return b"".join(parts)

    def _look_at_clock(self, date: str) -> None:
        try:
            theirs = round(parsedate_to_datetime(date).timestamp() * 1000)
        except (ValueError, TypeError, OverflowError):
            self.notes = ()
            return
        off = theirs - self._clock.now_ms()
        off = 0 if -2 * SECOND < off < SECOND else off
        said = (
            f"its clock is {format_duration(round(abs(off), -3))} {'ahead of' if off > 0 else 'behind'} ours"
        )
        if abs(off) > WRONG_CLOCK_MS:
            raise DataError(said)
        self.notes = (said,) if abs(off) > ODD_CLOCK_MS else ()

    def _headers(self) -> Mapping[str, str]:
        headers = {"Accept-Encoding": "identity"}
        for name, value in self.engine.headers.items():
            found = REFERENCE.search(value)
            if found is None:
                headers[name] = value
                continue
            secret = os.environ.get(found[1])
            if not secret:
                raise UnreachableError(f"the header {name} needs {found[1]} in the plane's environment")
            headers[name] = value[: found.start()] + secret
        return headers
