"""The remote-write door: both versions by their content type, and the answers that Prometheus keeps or throws data away for."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

import cramjam
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from tests.edge.otlp_world import Recorder, core, served

from focusplane.edge.remote_write import remote_write_routes
from focusplane.kernel.errors import DataError
from focusplane.wire.clock import SystemClock
from focusplane.wire.otlp_schema import message
from focusplane.wire.remote_write import RemoteWriteReader, Version, unsnap

V1 = "application/x-protobuf"
V2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
LABELS = {
    "__name__": "http_requests_total",
    "instance": "10.0.0.1:80",
    "job": "payment",
    "method": "POST",
    "route": "/checkout",
    "status": "200",
}
NOW_MS = SystemClock().now_ms()
[STALE] = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))
Row = tuple[Mapping[str, str], Sequence[tuple[float, int]]]


def first(*rows: Row) -> bytes:
    request = message("WriteRequest")()
    label = message("Label")
    for labels, samples in rows:
        series = request.timeseries.add()
        for name, value in labels.items():
            series.labels.append(label(name=name.encode(), value=value.encode()).SerializeToString())
        for value, at in samples:
            series.samples.add(value=value, timestamp=at)
    return bytes(request.SerializeToString())


def second(*rows: Row, start: int = 0, histograms: int = 0) -> bytes:
    request = message("WriteRequestV2")()
    symbols = [""]
    for labels, samples in rows:
        series = request.timeseries.add()
        for word in (word for pair in labels.items() for word in pair):
            if word not in symbols:
                symbols.append(word)
            series.labels_refs.append(symbols.index(word))
        for value, at in samples:
            series.samples.add(value=value, timestamp=at, start_timestamp=start)
        series.histograms.extend([b""] * histograms)
    request.symbols.extend(word.encode() for word in symbols)
    return bytes(request.SerializeToString())


@pytest.fixture
def plane() -> Recorder:
    return Recorder()


@pytest.fixture
def url(plane: Recorder) -> Iterator[str]:
    app = Starlette(routes=remote_write_routes(core(plane, max_body=100_000)))
    with served(app) as address:
        yield f"{address}/api/v1/write"


def write(url: str, body: bytes, kind: str = V1, coding: str = "snappy") -> httpx.Response:
    packed = bytes(cramjam.snappy.compress_raw(body))
    return httpx.post(url, content=packed, headers={"content-type": kind, "content-encoding": coding})


@pytest.mark.parametrize(
    ("kind", "made"), [(V1, first), (V2, second), (f"{V1};proto=prometheus.WriteRequest", first)]
)
def test_both_versions_count_the_same(plane: Recorder, url: str, kind: str, made: object) -> None:
    assert callable(made)
    for value, at in ((10.0, NOW_MS), (17.0, NOW_MS + 1_000)):
        assert write(url, made((LABELS, [(value, at)])), kind).status_code == 204
    [signal] = [signal for signal in plane.signals if signal.count]
    assert (signal.focus, signal.count, signal.outcome.status) == ("checkout", 7, 200)
    assert (signal.reporter, signal.slice.route) == ("payment/10.0.0.1:80", "/checkout")


def test_version_2_says_what_was_written_and_a_start_makes_a_first_sample_count(
    plane: Recorder, url: str
) -> None:
    other = {**LABELS, "__name__": "go_goroutines"}
    began = SystemClock().now_ms() + 10_000  # after the plane began to watch
    body = second((LABELS, [(5.0, began + 1_000)]), (other, [(1.5, began)]), start=began, histograms=1)
    answer = write(url, body, V2)
    assert answer.status_code == 204
    written = {
        name.rpartition("write-")[2]: value for name, value in answer.headers.items() if "written" in name
    }
    assert written == {"samples-written": "2", "histograms-written": "2", "exemplars-written": "0"}
    assert [signal.count for signal in plane.signals] == [5]
    assert plane.dropped["series is not read"] == 1
    assert plane.dropped["native histogram is not read"] == 2


def test_a_sample_that_cannot_be_is_400_and_the_others_are_taken(plane: Recorder, url: str) -> None:
    bad = {**LABELS, "status": "500"}
    rows: list[Row] = [(LABELS, [(1.0, NOW_MS), (4.0, NOW_MS + 1)]), (bad, [(-1.0, NOW_MS), (0.5, NOW_MS)])]
    answer = write(url, second(*rows), V2)
    assert answer.status_code == 400
    assert "negative or too large" in answer.text
    assert "not a whole number" in answer.text
    assert answer.headers["x-prometheus-remote-write-samples-written"] == "2"
    assert sum(signal.count for signal in plane.signals) == 3


def test_the_end_of_a_series_is_no_mistake(plane: Recorder, url: str) -> None:
    assert write(url, first((LABELS, [(STALE, NOW_MS)]))).status_code == 204
    assert plane.dropped == {"no recorded value": 1}


@pytest.mark.parametrize(
    ("kind", "coding", "status"),
    [
        ("application/json", "snappy", 415),
        (f"{V1};proto=io.prometheus.write.v3.Request", "snappy", 415),
        (V1, "gzip", 415),
        (V1, "identity", 415),
        (V2, "snappy", 400),
    ],
)
def test_what_is_not_known_is_refused_and_counted(
    plane: Recorder, url: str, kind: str, coding: str, status: int
) -> None:
    assert write(url, first((LABELS, [(1.0, NOW_MS)])), kind, coding).status_code == status
    assert plane.batches == []
    assert sum(plane.turned_away.values()) == 1


def test_a_full_plane_answers_503_because_prometheus_throws_away_what_got_429(
    plane: Recorder, url: str
) -> None:
    write(url, first((LABELS, [(1.0, NOW_MS)])))
    plane.full = True
    body = first((LABELS, [(9.0, NOW_MS + 1_000)]))
    refused = write(url, body)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
    plane.full = False
    for _ in range(2):  # the second is what a sender repeats that did not see the answer
        assert write(url, body).status_code == 204
    assert sum(signal.count for signal in plane.signals) == 8


def test_both_servers_of_a_pair_tell_of_one_series(plane: Recorder, url: str) -> None:
    for turn in range(3):
        for replica in ("a", "b"):
            at = NOW_MS + turn * 1_000 + (replica == "b") * 300
            labels = {**LABELS, "prometheus_replica": replica}
            write(url, first((labels, [(10.0 * turn + 1, at)])))
    assert sum(signal.count for signal in plane.signals) == 20


def test_a_small_block_that_says_it_is_huge_is_413_before_it_grows(plane: Recorder, url: str) -> None:
    bomb = bytes(cramjam.snappy.compress_raw(b"\x00" * 200_000))
    answer = httpx.post(url, content=bomb, headers={"content-type": V1, "content-encoding": "snappy"})
    assert (len(bomb) < 20_000, answer.status_code) == (True, 413)
    assert (
        httpx.post(
            url, content=b"\xff" * 9, headers={"content-type": V1, "content-encoding": "snappy"}
        ).status_code
        == 400
    )


@given(st.sampled_from(Version), st.binary(max_size=300), st.integers(0, 300))
def test_damaged_bytes_raise_nothing_but_data_errors(version: Version, noise: bytes, cut: int) -> None:
    whole = (first if version is Version.V1 else second)((LABELS, [(1.0, NOW_MS)]))
    for body in (noise, whole[:cut] + noise, whole[: len(whole) - cut]):
        with suppress(DataError):
            unsnap(body, 1_000)
        with suppress(DataError):
            RemoteWriteReader().read(version, body)
