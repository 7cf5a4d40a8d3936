"""The plane as a user: one GET of a probe, or a synthetic request, its status, and a text in its body. Whatever the other side does is said in bounded words."""

import asyncio
import errno
import socket
import time
from collections.abc import Callable, Iterator

import httpx

from focusplane.define.synthetic import MARK_HEADER, PIN_HEADER, VERSION_HEADER, Request
from focusplane.define.units import Probe
from focusplane.kernel.errors import FocusplaneError
from focusplane.kernel.quantity import format_duration
from focusplane.observe.synthetic import Heard, Reply
from focusplane.observe.tries import Saw, Tried

MOST_BODY = 64 * 1024
"""Bytes of an answer that are read; nothing is unpacked, for a little packed is a lot."""
MOST_REDIRECTS = 3
AGENT = "focusplane-probe/1"
SYNTHETIC_AGENT = "focusplane-synthetic/1"
OURS = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENETDOWN, errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.ENOBUFS}
)
"""What says something about the plane's own machine and nothing about the other side."""
_OF_NAMES = frozenset({socket.EAI_AGAIN})


class HttpVisitor:
    """Implements `Visitor`. A new connection each time: one that was kept would hide that no new one is accepted."""

    def __init__(self, resolve: Callable[[str], str] = str, pin: str = "") -> None:
        """`resolve` says what the value of a header such as `env:NAME` stands for; `pin` is what our gateway may ask for."""
        self._pin = pin
        self._resolve = resolve
        self._client = httpx.AsyncClient(
            timeout=None,
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
            headers={"user-agent": AGENT, "accept": "*/*", "accept-encoding": "identity"},
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def visit(self, probe: Probe) -> Tried:
        """Good if the status and the body are as asked, in time."""
        began = time.monotonic_ns()
        try:
            async with asyncio.timeout(probe.timeout_ms / 1000):
                saw, why = await self._ask(probe)
        except TimeoutError:
            saw, why = Saw.BAD, f"no answer within {format_duration(probe.timeout_ms)}"
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            saw, why = _failed(error)
        return Tried(saw, why, (time.monotonic_ns() - began) // 1_000_000)

    async def ask(self, request: Request, version: str, gateway: bool) -> Reply:
        """Marked by its headers and its agent. Nothing is followed, and the answer is read to 64 KiB: a client that leaves early
        would be a failure in the eyes of some servers.
        """
        try:
            asked = request.to(version)
            own = {name: self._resolve(value) for name, value in asked.headers}
        except (ValueError, FocusplaneError) as error:
            return Reply(Heard.UNKNOWN, f"it could not be asked: {error}")
        try:
            marks = {"user-agent": SYNTHETIC_AGENT, MARK_HEADER: "true"}
            marks |= {VERSION_HEADER: version} if gateway else {}
            marks |= {PIN_HEADER: self._pin} if self._pin and gateway and not request.addressed else {}
            body = asked.send.encode() or None
            async with self._client.stream(
                asked.method, httpx.URL(asked.url), headers={**own, **marks}, content=body
            ) as answer:
                if gateway and (stray := _stray(request, answer, version)):
                    return Reply(Heard.STRAY, stray)
                saw, why = await _judged(asked, answer, whole=True)
        except httpx.LocalProtocolError:
            return Reply(Heard.UNKNOWN, "it could not be asked: HTTP cannot carry its headers")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            saw, why = _failed(error)
            return Reply(Heard.UNKNOWN if saw is Saw.UNKNOWN else Heard.SILENT, why)
        return Reply(Heard.GOOD) if saw is Saw.GOOD else Reply(Heard.BAD, why)

    async def _ask(self, probe: Probe) -> tuple[Saw, str]:
        url = httpx.URL(probe.url)
        for _ in range(MOST_REDIRECTS + 1):
            async with self._client.stream("GET", url) as answer:
                if not _expected(probe, answer.status_code) and answer.has_redirect_location:
                    onward = url.join(answer.headers["location"])
                    if onward.host != url.host or onward.scheme not in ("http", "https"):
                        return (
                            Saw.BAD,
                            f"status {answer.status_code} leads to another host, where nobody asks",
                        )
                    url = onward
                    continue
                return await _judged(probe, answer)
        return Saw.BAD, f"more than {MOST_REDIRECTS} redirects"


def _stray(request: Request, answer: httpx.Response, version: str) -> str:
    """Why this is not the answer of that version; our gateway says whose it is."""
    said = answer.headers.get(VERSION_HEADER, "")
    if not said and not request.addressed:
        return f"status {answer.status_code}, and nothing says that {version} answered"
    return f"{said[:64]} answered where {version} was asked" if said and said != version else ""


async def _judged(probe: Probe | Request, answer: httpx.Response, whole: bool = False) -> tuple[Saw, str]:
    """What is not needed is not read, unless the `whole` is."""
    read = bytearray()
    if whole or (probe.body and _expected(probe, answer.status_code)):
        async for chunk in answer.aiter_raw():
            read += chunk
            if len(read) >= MOST_BODY:
                break
    if not _expected(probe, answer.status_code):
        return Saw.BAD, f"status {answer.status_code}, expected was {', '.join(probe.status)}"
    if not probe.body:
        return Saw.GOOD, f"status {answer.status_code}"
    if probe.body.encode() in bytes(read[:MOST_BODY]):
        return Saw.GOOD, f"status {answer.status_code}, with {probe.body!r} in its body"
    return Saw.BAD, f"status {answer.status_code}, but {probe.body!r} is not in its body"


def _expected(probe: Probe | Request, status: int) -> bool:
    return str(status) in probe.status or f"{status // 100}xx" in probe.status


def _failed(error: Exception) -> tuple[Saw, str]:
    """The words of the operating system if it has any; of a library only the kind of its error."""
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror):
            saw = Saw.UNKNOWN if cause.errno in _OF_NAMES else Saw.BAD
            return saw, "its name cannot be looked up now" if saw is Saw.UNKNOWN else "its name is not known"
        if isinstance(cause, OSError) and cause.errno is not None:
            saw = Saw.UNKNOWN if cause.errno in OURS else Saw.BAD
            return saw, f"no connection: {cause.strerror or errno.errorcode.get(cause.errno, cause.errno)}"
    if isinstance(error, httpx.ConnectError):
        return Saw.BAD, "no connection"
    return Saw.BAD, f"it does not answer as HTTP asks ({type(error).__name__})"


def _causes(error: BaseException) -> Iterator[BaseException]:
    at: BaseException | None = error
    while at is not None:
        yield at
        if isinstance(at, BaseExceptionGroup):
            for part in at.exceptions:
                yield from _causes(part)
        at = at.__cause__ or at.__context__
