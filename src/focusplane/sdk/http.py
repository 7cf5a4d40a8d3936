"""A keep-alive HTTP connection from the standard library, which reconnects and bounds what it reads."""

import contextlib
import encodings.idna  # noqa: F401  sockets look it up by name: a fork in the midst of that import breaks the child
import http.client
import io
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import cast
from urllib.parse import urlsplit

from focusplane.kernel.errors import UnreachableError, UsageError

MAX_ANSWER = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class Line:
    """One connection to one base URL, for one thread. Raises `UnreachableError` for whatever goes wrong.

    `timeout_s` bounds each question as a whole, also against a server that answers one byte at a time; only the
    resolving of its name is the system's own affair. Redirects are answers, and not followed.
    """

    def __init__(self, url: str, timeout_s: float, max_answer: int = MAX_ANSWER) -> None:
        self._secure, self._host, self._port, self._base = address(url)
        self._timeout_s = timeout_s
        self._max_answer = max_answer
        self._open: http.client.HTTPConnection | None = None
        self._ended = False

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """One request and its whole answer. A kept connection that the other side has closed is tried once more."""
        kept = self._open is not None
        try:
            return self._ask(method, path, headers, body)
        except (ConnectionError, http.client.BadStatusLine) as closed:
            self.close()
            if not kept or self._ended:
                raise UnreachableError(f"{self._host}: {closed!r}") from closed
        except (OSError, http.client.HTTPException, ValueError) as failed:
            self.close()
            raise UnreachableError(f"{self._host}: {failed!r}") from failed
        try:
            return self._ask(method, path, headers, body)
        except (OSError, http.client.HTTPException, ValueError) as failed:
            self.close()
            raise UnreachableError(f"{self._host}: {failed!r}") from failed

    def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        ends_at = perf_counter() + self._timeout_s
        connection = self._connected()
        cast(_Socket, connection.sock).ends_at = ends_at
        connection.request(method, self._base + path, body, dict(headers))
        answer = connection.getresponse()
        content = answer.read(self._max_answer + 1)
        if len(content) > self._max_answer:
            raise http.client.HTTPException(f"an answer of more than {self._max_answer} bytes")
        if answer.will_close:
            self.close()
        return Answer(answer.status, {key.lower(): value for key, value in answer.getheaders()}, content)

    def _connected(self) -> http.client.HTTPConnection:
        if self._ended:
            raise http.client.HTTPException("the client was closed")
        if self._open is None:
            kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
            connection = kind(self._host, self._port, timeout=self._timeout_s)
            connection.connect()
            connection.sock = cast(socket.socket, _Socket(connection.sock))
            self._open = connection
        return self._open

    def cut(self) -> None:
        """End it: a thread that waits for an answer wakes, and asks no more. May be called from another thread."""
        self._ended = True
        connection = self._open
        waiting = getattr(connection, "sock", None)
        if waiting is not None:
            with contextlib.suppress(OSError):
                waiting.shutdown(socket.SHUT_RDWR)

    def abandon(self) -> None:
        """In a forked child: let go of the parent's connection without touching what its threads may have locked."""
        connection, self._open = self._open, None
        kept = getattr(connection, "sock", None)
        if kept is not None:
            with contextlib.suppress(OSError):
                os.close(kept.detach())

    def close(self) -> None:
        connection, self._open = self._open, None
        if connection is not None:
            connection.close()


class _Socket:
    """What `http.client` asks of a socket, with one end for all that is read of an answer."""

    def __init__(self, wrapped: socket.socket) -> None:
        self._wrapped = wrapped
        self.ends_at = 0.0
        self.sendall, self.shutdown = wrapped.sendall, wrapped.shutdown
        self.close, self.detach = wrapped.close, wrapped.detach

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Answering(self, cast(io.RawIOBase, self._wrapped.makefile("rb", 0))))

    def hurry(self) -> None:
        """Let the next bytes come before the end, or not at all."""
        left = self.ends_at - perf_counter()
        if left <= 0:
            raise TimeoutError("the answer takes too long")
        self._wrapped.settimeout(left)


class _Answering(io.RawIOBase):
    def __init__(self, waiting: _Socket, raw: io.RawIOBase) -> None:
        self._waiting, self._raw = waiting, raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview") -> int | None:  # type: ignore[override]  # whatever http.client hands in
        self._waiting.hurry()
        return cast(int | None, self._raw.readinto(buffer))

    def close(self) -> None:
        self._raw.close()
        super().close()


def address(url: str) -> tuple[bool, str, int | None, str]:
    """Whether it is https, host, port and path of an address; raises `UsageError` if it is none."""
    hint = "for instance http://127.0.0.1:7600"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as wrong:
        raise UsageError(f"{url!r} is no address: {wrong}", hint) from wrong
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{url!r} is no http or https address", hint)
    return parts.scheme == "https", parts.hostname, port, parts.path.rstrip("/")
