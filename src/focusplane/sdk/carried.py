"""What a caller's headers say about a request: tenant, retry, synthetic, key, baggage."""

from collections.abc import Callable, Iterable
from functools import lru_cache

from focusplane.instrument.baggage import parse
from focusplane.sdk.request import Request

SYNTHETIC_AGENTS = (
    "googlebot",
    "bingbot",
    "kube-probe",
    "prometheus/",
    "uptimerobot",
    "pingdom",
    "synthetic",
)
"""Parts of a user agent that mark traffic no user made."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "QUERY"})
OTHER_METHOD = "_OTHER"
"""OpenTelemetry's word for a method it does not know: callers may send any."""
_FALSE = frozenset({b"", b"0", b"false", b"no"})
_MAX_TENANT = 128
_MAX_AGENT = 256


class Reader:
    """Reads raw ASGI headers (names in lower case) in one pass. Never raises."""

    def __init__(self, tenant_header: str) -> None:
        self._takers = {**_TAKERS, tenant_header.lower().encode("latin-1"): _tenant}

    def read(self, headers: Iterable[tuple[bytes, bytes]], request: Request) -> None:
        takers = self._takers
        for name, value in headers:
            if name in takers:
                takers[name](request, value)


def _tenant(request: Request, value: bytes) -> None:
    # The same bytes as the gateway hashes, also where they are no UTF-8.
    octets = value[:_MAX_TENANT]
    try:
        request.tenant = request.proved = octets.decode()
    except UnicodeDecodeError:
        request.tenant = request.proved = octets.decode("utf-8", "surrogateescape")


def _agent(request: Request, value: bytes) -> None:
    if _is_synthetic(value[:_MAX_AGENT]):
        request.synthetic = True


@lru_cache(maxsize=1_024)
def _is_synthetic(agent: bytes) -> bool:
    written = agent.decode("latin-1").lower()
    return any(part in written for part in SYNTHETIC_AGENTS)


def _baggage(request: Request, value: bytes) -> None:
    carried = parse(value.decode("latin-1"))
    request.asked = carried.focus
    request.tenant = request.tenant or carried.tenant


def _synthetic(request: Request, value: bytes) -> None:
    request.synthetic = value.strip().lower() not in _FALSE


def _resend(request: Request, value: bytes) -> None:
    request.resend = value.strip().lower() not in _FALSE


def _key(request: Request, value: bytes) -> None:
    request.key = value[:_MAX_TENANT].decode("latin-1")


_TAKERS: dict[bytes, Callable[[Request, bytes], None]] = {
    b"user-agent": _agent,
    b"baggage": _baggage,
    b"x-focus-synthetic": _synthetic,
    b"x-focus-resend": _resend,
    b"idempotency-key": _key,
}
