"""Engine: a Prometheus, or whatever speaks its query API, that a focus has asked for its counts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from focusplane.kernel.tick import SECOND

EVERY_MS = 15 * SECOND
TIMEOUT_MS = 5 * SECOND
SHORTEST_EVERY_MS, LONGEST_EVERY_MS = SECOND, 120 * SECOND
"""Asked less often than each two minutes, what a restart of a counter hides grows, and late counts come too late."""
REFERENCE = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)$")
"""At the end of a header: `env:TOKEN`, or `Bearer env:TOKEN`."""
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_SECRET = re.compile(r"authorization|cookie|token|secret|password|key", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Engine:
    """`headers` hold references to the plane's environment in place of secrets."""

    url: str
    every_ms: int = EVERY_MS
    timeout_ms: int = TIMEOUT_MS
    headers: Mapping[str, str] = field(default_factory=dict)


def parse_url(text: str) -> str:
    """The address under which `/api/v1/query` lies. Raises `ValueError`."""
    try:
        found = urlsplit(text)
        port_fits = found.port is None or found.port > 0
    except ValueError:
        raise ValueError(f"{text!r} is not a URL such as http://prometheus:9090") from None
    if found.scheme not in ("http", "https") or not found.hostname or not port_fits:
        raise ValueError(f"{text!r} is not a URL such as http://prometheus:9090")
    if found.username is not None or found.password is not None:
        raise ValueError("a URL holds no secret: send it as a header, headers: {Authorization: env:NAME}")
    if found.query or found.fragment:
        raise ValueError(f"{text!r} has a query; the address alone is meant")
    return text.rstrip("/")


def parse_header(name: str) -> str:
    """The name of a header. Raises `ValueError`."""
    if _HEADER.fullmatch(name) is None:
        raise ValueError(f"{name!r} is not the name of a header")
    return name


def bare_secrets(engine: Engine) -> tuple[str, ...]:
    """Headers that look like secrets and stand in the file in plain text."""
    return tuple(
        name
        for name, value in engine.headers.items()
        if _SECRET.search(name) and REFERENCE.search(value) is None
    )
