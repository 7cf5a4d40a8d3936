"""What a receiver answers: partial success, or a `google.rpc.Status`, in the encoding of the request."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from focusplane.wire.otlp_schema import message

_RESPONSE = message("Response")
_RPC_STATUS = message("RpcStatus")
_RETRY = message("RetryInfo")

INVALID_ARGUMENT, PERMISSION_DENIED, RESOURCE_EXHAUSTED, UNAVAILABLE, UNAUTHENTICATED = 3, 7, 8, 14, 16


class Encoding(StrEnum):
    """The media types of OTLP over HTTP."""

    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"


class Telemetry(StrEnum):
    """What a request carries, with the name that OTLP gives to what was rejected of it."""

    METRICS = "rejectedDataPoints"
    TRACES = "rejectedSpans"
    LOGS = "rejectedLogRecords"


def success(encoding: Encoding, kind: Telemetry, rejected: Mapping[str, int]) -> bytes:
    """An export response: empty if everything was taken, else how many were not, and why."""
    count = sum(rejected.values())
    why = "; ".join(f"{number} x {cause}" for cause, number in sorted(rejected.items()))[:1_000]
    if encoding is Encoding.JSON:
        partial = {"partialSuccess": {kind.value: str(count), "errorMessage": why}} if count else {}
        return msgspec.json.encode(partial)
    response = _RESPONSE()
    if count:
        response.partial_success.rejected = count
        response.partial_success.error_message = why
    return bytes(response.SerializeToString())


def failure(encoding: Encoding, code: int, why: str) -> bytes:
    """A `google.rpc.Status` with a code of google.rpc.Code."""
    if encoding is Encoding.JSON:
        return msgspec.json.encode({"code": code, "message": why})
    return bytes(_RPC_STATUS(code=code, message=why).SerializeToString())


def retry_after(seconds: int) -> bytes:
    """A `google.rpc.RetryInfo`."""
    info = _RETRY()
    info.retry_delay.seconds = seconds
    return bytes(info.SerializeToString())


def retry_status(seconds: int, why: str) -> bytes:
    """A `google.rpc.Status` RESOURCE_EXHAUSTED with its RetryInfo, for `grpc-status-details-bin`."""
    status = _RPC_STATUS(code=RESOURCE_EXHAUSTED, message=why)
    status.details.add(type_url="type.googleapis.com/google.rpc.RetryInfo", value=retry_after(seconds))
    return bytes(status.SerializeToString())
