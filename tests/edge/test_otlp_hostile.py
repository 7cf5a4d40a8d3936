"""What the internet sends: contradictions, wrong clocks, endless names and a million tenants; each is said by its cause."""

import asyncio
import json
import math
from typing import Any

import pytest
from tests.edge.otlp_world import Recorder, core

from focusplane.edge.otlp_intake import OtlpIntake, Taken, TooMuchError
from focusplane.instrument.cumulative import BACKWARDS, BASELINE
from focusplane.instrument.recognise import Recogniser
from focusplane.kernel.errors import DataError
from focusplane.wire import density, otlp_attributes
from focusplane.wire.clock import SystemClock
from focusplane.wire.density import TooDenseError
from focusplane.wire.otlp_answer import Encoding, Telemetry
from focusplane.wire.otlp_attributes import Interner
from focusplane.wire.otlp_schema import message

S = 10**9
HOUR = 3_600 * S
DELTA, CUMULATIVE = 1, 2
TAGS = {"focus.id": "checkout"}


@pytest.fixture
def plane() -> Recorder:
    return Recorder()


@pytest.fixture
def door(plane: Recorder) -> OtlpIntake:
    return core(plane)


def said(attributes: dict[str, str]) -> list[dict[str, object]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]


def metric(name: str, kind: str, temporality: int, *points: dict[str, object], **more: object) -> bytes:
    shown = [{"attributes": said(TAGS), **point} for point in points]
    value = {"dataPoints": shown, "aggregationTemporality": temporality, "isMonotonic": True, **more}
    whole = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": name, "unit": "s", kind: value}]}]}]}
    return json.dumps(whole).encode()


def counter(temporality: int, start: int, end: int, count: object, **attributes: str) -> bytes:
    point: dict[str, object] = {"startTimeUnixNano": str(start), "timeUnixNano": str(end), "asInt": count}
    if attributes:
        point["attributes"] = said({**TAGS, **attributes})
    return metric("focus.requests", "sum", temporality, point)


def take(door: OtlpIntake, body: bytes, kind: Telemetry = Telemetry.METRICS) -> Taken:
    encoding = Encoding.JSON if body[:1] == b"{" else Encoding.PROTOBUF
    return asyncio.run(door.take(kind, encoding, body))


def now() -> int:
    return SystemClock().now_ns()


def counts(plane: Recorder) -> list[int]:
    return [signal.count for signal in plane.signals if signal.count]


HISTOGRAMS: dict[str, tuple[dict[str, Any], str]] = {
    "count and buckets differ": ({"count": "5", "bucketCounts": ["1", "1"], "explicitBounds": [1]}, "sum up"),
    "bounds fall": ({"count": "3", "bucketCounts": ["1", "1", "1"], "explicitBounds": [2, 1]}, "do not grow"),
    "a bound twice": (
        {"count": "3", "bucketCounts": ["1", "1", "1"], "explicitBounds": [1, 1]},
        "do not grow",
    ),
    "a bound is endless": ({"count": "2", "bucketCounts": ["1", "1"], "explicitBounds": [1e999]}, "no OTLP"),
    "too few bounds": ({"count": "3", "bucketCounts": ["1", "1", "1"], "explicitBounds": [1]}, "do not fit"),
    "less than nothing": ({"count": "0", "bucketCounts": ["1", "-1"], "explicitBounds": [1]}, "negative"),
    "more than can be": ({"count": str(2**64), "bucketCounts": [], "explicitBounds": []}, "too large"),
    "too many buckets": (
        {"count": "5000", "bucketCounts": ["1"] * 5_000, "explicitBounds": list(range(4_999))},
        "more than 4096",
    ),
}


@pytest.mark.parametrize("name", HISTOGRAMS)
def test_a_histogram_that_contradicts_itself_is_rejected_with_its_reason(
    plane: Recorder, door: OtlpIntake, name: str
) -> None:
    point, why = HISTOGRAMS[name]
    timed = {"startTimeUnixNano": str(now() - S), "timeUnixNano": str(now()), **point}
    body = metric("http.server.request.duration", "histogram", DELTA, timed)
    try:
        [reason] = take(door, body).rejected
    except DataError as error:
        reason = error.what
    assert why in reason
    assert plane.signals == []


def test_bounds_that_are_not_numbers_are_rejected_in_protobuf_too(plane: Recorder, door: OtlpIntake) -> None:
    for bounds in ([math.nan], [math.inf], [-math.inf, math.inf]):
        request = message("Metrics")()
        one = (
            request.resource_metrics.add()
            .scope_metrics.add()
            .metrics.add(name=b"http.server.request.duration")
        )
        histogram = one.histogram.add(aggregation_temporality=DELTA)
        histogram.data_points.add(
            time_unix_nano=now(),
            count=len(bounds) + 1,
            bucket_counts=[1] * (len(bounds) + 1),
            explicit_bounds=bounds,
        )
        assert list(take(door, request.SerializeToString()).rejected) == [
            "http.server.request.duration: bounds do not grow"
        ]
    assert plane.signals == []


@pytest.mark.parametrize(("ahead", "taken"), [(30 * S, [1]), (90 * S, []), (HOUR, []), (24 * 365 * HOUR, [])])
def test_a_clock_may_run_ahead_by_a_minute_at_the_most(
    plane: Recorder, door: OtlpIntake, ahead: int, taken: list[int]
) -> None:
    answer = take(door, counter(DELTA, now() + ahead - S, now() + ahead, 1))
    assert counts(plane) == taken
    assert bool(answer.rejected) is (not taken)


@pytest.mark.parametrize("behind", [90 * S, HOUR, 24 * 365 * HOUR])
def test_what_is_late_is_handed_on_with_its_own_time_so_that_the_windows_decide(
    plane: Recorder, door: OtlpIntake, behind: int
) -> None:
    at = now() - behind
    take(door, counter(DELTA, at - S, at, 1))
    assert [signal.end for signal in plane.signals] == [at // 10**6]


def test_cumulative_points_count_once_through_repeats_disorder_resets_and_restarts(
    plane: Recorder, door: OtlpIntake
) -> None:
    t = now() + 1 * S  # began after we watched
    steps = [
        (t, t + 2 * S, 10, [10]),  # the first point of a series that began while we watched
        (t, t + 3 * S, 15, [5]),
        (t, t + 3 * S, 15, []),  # the same again
        (t, t + 2 * S, 12, []),  # an older one
        (t, t + 4 * S, 4, [4]),  # fell without a new start: a reset
        (t + 5 * S, t + 6 * S, 3, [3]),  # restarted
        (t, t + 7 * S, 99, []),  # the old process speaks again
    ]
    for start, end, count, counted in steps:
        before = len(counts(plane))
        take(door, counter(CUMULATIVE, start, end, count))
        assert counts(plane)[before:] == counted, (end - t, count)
    assert plane.dropped == {BACKWARDS: 99}


def test_a_first_point_that_began_before_we_watched_is_a_baseline(plane: Recorder, door: OtlpIntake) -> None:
    t = now()
    take(door, counter(CUMULATIVE, t - HOUR, t, 1_000))
    take(door, counter(CUMULATIVE, t - HOUR, t + S, 1_007))
    assert counts(plane) == [7]
    assert plane.dropped == {BASELINE: 1_000}


def test_endless_names_are_cut_and_endless_lists_are_read_in_part(plane: Recorder, door: OtlpIntake) -> None:
    many = {f"k{number}": "x" for number in range(2_000)}
    t = now()
    take(door, counter(DELTA, t - S, t, 1, **{"tenant.id": "€" * 100_000}, **many))
    request = message("Traces")()
    span = request.resource_spans.add().scope_spans.add().spans.add(kind=2, end_time_unix_nano=t)
    pair = message("KeyValue")
    for key, value in (("focus.id", "checkout"), ("tenant.id", "€" * 100_000), *many.items()):
        one = pair(key=key.encode())
        one.value.string_value.append(value.encode())
        span.attributes.append(one.SerializeToString())
    take(door, request.SerializeToString(), Telemetry.TRACES)
    assert [len(signal.slice.tenant) for signal in plane.signals] == [otlp_attributes.MAX_TEXT] * 2


def test_a_cache_forgets_by_bytes_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp_attributes, "CACHE_BYTES", 10_000)
    monkeypatch.setattr(otlp_attributes, "_RESOURCE_BYTES", 10_000)
    interner, pair, resource = Interner(), message("KeyValue"), message("Resource")
    for number in range(500):
        one = pair(key=b"tenant.id")
        one.value.string_value.append(f"{number}".encode() * 100)
        raw = one.SerializeToString()
        assert (
            interner.wanted([raw]).attributes["tenant.id"] == (f"{number}" * 100)[: otlp_attributes.MAX_TEXT]
        )
        whole = resource(attributes=[raw]).SerializeToString()
        assert "tenant.id" in interner.resource(whole).attributes
        assert sum(map(len, interner._numbers)) <= 11_000
        assert sum(map(len, interner._resources)) <= 11_000


def test_what_a_recogniser_remembers_is_bounded_by_its_text(
    plane: Recorder, door: OtlpIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("focusplane.instrument.recognise.MOST_TEXT", 5_000)
    t = now()
    for number in range(100):
        take(door, counter(DELTA, t - S, t, 1, **{"tenant.id": f"{number}" * 100}))
    [recogniser] = door._recognisers.values()
    assert isinstance(recogniser, Recogniser)
    assert len(recogniser._known) < 30
    assert len(counts(plane)) == 100


@pytest.mark.parametrize("kind", list(Telemetry))
def test_a_request_of_empty_parts_is_refused_before_it_is_decoded(
    plane: Recorder, door: OtlpIntake, kind: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(density, "SMALL", 1_000)
    monkeypatch.setattr(density, "MOST_PARTS", 1_000)
    monkeypatch.setattr(density, "MOST_OBJECTS", 1_000)
    outer = {
        Telemetry.METRICS: "resourceMetrics",
        Telemetry.TRACES: "resourceSpans",
        Telemetry.LOGS: "resourceLogs",
    }
    for body in (b"\x0a\x00" * 1_001, f'{{"{outer[kind]}": [{"{}," * 1_001}{{}}]}}'.encode()):
        with pytest.raises(TooDenseError):
            take(door, body, kind)
    inside = b"\x12\x00" * 1_001
    scope = b"\x12" + bytes([len(inside) % 128 | 128, len(inside) // 128]) + inside
    with pytest.raises(TooDenseError):
        take(door, b"\x0a" + bytes([len(scope) % 128 | 128, len(scope) // 128]) + scope, kind)
    assert plane.batches == []


def test_a_request_that_says_more_than_can_wait_is_refused_for_good(plane: Recorder) -> None:
    door = core(plane, max_signals=10)
    t = now()
    point = {"startTimeUnixNano": str(t - S), "timeUnixNano": str(t), "asInt": 1}
    body = metric(
        "focus.requests",
        "sum",
        DELTA,
        *[{**point, "attributes": said({**TAGS, "tenant.id": f"{n}"})} for n in range(11)],
    )
    with pytest.raises(TooMuchError):
        take(door, body)
    assert plane.batches == []
