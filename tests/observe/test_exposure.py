"""Which variant of a flag requests had, counted out of real OTLP bytes: once each, within bounds, and kept over a restart."""

import json
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from focusplane.define.controls import Controls, Flag
from focusplane.define.focus import Focus
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.define.slo import Objective, Rolling
from focusplane.instrument.cumulative import Cumulative
from focusplane.instrument.gather import Gathered, Judges, gather_points, gather_spans
from focusplane.instrument.precedence import Precedence
from focusplane.instrument.recognise import Recogniser
from focusplane.instrument.signal import Exposed, Outcome, Signal, Slice, Source
from focusplane.instrument.tagging import Index
from focusplane.kernel.tick import DAY, HOUR, MINUTE, SECOND
from focusplane.observe.counters import Counters
from focusplane.observe.flag_table import MOST_VARIANTS
from focusplane.observe.flag_tables import MOST_UNDECLARED
from focusplane.observe.reading import Measured, NoData
from focusplane.wire import codec, otlp_metrics, otlp_traces
from focusplane.wire.otlp_attributes import Interner

AT = 1_700_000_000_000 // MINUTE * MINUTE
NS = 1_000_000
FAILURES = Sli(SliKind.EVENTS, Match(status=("5xx",)), Match())
CART = Flag("new-cart", {"on": True, "off": False}, "on", "off", "crew")
SHOP = Focus(
    "shop",
    "crew",
    "digest",
    controls=Controls(flags={"new-cart": CART}),
    objectives=(Objective("up", Fraction(99, 100), Rolling(30 * DAY), FAILURES, ()),),
)
OTHER = replace(SHOP, name="pay", controls=Controls())
INDEX = Index({"shop": SHOP, "pay": OTHER}, "production")


def say(target: Any, said: Mapping[str, str | int]) -> None:
    for key, value in said.items():
        item = target.add(key=key)
        if isinstance(value, int):
            item.value.int_value = value
        else:
            item.value.string_value = value


def counters() -> Counters:
    found = Counters()
    found.declare(SHOP)
    found.declare(OTHER)
    return found


class Metrics:
    """A metrics request as an SDK sends it each second."""

    def __init__(self, at: int = AT, instance: str = "i-1") -> None:
        self._at = at
        self.request = ExportMetricsServiceRequest()
        group = self.request.resource_metrics.add()
        say(group.resource.attributes, {"service.name": "web", "service.instance.id": instance})
        self._scope = group.scope_metrics.add()

    def add(self, metric: str, count: int, slow: int = 0, **said: str | int) -> "Metrics":
        one = self._scope.metrics.add(name=metric, unit="s")
        one.histogram.aggregation_temporality = 1
        point = one.histogram.data_points.add(
            count=count + slow,
            bucket_counts=[count, slow],
            explicit_bounds=[0.1],
            start_time_unix_nano=(self._at - SECOND) * NS,
            time_unix_nano=self._at * NS,
        )
        say(point.attributes, {"focus.id": "shop"})
        say(point.attributes, {key.replace("__", "."): value for key, value in said.items()})
        return self

    def requests(self, count: int, status: int = 200) -> "Metrics":
        return self.add("focus.duration", count, http__route="/cart", http__response__status_code=status)

    def variant(self, variant: str, count: int, status: int = 200, **more: str | int) -> "Metrics":
        named: dict[str, str | int] = {
            "feature_flag__key": "new-cart",
            "feature_flag__result__variant": variant,
            "feature_flag__version": "7",
            "http__route": "/cart",
            "http__response__status_code": status,
        }
        return self.add("focus.variant.duration", count, **{**named, **more})

    def gathered(self) -> Gathered:
        found = otlp_metrics.decode_protobuf(self.request.SerializeToString(), Interner())
        judges = Judges(Recogniser(INDEX), Cumulative(0).begin(), Precedence())
        return gather_points(found, judges, self._at)


def take(into: Counters, found: Gathered, at: int = AT) -> list[str]:
    """Counts as a turn does, from what the journal keeps of it; why not."""
    signals = codec.decode(codec.encode(found.signals, tuple[Signal, ...]), tuple[Signal, ...])
    assert signals == found.signals
    why = [into.add(signal, at).why for signal in signals]
    into.settle(at)
    return [one for one in why if one]


def span(
    request: ExportTraceServiceRequest,
    number: int,
    said: Mapping[str, str | int],
    kind: int = 2,
    parent: int = 0,
    events: tuple[tuple[str, Mapping[str, str | int]], ...] = (),
) -> None:
    if not request.resource_spans:
        group = request.resource_spans.add()
        say(group.resource.attributes, {"service.name": "web", "service.instance.id": "i-1"})
        group.scope_spans.add()
    one = (
        request.resource_spans[0]
        .scope_spans[0]
        .spans.add(
            trace_id=b"t" * 16,
            span_id=number.to_bytes(8, "big"),
            parent_span_id=parent.to_bytes(8, "big") if parent else b"",
            name="it",
            kind=kind,
            start_time_unix_nano=(AT - 900) * NS,
            end_time_unix_nano=(AT - 500) * NS,
        )
    )
    say(one.attributes, said)
    for name, attributes in events:
        event = one.events.add(name=name, time_unix_nano=AT * NS)
        say(event.attributes, attributes)


def in_json(request: ExportTraceServiceRequest) -> bytes:
    from google.protobuf.json_format import MessageToDict

    plain = MessageToDict(request, use_integers_for_enums=True)
    spans = plain["resourceSpans"][0]["scopeSpans"][0]["spans"]
    for one, original in zip(spans, request.resource_spans[0].scope_spans[0].spans, strict=True):
        one["traceId"], one["spanId"] = original.trace_id.hex(), original.span_id.hex()
        one["parentSpanId"] = original.parent_span_id.hex()
    return json.dumps(plain).encode()


SERVED = {"focus.id": "shop", "http.route": "/cart", "http.response.status_code": 200}


def test_the_metric_of_the_sdk_says_variants_beside_requests_that_are_counted_once() -> None:
    told = Metrics().requests(90).requests(4, 503).variant("on", 40).variant("off", 50).variant("on", 4, 503)
    into = counters()
    assert take(into, told.gathered()) == []
    reading = into.over("shop", "up", MINUTE, AT)
    assert isinstance(reading, Measured)
    assert (reading.good, reading.total) == (90, 94)
    (bucket,) = into.flag_arms("shop", "new-cart", ("on", "off"), AT - SECOND, AT)
    assert [
        (pair.stratum, pair.canary_total, pair.canary_bad, pair.baseline_total) for pair in bucket.pairs
    ] == [("/cart", 44, 4, 50)]
    assert bucket.canary is not None
    assert sum(bucket.canary.counts) == 44
    assert into.exposed("shop", "new-cart", AT - HOUR, AT) == {
        "on": Measured(40, 44),
        "off": Measured(50, 50),
    }
    assert into.revisions("shop", "new-cart", AT - HOUR, AT)["on", "7"] == Measured(40, 44)
    assert into.served("shop", "new-cart") == {"off": (AT, AT), "on": (AT, AT)}
    assert into.flag_mark("shop", "new-cart") == AT


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize(
    "said",
    [
        {"feature_flag.key": "new-cart", "feature_flag.result.variant": "on", "feature_flag.version": "3"},
        {"feature_flag.key": "new-cart", "feature_flag.variant": "on", "feature_flag.provider_name": "flagd"},
        {
            "feature_flag.key": "new-cart",
            "feature_flag.result.variant": "on",
            "feature_flag.result.reason": "split",
            "feature_flag.provider.name": "flagd",
            "feature_flag.set.id": "flags-of-production",
        },
    ],
)
@pytest.mark.parametrize("place", ["span", "feature_flag.evaluation", "feature_flag", "below"])
def test_a_span_says_its_variant_in_every_spelling_and_place(
    said: dict[str, str | int], place: str, text: bool
) -> None:
    request = ExportTraceServiceRequest()
    if place == "span":
        span(request, 1, SERVED | said)
    elif place == "below":
        span(request, 1, SERVED)
        span(request, 2, {}, kind=1, parent=1)
        span(request, 3, {}, kind=1, parent=2, events=(("feature_flag.evaluation", said),))
    else:
        span(
            request, 1, SERVED, events=((place, said), (place, said), ("exception", {"exception.type": "E"}))
        )
    span(request, 9, SERVED)
    into = counters()
    found = (
        otlp_traces.decode_json(in_json(request))
        if text
        else otlp_traces.decode_protobuf(request.SerializeToString(), Interner())
    )
    assert take(into, gather_spans(found, Recogniser(INDEX), AT)) == []
    assert into.exposed("shop", "new-cart", AT - HOUR, AT) == {"on": Measured(1, 1)}
    reading = into.over("shop", "up", MINUTE, AT)
    assert isinstance(reading, Measured)
    assert reading.total == 2


def test_an_evaluation_that_failed_served_no_variant() -> None:
    request = ExportTraceServiceRequest()
    failed = {"feature_flag.key": "new-cart", "feature_flag.variant": "on", "feature_flag.reason": "ERROR"}
    span(request, 1, SERVED, events=(("feature_flag", failed),))
    found = otlp_traces.decode_protobuf(request.SerializeToString(), Interner())
    assert gather_spans(found, Recogniser(INDEX), AT).signals[0].exposed == ()


def test_two_flags_of_one_request_count_once_each_and_one_twice_as_it_was_served_last() -> None:
    request = ExportTraceServiceRequest()
    events = tuple(
        ("feature_flag.evaluation", {"feature_flag.key": key, "feature_flag.result.variant": variant})
        for key, variant in (("new-cart", "off"), ("prices", "b"), ("new-cart", "on"), ("new-cart", "on"))
    )
    span(request, 1, SERVED, events=events)
    into = counters()
    found = otlp_traces.decode_protobuf(request.SerializeToString(), Interner())
    take(into, gather_spans(found, Recogniser(INDEX), AT))
    assert into.exposed("shop", "new-cart", AT - HOUR, AT) == {"on": Measured(1, 1)}
    assert into.exposed("shop", "prices", AT - HOUR, AT) == {"b": Measured(1, 1)}
    assert into.evaluated("shop") == ("new-cart", "prices")


def test_what_the_sdk_says_wins_over_spans_of_the_same_requests() -> None:
    into = counters()
    request = ExportTraceServiceRequest()
    span(request, 1, SERVED | {"feature_flag.key": "new-cart", "feature_flag.variant": "on"})
    spans = gather_spans(
        otlp_traces.decode_protobuf(request.SerializeToString(), Interner()), Recogniser(INDEX), AT
    )
    take(into, Metrics().requests(1).variant("on", 1).gathered())
    take(into, spans)
    assert into.exposed("shop", "new-cart", AT - HOUR, AT) == {"on": Measured(1, 1)}


def test_the_flag_of_another_focus_is_told_apart_and_has_no_arms() -> None:
    into = counters()
    told = Metrics().requests(5).variant("on", 5, feature_flag__set__id="pay")
    take(into, told.gathered())
    assert into.evaluated("shop") == ("pay/new-cart",)
    assert into.flag_arms("shop", "pay/new-cart", ("on", "off"), AT - MINUTE, AT) == ()


def test_a_flag_that_nobody_evaluated_has_no_watermark_and_says_so() -> None:
    assert counters().flag_mark("shop", "new-cart") == NoData("no request has evaluated flag new-cart")


def test_retries_and_what_no_objective_counts_are_in_no_arm() -> None:
    into = counters()
    told = Metrics().requests(7).variant("on", 4, http__request__resend_count=1)
    told.add("focus.variant.duration", 3, **{"feature_flag__key": "new-cart"})
    found = told.gathered()
    take(into, found)
    assert into.flag_arms("shop", "new-cart", ("on", "off"), AT - SECOND, AT) == ()
    assert into.exposed("shop", "new-cart", AT - HOUR, AT) == {"on": Measured(4, 4)}
    assert [one.count for one in found.dropped] == [3]


def test_everything_survives_a_snapshot() -> None:
    into, back = counters(), Counters()
    for second in range(90):
        at = AT + second * SECOND
        told = Metrics(at).requests(10).variant("on", 5).variant("off", 4).variant("off", 1, 503)
        take(into, told.gathered(), at)
    end = AT + 89 * SECOND
    back.restore(into.state(), {"shop": SHOP, "pay": OTHER})
    assert back.state() == into.state()
    for each in (into, back):
        assert len(each.flag_arms("shop", "new-cart", ("on", "off"), AT - SECOND, end)) == 90
        assert each.exposed("shop", "new-cart", AT - HOUR, end)["off"] == Measured(360, 450)
        assert each.served("shop", "new-cart")["on"] == (AT, end)
        assert each.flag_mark("shop", "new-cart") == end


def exposure(flag: str, variant: str, revision: str, route: str, at: int) -> Signal:
    return Signal(
        "shop",
        "production",
        Source.APP,
        "web/1",
        at - SECOND,
        at,
        Slice(route=route),
        Outcome(200),
        1,
        exposed=(Exposed(flag, variant, revision),),
        only_exposed=True,
    )


def test_any_number_of_flags_variants_and_revisions_takes_bounded_room() -> None:
    into = counters()
    sizes = []
    for number in range(20_000):
        at = AT + number // 100 * SECOND
        flag = "new-cart" if number % 2 else f"f{number}"
        into.add(exposure(flag, f"v{number}", f"r{number}", f"/{number}", at), at)
        into.add(exposure("new-cart", "on", f"r{number}", "/cart", at), at)
        if number in (10_000, 19_999):
            into.settle(at)
            sizes.append(len(into.state()))
    flags = into.lanes["shop"].flags
    assert len(flags.tables) == MOST_UNDECLARED + 1
    assert flags.crowded > 9_000
    assert sizes[1] < 2.5 * sizes[0]
    seen = into.exposed("shop", "new-cart", AT - HOUR, AT + HOUR)
    assert len(seen) <= MOST_VARIANTS + 2
    assert seen["on"].total == 20_000
    assert sum(one.total for one in seen.values()) == 30_000


def test_a_flag_of_nobody_gives_its_place_up_after_six_hours_of_silence() -> None:
    into = counters()
    for number in range(MOST_UNDECLARED):
        into.add(exposure(f"f{number}", "on", "", "/", AT), AT)
    assert "more flags" in into.add(exposure("late", "on", "", "/", AT + SECOND), AT + SECOND).why
    later = AT + 7 * HOUR
    assert into.add(exposure("late", "on", "", "/", later), later).why == ""
    assert into.evaluated("shop") == ("late",)


def test_when_a_declared_flag_was_last_evaluated_is_remembered_for_longer_than_its_counts() -> None:
    into = counters()
    into.add(exposure("new-cart", "on", "", "/", AT), AT)
    into.settle(AT + 7 * HOUR)
    assert into.exposed("shop", "new-cart", AT - HOUR, AT + 7 * HOUR) == {}
    assert into.served("shop", "new-cart") == {"on": (AT, AT)}
