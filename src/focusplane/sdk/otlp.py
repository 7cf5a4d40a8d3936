"""Deltas as an OTLP/HTTP JSON metrics request, with bytes that are the same on every retry."""

import json
from collections.abc import Iterable, Mapping

from focusplane.instrument import conventions as names
from focusplane.sdk.meter import Delta

PATH = "/v1/metrics"
_DELTA = 1
_MAX_VALUE = 128
_NS_PER_S = 1_000_000_000


_OURS = frozenset(
    (names.FOCUS_ID, names.TENANT_ID, names.ERROR_TYPE, names.SYNTHETIC, names.RESEND, names.STATUS[0])
)
"""What the SDK says itself: no mark can overrule it."""
_FLAG = (names.FLAG_KEY, names.FLAG_VARIANT[0], names.FLAG_VERSION, names.FLAG_REASON[0])
_SAME: Mapping[str, int] = {}


def body(
    resource: Mapping[str, str],
    deltas: Iterable[Delta],
    start_ns: int,
    end_ns: int,
    since: Mapping[str, int] = _SAME,
) -> bytes:
    """A delta histogram `focus.duration` in seconds, and one of the same requests by the variants that they had, if any had
    one. Times are Unix nanoseconds; a focus in `since` has its own start.
    """
    points: dict[str, list[object]] = {names.METRIC_DURATION: []}
    for delta in deltas:
        metric = names.METRIC_DURATION if delta.given is None else names.METRIC_VARIANT
        points.setdefault(metric, []).append(_point(delta, since.get(delta.key[0], start_ns), end_ns))
    metrics = [
        {"name": name, "unit": "s", "histogram": {"aggregationTemporality": _DELTA, "dataPoints": found}}
        for name, found in points.items()
    ]
    scope = {"scope": {"name": "focusplane.sdk"}, "metrics": metrics}
    attributes = [_attribute(key, value) for key, value in resource.items()]
    whole = {"resourceMetrics": [{"resource": {"attributes": attributes}, "scopeMetrics": [scope]}]}
    return json.dumps(whole, separators=(",", ":")).encode()


def _point(delta: Delta, start_ns: int, end_ns: int) -> dict[str, object]:
    focus, tenant, method, route, status, error, synthetic, resend = delta.key[:8]
    marks = delta.key[8] if len(delta.key) > 8 else ()
    called: dict[str, str | int | bool] = (
        {names.RPC_SYSTEM[0]: "grpc", names.RPC_METHOD: route.removeprefix("/")}
        if method == names.RPC
        else {names.METHOD[0]: method, names.ROUTE[0]: route}
    )
    said: dict[str, str | int | bool] = {
        names.FOCUS_ID: focus,
        names.TENANT_ID: tenant,
        **called,
        names.STATUS[0]: status,
        names.ERROR_TYPE: error,
        names.SYNTHETIC: synthetic,
        names.RESEND: 1 if resend else 0,
        **{name: value for name, value in marks if name not in _OURS},
    }
    if delta.given is not None:
        said |= dict(zip(_FLAG, delta.given, strict=True))
    return {
        "attributes": [_attribute(key, value) for key, value in said.items() if value],
        "startTimeUnixNano": str(start_ns),
        "timeUnixNano": str(end_ns),
        "count": str(sum(delta.counts)),
        "sum": delta.sum_ns / _NS_PER_S,
        "bucketCounts": [str(count) for count in delta.counts],
        "explicitBounds": [bound / _NS_PER_S for bound in delta.bounds_ns],
    }


def _attribute(key: str, value: str | int | bool) -> dict[str, object]:
    if isinstance(value, bool):
        return {"key": key, "value": {"boolValue": value}}
    if isinstance(value, int):
        return {"key": key, "value": {"intValue": str(value)}}
    # What a request carried may hold bytes that are no text: one of them must not spoil the whole batch.
    clean = value[:_MAX_VALUE].encode("utf-8", "replace").decode("utf-8")
    return {"key": key, "value": {"stringValue": clean}}
