"""From attributes of a request to its Outcome and its Slice, for HTTP and for gRPC."""

from focusplane.instrument import conventions as names
from focusplane.instrument.signal import Outcome, Slice
from focusplane.instrument.tagging import Attributes, route_of, text

GRPC_STATUS: tuple[tuple[str, int], ...] = (
    ("OK", 200),
    ("CANCELLED", 499),
    ("UNKNOWN", 500),
    ("INVALID_ARGUMENT", 400),
    ("DEADLINE_EXCEEDED", 504),
    ("NOT_FOUND", 404),
    ("ALREADY_EXISTS", 409),
    ("PERMISSION_DENIED", 403),
    ("RESOURCE_EXHAUSTED", 429),
    ("FAILED_PRECONDITION", 400),
    ("ABORTED", 409),
    ("OUT_OF_RANGE", 400),
    ("UNIMPLEMENTED", 501),
    ("INTERNAL", 500),
    ("UNAVAILABLE", 503),
    ("DATA_LOSS", 500),
    ("UNAUTHENTICATED", 401),
)
"""gRPC status by its number -> name and HTTP status (google.rpc.Code). Those that OpenTelemetry calls errors of the
server (UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS) are exactly the 5xx here."""

_BY_NAME = {name: (name, status) for name, status in GRPC_STATUS}
_TRUE = frozenset({"true", "1", "yes", "bot", "test", "t", "y"})
"""Of what clients write our gateway keeps the first letter: a tag of many values would be many counters."""


def outcome_of(attributes: Attributes, failed: bool = False) -> Outcome:
    """How a request with these attributes ended. `failed` is a span status of ERROR.

    An error without a status keeps its `error.type`, or is called `error`: such an outcome classifies like 5xx.
    """
    status, error = _http_status(attributes), text(attributes, (names.ERROR_TYPE,))
    if status == 0:
        name, status = _rpc_status(attributes)
        error = error or (name if status >= 500 else "")
    if failed and status < 400:
        error = error or "error"
    return Outcome(
        status=status,
        error=error,
        synthetic=_true(attributes, names.SYNTHETIC) or _true(attributes, names.SYNTHETIC_AGENT),
        resend=_positive(attributes, names.RESEND),
        flag=text(attributes, (names.PROXY_FLAG,)).strip("-"),
        mirror=_mirror(attributes),
    )


def _mirror(attributes: Attributes) -> str:
    said = text(attributes, (names.MIRROR,))
    return said if said in (names.ORIGINAL, names.COPY, names.FOREIGN_COPY) else ""


def shadowed(host: str) -> bool:
    """`shop-shadow`, `shop-shadow:8080`: what Envoy makes of the host of a copy."""
    return host.partition(":")[0].endswith(names.SHADOW)


def slice_of(resource: Attributes, attributes: Attributes) -> Slice:
    """Whose request, which version, which route, where: what the request says wins over what its resource says."""
    return Slice(
        tenant=text(attributes, (names.TENANT_ID,)),
        version=_either(resource, attributes, names.SERVICE_VERSION),
        route=route_of(attributes),
        region=_either(resource, attributes, names.REGION),
        client=_either(resource, attributes, names.CLIENT),
    )


def _either(resource: Attributes, attributes: Attributes, key: str) -> str:
    return text(attributes, (key,)) or text(resource, (key,))


def _http_status(attributes: Attributes) -> int:
    said = text(attributes, names.STATUS)
    return int(said) if len(said) == 3 and said.isascii() and said.isdigit() else 0


def _rpc_status(attributes: Attributes) -> tuple[str, int]:
    said = text(attributes, names.RPC_STATUS)
    if said.isascii() and said.isdigit() and len(said) <= 2 and int(said) < len(GRPC_STATUS):
        return GRPC_STATUS[int(said)]
    return _BY_NAME.get(said.upper(), (said, 0))


def _true(attributes: Attributes, key: str) -> bool:
    return text(attributes, (key,)).lower() in _TRUE


def _positive(attributes: Attributes, key: str) -> bool:
    said = text(attributes, (key,)).lower()
    return said in _TRUE or (said.isascii() and said.isdigit() and int(said[:18]) > 0)
