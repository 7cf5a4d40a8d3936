"""Access logs of gateways, as nginx and Envoy write them, become counts of the focus that they belong to."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from tests.edge.otlp_world import Recorder, core, served

from focusplane.edge.access_log import access_log_routes
from focusplane.instrument.signal import Source
from focusplane.kernel.errors import DataError
from focusplane.wire.access_log import Naming, decode, naming_of, template
from focusplane.wire.clock import SystemClock

NOW_MS = SystemClock().now_ms()
ISO = datetime.fromtimestamp(NOW_MS / 1000, UTC).isoformat()
NGINX = {
    "time_iso8601": ISO,
    "request": "POST /checkout?basket=7 HTTP/1.1",
    "status": "503",
    "request_time": "0.250",
    "service": "payment",
    "hostname": "edge-1",
}
ENVOY = {
    "start_time": ISO.replace("+00:00", "Z"),
    "method": "POST",
    "path": "/refund/4711",
    "response_code": 200,
    "response_flags": "-",
    "duration": 12,
}


@pytest.fixture
def plane() -> Recorder:
    return Recorder()


@pytest.fixture
def url(plane: Recorder) -> Iterator[str]:
    with served(Starlette(routes=access_log_routes(core(plane, max_body=100_000)))) as address:
        yield f"{address}/ingest/access-log"


def post(url: str, *lines: object, kind: str = "application/x-ndjson", **more: str) -> httpx.Response:
    body = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    return httpx.post(url, params=more, content=gzip.compress(body.encode()), headers={
        "content-type": kind, "content-encoding": "gzip",
    })  # fmt: skip


def test_nginx_and_envoy_are_read_by_their_own_names(plane: Recorder, url: str) -> None:
    answer = post(url, NGINX, NGINX, ENVOY, service="payment", instance="edge-2", version="v2")
    assert (answer.status_code, answer.json()) == (200, {"lines": 3, "unreadable": 0, "rejected": {}})
    nginx, envoy = plane.signals
    assert (nginx.source, nginx.count, nginx.outcome.status) == (Source.EDGE, 2, 503)
    assert (nginx.reporter, nginx.slice.route) == ("payment/edge-1", "/checkout")
    assert sum(nginx.latencies.counts[: nginx.latencies.bounds_ms.index(300.0) + 1]) == 2
    assert (envoy.reporter, envoy.slice.route, envoy.slice.version) == (
        "payment/edge-2",
        "/refund/{id}",
        "v2",
    )
    assert {signal.focus for signal in plane.signals} == {"checkout"}


def test_a_log_without_durations_counts_and_does_not_time(plane: Recorder, url: str) -> None:
    post(url, {"ts": NOW_MS, "verb": "post", "route": "/checkout", "code": 200, "service": "payment"},
         **{"field.time": "ts", "field.method": "verb", "field.status": "code"})  # fmt: skip
    [signal] = plane.signals
    assert (signal.count, signal.latencies, signal.outcome.status) == (1, None, 200)


def test_what_cannot_be_read_is_said_line_by_line_and_the_rest_counts(plane: Recorder, url: str) -> None:
    bad = [{**NGINX, "time_iso8601": "yesterday"}, {**NGINX, "request_time": -1}, "[1]", "{"]
    answer = post(url, NGINX, *bad)
    assert answer.json() == {
        "lines": 5,
        "unreadable": 4,
        "rejected": {
            "duration is no number": 1,
            "no JSON object": 2,
            "time is not ISO 8601 or Unix time": 1,
        },
    }
    assert [signal.count for signal in plane.signals] == [1]
    assert plane.dropped["no JSON object"] == 2
    assert post(url, *bad).status_code == 400


def test_the_same_lines_again_are_the_same_batch(plane: Recorder, url: str) -> None:
    post(url, NGINX, ENVOY, service="payment")
    post(url, ENVOY, NGINX, service="payment")
    first, again = plane.batches
    assert first.key == again.key


def test_a_line_from_the_future_or_of_no_focus_is_said(plane: Recorder, url: str) -> None:
    late = datetime.fromtimestamp(SystemClock().now_ms() / 1000 + 3_600, UTC).isoformat()
    answer = post(url, {**NGINX, "time_iso8601": late}, {**NGINX, "service": "else"})
    assert answer.json()["rejected"] == {"clock ahead of ours by more than a minute": 1}
    assert plane.signals == []
    assert any("no boundary names service 'else'" in cause for cause in plane.dropped)


@pytest.mark.parametrize(
    ("kind", "query", "status"),
    [("text/html", {}, 415), ("text/plain", {"servcie": "payment"}, 400), ("text/plain", {}, 200)],
)
def test_a_parameter_that_means_nothing_is_refused(
    url: str, kind: str, query: dict[str, str], status: int
) -> None:
    assert post(url, NGINX, kind=kind, **query).status_code == status


def test_a_full_plane_answers_429(plane: Recorder, url: str) -> None:
    plane.full = True
    answer = post(url, NGINX)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")


def test_a_path_becomes_a_route_by_what_names_one_thing_of_many() -> None:
    one = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
    assert template(f"/orders/4711/items/{one}?x=1") == "/orders/{id}/items/{id}"
    assert template("/v2/orders/new") == "/v2/orders/new"


@given(st.lists(st.one_of(st.binary(max_size=60), st.dictionaries(
    st.sampled_from(["time", "status", "duration", "path", "service", "request_time"]),
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.lists(st.integers())),
).map(lambda said: json.dumps(said).encode())), max_size=6))  # fmt: skip
def test_no_line_raises_anything_but_a_data_error(lines: list[bytes]) -> None:
    try:
        log = decode(b"\n".join(lines), Naming())
    except DataError:
        return
    counted = sum(len(group.durations_ns) for group in log.spans.groups)
    assert counted + sum(log.spans.rejected.values()) == log.lines


def test_parameters_are_named_when_one_is_wrong() -> None:
    with pytest.raises(DataError) as caught:
        naming_of({"field.nothing": "x"})
    assert "field.status" in caught.value.hint


def test_a_copy_by_the_gateway_before_it_is_no_users_request(plane: Recorder, url: str) -> None:
    copies = [{**ENVOY, "authority": "payment-shadow:8080"}, {**NGINX, "http_host": "payment-shadow"}]
    post(url, {**ENVOY, "authority": "payment:8080"}, *copies, service="payment")
    assert sorted((signal.outcome.mirror, signal.count) for signal in plane.signals) == [
        ("", 1),
        ("foreign", 1),
        ("foreign", 1),
    ]
