"""OTLP logs are only counted: no objective reads them yet."""

from google.protobuf.message import DecodeError

from focusplane.kernel.errors import DataError
from focusplane.wire.density import LOGS, thin
from focusplane.wire.otlp_answer import Encoding
from focusplane.wire.otlp_json import LOGS as JSON_LOGS
from focusplane.wire.otlp_json import Logs, parse_json
from focusplane.wire.otlp_schema import message

_LOGS = message("Logs")


def count_records(body: bytes, encoding: Encoding) -> int:
    """How many log records a request holds. Raises `DataError` when it is none."""
    if encoding is Encoding.JSON:
        parsed: Logs = parse_json(JSON_LOGS, body)
        return sum(len(scope.log_records) for group in parsed.resource_logs for scope in group.scope_logs)
    thin(body, LOGS)
    try:
        request = _LOGS.FromString(body)
    except DecodeError as error:
        raise DataError("the body is no OTLP logs request", "send protobuf of OTLP 1.x") from error
    return sum(len(scope.log_records) for group in request.resource_logs for scope in group.scope_logs)
