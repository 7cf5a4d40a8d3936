"""A keep-alive HTTP connection from the standard library, which reconnects and bounds what it reads."""

import contextlib
import encodings.idna  # noqa: F401  sockets look it up by name: a fork in the midst of that import breaks the child
import http.client
import socket
from collections.abc import Mapping
from dataclasses import dataclass
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
    """One connection to one base URL, for one thread. Raises `UnreachableError` for whatever goes wrong."""

    def __init__(self, url: str, timeout_s: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"{url!r} is no http or https address", "for instance http://127.0.0.1:7600")
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._base = parts.path.rstrip("/")
        self._timeout_s = timeout_s
        self._open: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """One request and its whole answer. A kept connection that the other side has closed is tried once more."""
        kept = self._open is not None
        try:
            return self._ask(method, path, headers, body)
        except (ConnectionError, http.client.BadStatusLine) as closed:
            self.close()
            if not kept:
                raise UnreachableError(f"{self._host}: {closed!r}") from closed
        except (OSError, http.client.HTTPException) as failed:
            self.close()
            raise UnreachableError(f"{self._host}: {failed!r}") from failed
        try:
            return self._ask(method, path, headers, body)
        except (OSError, http.client.HTTPException) as failed:
            self.close()
            raise UnreachableError(f"{self._host}: {failed!r}") from failed

    def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        if self._open is None:
            kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
            self._open = kind(self._host, self._port, timeout=self._timeout_s)
        self._open.request(method, self._base + path, body, dict(headers))
        answer = self._open.getresponse()
        content = answer.read(MAX_ANSWER + 1)
        if len(content) > MAX_ANSWER:
            raise http.client.HTTPException(f"an answer of more than {MAX_ANSWER} bytes")
        if answer.will_close:
            self.close()
        return Answer(answer.status, {key.lower(): value for key, value in answer.getheaders()}, content)

    def cut(self) -> None:
        """Wake a thread that waits for an answer; may be called from another thread."""
        connection = self._open
        waiting = getattr(connection, "sock", None)
        if waiting is not None:
            with contextlib.suppress(OSError):
                waiting.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        connection, self._open = self._open, None
        if connection is not None:
            connection.close()
