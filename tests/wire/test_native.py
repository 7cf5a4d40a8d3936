"""Native histograms of Prometheus: integers and floats, gaps, bounds of their own, and what cannot be."""

import contextlib
import math
import struct
from collections.abc import Iterator
from typing import Any

import cramjam
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from tests.edge.otlp_world import Recorder, core, served
from tests.edge.test_remote_write import LABELS, NOW_MS, V1, V2

from focusplane.edge.remote_write import remote_write_routes
from focusplane.instrument.cumulative import Rows, Seen, difference
from focusplane.instrument.point import Explicit, Exponential
from focusplane.instrument.scrape import BESIDE
from focusplane.kernel.errors import DataError
from focusplane.wire import codec
from focusplane.wire.native import STALE, Native, decode
from focusplane.wire.otlp_points import Refused
from focusplane.wire.otlp_schema import message

NAME = "http_server_request_duration_seconds"
[STALE_NAN] = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))


def made(buckets: dict[int, int], floats: bool = False, **more: Any) -> bytes:
    """The bytes of a histogram with these counts, in spans as a client writes them."""
    said: dict[str, Any] = {"schema": 2, "zero_threshold": 0.001, "timestamp": NOW_MS, **more}
    zeros = said.pop("zeros", 0)
    histogram = message("NativeHistogram")(**said)
    total = sum(buckets.values()) + zeros
    histogram.count_float.append(total) if floats else histogram.count_int.append(total)
    histogram.zero_count_float.append(zeros) if floats else histogram.zero_count_int.append(zeros)
    end = None
    before = 0
    for index in sorted(buckets):
        if index == end:
            histogram.positive_spans[-1].length += 1
        else:
            histogram.positive_spans.add(offset=index - (end or 0), length=1)
        if floats:
            histogram.positive_counts.append(buckets[index])
        else:
            histogram.positive_deltas.append(buckets[index] - before)
        end, before = index + 1, buckets[index]
    return bytes(histogram.SerializeToString())


def value_of(raw: bytes) -> Any:
    found = decode(raw)
    assert isinstance(found, Native), found
    return found.value


@given(
    st.dictionaries(st.integers(-60, 60), st.integers(0, 10**6), min_size=1),
    st.integers(0, 9),
    st.booleans(),
)
def test_every_bucket_is_where_prometheus_put_it(buckets: dict[int, int], zeros: int, floats: bool) -> None:
    value = value_of(made(buckets, floats, zeros=zeros))
    assert (value.scale, value.zeros, value.threshold) == (2, zeros, 0.001)
    found = {value.offset + 1 + place: count for place, count in enumerate(value.counts) if count}
    assert found == {index: count for index, count in buckets.items() if count}


def test_a_histogram_with_bounds_of_its_own_is_an_explicit_one() -> None:
    raw = made({0: 3, 2: 1, 3: 2}, schema=-53, custom_values=[0.1, 0.3, 1.0], zero_threshold=0.0)
    assert value_of(raw) == Explicit((0.1, 0.3, 1.0), (3, 0, 1, 2))


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (made({1: 2}, schema=9), "schema 9"),
        (made({1: 2}, reset_hint=3), "gauge"),
        (made({1: 2}, negative_deltas=[1]), "negative durations"),
        (made({1: 2}, positive_deltas=[7]), "do not fit"),
        (made({1: -2}, zeros=5), "negative or too large"),
        (made({1: 0.5}, floats=True), "not a whole number"),  # type: ignore[dict-item]
        (
            made({1: 2}, count_int=[9]) + message("NativeHistogram")(count_int=[7]).SerializeToString(),
            "sum up",
        ),
        (made({1: 1, 9_000: 1}), "more than"),
        (made({1: 1}, zero_threshold=math.inf), "zero threshold"),
        (made({5: 1}, schema=-53, custom_values=[1.0], zero_threshold=0.0), "do not fit"),
    ],
)
def test_what_contradicts_itself_is_refused_with_its_reason(raw: bytes, why: str) -> None:
    found = decode(raw)
    assert isinstance(found, Refused)
    assert why in found.why


def test_spans_of_billions_cost_nothing_and_the_end_of_a_series_is_no_mistake() -> None:
    huge = message("NativeHistogram")(count_int=[1], positive_deltas=[1])
    huge.positive_spans.add(offset=0, length=2**32 - 1)
    assert isinstance(decode(huge.SerializeToString()), Refused)
    assert decode(message("NativeHistogram")(sum=STALE_NAN, timestamp=NOW_MS).SerializeToString()) is STALE


@given(st.binary(max_size=80))
def test_damaged_histograms_raise_nothing_but_data_errors(noise: bytes) -> None:
    with contextlib.suppress(DataError):
        decode(noise)


def test_a_threshold_that_grew_is_no_reset() -> None:
    """A client with too many buckets makes more of them part of the zeros: nothing was forgotten, nothing counts twice."""
    old = Exponential(0, 1, -4, (3, 2, 5), 2.0**-5)  # buckets end at 1/8, 1/4, 1/2
    new = Exponential(0, 7, -2, (6,), 2.0**-2)
    assert difference(old, new) == Exponential(0, 1, -2, (1,), 2.0**-2)
    assert difference(new, Exponential(0, 0, -4, (1,), 2.0**-5)) == Exponential(0, 0, -4, (1,), 2.0**-5)


def test_last_points_keep_the_threshold_and_those_of_before_are_read() -> None:
    rows: Rows = (
        (b"a", Seen(1, 2, Exponential(3, 1, -4, (2, 3), 0.001))),
        (b"b", Seen(1, 2, Exponential(3, 1, -4, (2, 3)))),
        (b"c", Seen(1, 2, Explicit((0.1,), (2, 3)))),
    )
    assert codec.decode(codec.encode(rows, Rows), Rows) == rows  # type: ignore[type-var]


@pytest.fixture
def plane() -> Recorder:
    return Recorder()


@pytest.fixture
def url(plane: Recorder) -> Iterator[str]:
    with served(Starlette(routes=remote_write_routes(core(plane)))) as address:
        yield f"{address}/api/v1/write"


def body(kind: str, *series: tuple[dict[str, str], list[tuple[float, int]], list[bytes]]) -> bytes:
    request = message("WriteRequestV2" if kind == V2 else "WriteRequest")()
    symbols = [""]
    for labels, samples, histograms in series:
        one = request.timeseries.add()
        for name, value in labels.items():
            if kind == V2:
                symbols += [name, value]
                one.labels_refs.extend((len(symbols) - 2, len(symbols) - 1))
            else:
                one.labels.append(
                    message("Label")(name=name.encode(), value=value.encode()).SerializeToString()
                )
        for value, at in samples:
            one.samples.add(value=value, timestamp=at)
        one.histograms.extend(histograms)
    if kind == V2:
        request.symbols.extend(word.encode() for word in symbols)
    return bytes(request.SerializeToString())


def write(url: str, kind: str, sent: bytes) -> None:
    packed = bytes(cramjam.snappy.compress_raw(sent))
    answer = httpx.post(url, content=packed, headers={"content-type": kind, "content-encoding": "snappy"})
    assert answer.status_code == 204, answer.text


@pytest.mark.parametrize("kind", [V1, V2])
@pytest.mark.parametrize("floats", [False, True])
def test_growth_and_resets_of_a_native_histogram_are_counted(
    plane: Recorder, url: str, kind: str, floats: bool
) -> None:
    labels = {**LABELS, "__name__": NAME}
    for at, buckets in enumerate(({-8: 5}, {-8: 7, -3: 1}, {-8: 2})):
        raw = made(buckets, floats, timestamp=NOW_MS + 1_000 * at)
        write(url, kind, body(kind, (labels, [], [raw])))
    assert [signal.count for signal in plane.signals if signal.count] == [3, 2]


@pytest.mark.parametrize("kind", [V1, V2])
def test_trap_28_classic_and_native_buckets_of_the_same_requests_count_once(
    plane: Recorder, url: str, kind: str
) -> None:
    """`_count` and `_bucket` summed into one series doubled Pyrra's denominators until its PR 1858. Here a histogram is one
    thing: its native form counts, classic buckets beside it are said, in either order and in requests of their own.
    """
    native, classic = {**LABELS, "__name__": NAME}, {**LABELS, "__name__": f"{NAME}_bucket"}
    for turn in range(5):
        at = NOW_MS + 1_000 * turn
        counts = (
            (native, [], [made({-8: 5 + 2 * turn}, timestamp=at)]),
            ({**classic, "le": "0.3"}, [(5.0 + 2 * turn, at)], []),
            ({**classic, "le": "+Inf"}, [(5.0 + 2 * turn, at)], []),
            ({**native, "__name__": f"{NAME}_count"}, [(5.0 + 2 * turn, at)], []),
        )
        for one in counts if turn % 2 else reversed(counts):
            write(url, kind, body(kind, one))
    assert sum(signal.count for signal in plane.signals) == 8
    assert plane.dropped[BESIDE] > 0
