"""What a caller's headers say about a request: tenant, retry, synthetic, key, baggage."""

from collections.abc import Callable

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
_FALSE = frozenset({b"", b"0", b"false", b"no"})
_MAX_TENANT = 128
_MAX_AGENT = 256
_MAX_PEOPLE = 1_024
_PEOPLE: set[bytes] = set()
"""Agents that are known to be none of these."""


Taker = Callable[[Request, bytes], None]


def takers(tenant_header: str) -> dict[bytes, Taker]:
    """What is done with the value of a header, by its name in lower case as ASGI gives it. No taker raises."""
    return {**_TAKERS, tenant_header.lower().encode("latin-1"): _tenant}


def _tenant(request: Request, value: bytes) -> None:
    # The same bytes as the gateway hashes, also where they are no UTF-8.
    octets = value if len(value) <= _MAX_TENANT else value[:_MAX_TENANT]
    request.tenant = request.proved = octets.decode("utf-8", "surrogateescape")


def _agent(request: Request, value: bytes) -> None:
    if value not in _PEOPLE:
        _meet(request, value)


def _meet(request: Request, agent: bytes) -> None:
    """An agent that is not known yet, or is no person's."""
    written = agent[:_MAX_AGENT].decode("latin-1").lower()
    if any(part in written for part in SYNTHETIC_AGENTS):
        request.synthetic = True
    elif len(agent) <= _MAX_AGENT:
        if len(_PEOPLE) >= _MAX_PEOPLE:
            _PEOPLE.clear()
        _PEOPLE.add(agent)


def _baggage(request: Request, value: bytes) -> None:
    carried = parse(value.decode("latin-1"))
    request.asked = carried.focus
    request.tenant = request.tenant or carried.tenant


def _synthetic(request: Request, value: bytes) -> None:
    """Nobody takes the mark off what another header has marked, whichever comes first."""
    request.synthetic = request.synthetic or value.strip().lower() not in _FALSE


def _mirrored(request: Request, _: bytes) -> None:
    """A gateway of ours says that this is a copy."""
    request.synthetic = True


def _host(request: Request, value: bytes) -> None:
    """Envoy, and what is built on it, appends `-shadow` to the host of a copy."""
    if b"-shadow" in value and value.partition(b":")[0].endswith(b"-shadow"):
        request.synthetic = True


def _resend(request: Request, value: bytes) -> None:
    request.resend = value.strip().lower() not in _FALSE


def _key(request: Request, value: bytes) -> None:
    request.key = value[:_MAX_TENANT].decode("latin-1")


_TAKERS: dict[bytes, Taker] = {
    b"user-agent": _agent,
    b"baggage": _baggage,
    b"x-focus-synthetic": _synthetic,
    b"x-focus-resend": _resend,
    b"x-focus-mirror": _mirrored,
    b"host": _host,
    b"idempotency-key": _key,
}
