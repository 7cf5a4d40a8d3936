"""The keys of synthetic requests: what is sent to both versions of a rollout, how often, and until when."""

import re
from collections.abc import Mapping
from enum import StrEnum

from focusplane.define.quantities import DURATION, LINE, RATE, STATUS, TRUTH, whole
from focusplane.define.shape import BROKEN, Broken, Field, Record, Shape, Values
from focusplane.define.shapes import Either, ListOf, MapOf, Scalar, one_of
from focusplane.define.synthetic import Request, Synthetic
from focusplane.define.web_address import MOST_URL, web_address
from focusplane.kernel.quantity import Rate, format_duration, format_rate
from focusplane.kernel.tick import MINUTE, SECOND

MOST_REQUESTS = 20
MOST_HEADERS = 20
MOST_BODY = 16_384
"""Characters that a request carries."""
FASTEST = 10
"""A second, to each version."""
SHORTEST_TIMEOUT_MS, LONGEST_TIMEOUT_MS = 100, 10 * SECOND
_OWN = {
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
"""What the sender of a request says itself, as it does the user agent."""


class Method(StrEnum):
    GET = "GET"
    HEAD = "HEAD"
    POST = "POST"


def _header(text: str) -> str:
    name = text.lower()
    if re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", name) is None:
        raise ValueError(f"{text!r} is no name of a header")
    if name in _OWN or name == "user-agent" or name.startswith(("x-focus-", "proxy-")):
        raise ValueError(f"{name} is said by the plane itself, or by nobody")
    return name


def _value(text: str) -> str:
    if not (text.isascii() and text.isprintable()):
        raise ValueError("the value of a header is printable ASCII on one line")
    return text


def _version(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", text) is None:
        raise ValueError(f"{text!r} is no version such as v2 or 2.1.0")
    return text


ONE_URL = Scalar(
    "an http or https URL",
    web_address,
    {"type": "string", "pattern": "^https?://"},
    "such as https://{version}.shop.example/pay",
    MOST_URL,
)
URLS: Shape[str | Mapping[str, str]] = Either(
    ONE_URL, MapOf(Scalar("a version", _version, {"type": "string"}), ONE_URL)
)
URL = Field(
    "url",
    URLS,
    "Where it goes. `{version}` stands for the version that is asked, here and in headers; or one URL for each version.",
    required=True,
)
METHOD = Field("method", one_of(Method), "GET (default), HEAD or POST.", Method.GET)
HEADERS = Field[Mapping[str, str]](
    "headers",
    MapOf(
        Scalar("the name of a header", _header, {"type": "string"}, "such as accept"),
        Scalar("the value of a header", _value, {"type": "string"}, most=1_000),
    ),
    "Headers besides the mark. A value such as env:SMOKE_TOKEN or file:PATH is read where it is sent.",
    default={},
)
SEND = Field(
    "send",
    Scalar("a text", str, {"type": "string"}, most=MOST_BODY),
    "What a POST carries, 16 KiB at most.",
    "",
)
EXPECTED = Field(
    "status", ListOf(STATUS, single=True), "Good status codes and classes. Default: 2xx.", ("2xx",)
)
BODY = Field("body", LINE, "What the first 64 KiB of a good answer contain.", "")


def _request(values: Values) -> Request | Broken:
    where, headers = values[URL], values[HEADERS]
    if len(headers) > MOST_HEADERS:
        values.error(HEADERS, "D320", f"{len(headers)} headers; at most {MOST_HEADERS}", "leave some out")
        return BROKEN
    if values[SEND] and values[METHOD] is not Method.POST:
        values.error(SEND, "D320", f"a {values[METHOD]} carries nothing", "method: POST")
        return BROKEN
    if values[BODY] and values[METHOD] is Method.HEAD:
        values.error(BODY, "D320", "the answer to a HEAD has no body to look into", "method: GET")
        return BROKEN
    one, many = (where, {}) if isinstance(where, str) else ("", where)
    named = tuple(sorted(headers.items()))
    return Request(one, many, str(values[METHOD]), named, values[SEND], values[EXPECTED], values[BODY])


REQUESTS = Field[tuple[Request, ...]](
    "requests",
    ListOf(
        Record[Request]("a synthetic request", (URL, METHOD, HEADERS, SEND, EXPECTED, BODY), _request),
        least=1,
        single=True,
    ),
    "What is sent, one after the other; each goes to both versions, marked `x-focus-synthetic: true`.",
    (),
)
PROBE = Field("probe", LINE, "Instead: the objective of this focus whose probe is sent.", "")
SENT = Field(
    "rate", RATE, "So many go to each version, 10/s at the most, and twice `below` at least.", required=True
)
BELOW = Field(
    "below", RATE, "While users send fewer than this to either version, such as 30/min.", required=True
)
TIMEOUT = Field(
    "timeout", DURATION, "No answer after so long is a bad one: 100ms to 10s. Default: 5s.", 5 * SECOND
)
AT_MOST = Field(
    "atMost", whole(1, 1_000_000), "So many to each version in one rollout. Default: 10000.", 10_000
)
PROMOTES = Field(
    "promotes", TRUTH, "Whether they may show by themselves that a version is safe. Default: false.", False
)


def _synthetic(values: Values) -> Synthetic | Broken | None:
    requests, probe = values[REQUESTS], values[PROBE]
    fits = _paced(values, values[SENT], values[BELOW])
    if bool(requests) == bool(probe):
        what = "synthetic requests are either `requests` or the `probe` of an objective"
        values.error(
            REQUESTS if requests else PROBE, "D320", what, "requests: {url: 'https://shop.example/pay'}"
        )
        fits = False
    if len(requests) > MOST_REQUESTS:
        what = f"{len(requests)} different requests; at most {MOST_REQUESTS}"
        values.error(REQUESTS, "D320", what, "each is a part of its own in the evidence")
        fits = False
    if not SHORTEST_TIMEOUT_MS <= values[TIMEOUT] <= LONGEST_TIMEOUT_MS:
        what = f"a timeout of {format_duration(values[TIMEOUT])} is not between 100ms and 10s"
        values.error(TIMEOUT, "D321", what, "such as 2s")
        fits = False
    made = Synthetic(
        values[SENT], values[BELOW], requests, probe, values[TIMEOUT], values[AT_MOST], values[PROMOTES]
    )
    return made if fits else BROKEN


def _paced(values: Values, rate: Rate, below: Rate) -> bool:
    if not 0 < rate.per_second <= FASTEST:
        what = f"{format_rate(rate)} to each version is not between 0 and {FASTEST}/s"
        values.error(SENT, "D321", what, "such as 2/s")
        return False
    if not 0 < 2 * below.per_second <= rate.per_second:
        what = f"taken for users' by mistake, {format_rate(rate)} could not be told from the {format_rate(below)} that are enough"
        values.error(
            BELOW, "D321", what, f"at most half of it: {float(rate.per_second * MINUTE / SECOND / 2):g}/min"
        )
        return False
    return True


SYNTHETIC = Field[Synthetic | None](
    "synthetic",
    Record[Synthetic | None](
        "synthetic requests", (REQUESTS, PROBE, SENT, BELOW, TIMEOUT, AT_MOST, PROMOTES), _synthetic
    ),
    "What the plane sends to both versions while users send too few.",
    None,
)
