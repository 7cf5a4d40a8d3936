"""Sampling with the real OpenTelemetry SDK: what people look for is kept, and the rest can still be counted."""

from fractions import Fraction

import pytest
from opentelemetry import trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from focusplane.sdk import traces


class Traced:
    def __init__(self, shop, share: Fraction = Fraction(0), slow_ms: int = 3_600_000) -> None:
        self.kept = InMemorySpanExporter()
        self.sampler = shop.traces(SimpleSpanProcessor(self.kept), share, slow_ms)
        self.provider = TracerProvider(sampler=ALWAYS_ON)
        self.provider.add_span_processor(self.sampler)
        self.tracer = self.provider.get_tracer("test")

    def names(self) -> list[str]:
        return [span.name for span in self.kept.get_finished_spans()]

    def states(self) -> set[str]:
        return {span.context.trace_state["ot"] for span in self.kept.get_finished_spans()}


def test_traces_of_a_focus_and_failed_ones_are_kept_whole_and_others_are_not(shop):
    traced = Traced(shop)
    with shop.request("checkout", "acme"), traced.tracer.start_as_current_span("focus"):
        pass
    with traced.tracer.start_as_current_span("failed"):
        with traced.tracer.start_as_current_span("fine inside"):
            pass
        with pytest.raises(KeyError), traced.tracer.start_as_current_span("broken inside"):
            raise KeyError
    with traced.tracer.start_as_current_span("answers 503") as span:
        span.set_attribute("http.response.status_code", 503)
    with traced.tracer.start_as_current_span("quiet"):
        pass
    assert traced.names() == ["focus", "fine inside", "broken inside", "failed", "answers 503"]
    assert traced.states() == {"th:0"}
    first = traced.kept.get_finished_spans()[0]
    assert (first.attributes["focus.id"], first.attributes["tenant.id"]) == ("checkout", "acme")
    assert traced.sampler.counts == {"focus": 1, "failed": 4, "not sampled": 1}


def test_a_slow_trace_is_kept(shop):
    traced = Traced(shop, slow_ms=1_000)
    traced.tracer.start_span("slow", start_time=0).end(1_000_000_000)
    traced.tracer.start_span("fast", start_time=0).end(999_999_999)
    assert traced.names() == ["slow"]


@pytest.mark.parametrize(
    ("share", "written"), [(Fraction(1, 4), "c"), (Fraction(1, 20), "f333333333333"), (Fraction(1), "0")]
)
def test_the_share_that_is_kept_says_how_many_it_stands_for(shop, share, written):
    traced = Traced(shop, share)
    step = (1 << 56) // 400
    for number in range(400):
        context = trace.set_span_in_context(
            trace.NonRecordingSpan(
                trace.SpanContext(
                    (7 << 56) | (number * step), 9, True, trace.TraceFlags(0), trace.TraceState()
                )
            )
        )
        traced.tracer.start_span("one", context).end()
    kept = len(traced.names())
    assert abs(kept - 400 * share) <= 1
    assert {state.removeprefix("th:").rstrip("4d") for state in traced.states()} == {written.rstrip("4d")}
    threshold = int(next(iter(traced.states())).removeprefix("th:").ljust(14, "0"), 16)
    assert abs(Fraction(1 << 56, (1 << 56) - threshold) * kept - 400) <= 1 / share
    encoded = encode_spans(traced.kept.get_finished_spans())
    (span, *_) = encoded.resource_spans[0].scope_spans[0].spans
    assert span.trace_state.startswith("ot=th:")


def test_baggage_names_only_known_focuses_and_loses_its_properties(shop):
    traced = Traced(shop, Fraction(1))
    for header in (
        "focus.id=checkout;ttl=1,tenant.id=acme;p=2,secret=1",
        "focus.id=invented,tenant.id=" + "t" * 200,
    ):
        context = W3CBaggagePropagator().extract({"baggage": header})
        traced.tracer.start_span("one", context).end()
    first, second = (dict(span.attributes) for span in traced.kept.get_finished_spans())
    assert first == {"focus.id": "checkout", "tenant.id": "acme"}
    assert second == {}


def test_a_span_that_ends_after_its_trace_follows_the_judgement(shop):
    traced = Traced(shop)
    with shop.request("checkout", "acme"):
        root = traced.tracer.start_span("root")
    late = traced.tracer.start_span("late", trace.set_span_in_context(root))
    root.end()
    late.end()
    quiet = traced.tracer.start_span("quiet")
    later = traced.tracer.start_span("later", trace.set_span_in_context(quiet))
    quiet.end()
    later.end()
    assert traced.names() == ["root", "late"]


def test_memory_is_bounded_by_traces_and_by_the_spans_of_each(shop, monkeypatch):
    monkeypatch.setattr(traces, "MAX_TRACES", 3)
    monkeypatch.setattr(traces, "MAX_SPANS", 2)
    monkeypatch.setattr(traces, "MAX_JUDGED", 4)
    traced = Traced(shop)
    open_roots = [traced.tracer.start_span(f"root {number}") for number in range(10)]
    assert len(traced.sampler._held) == 3
    for _ in range(5):
        traced.tracer.start_span("child", trace.set_span_in_context(open_roots[-1])).end()
    assert traced.sampler.counts["trace too large"] == 3
    for root in open_roots:
        root.end()
    assert traced.sampler._held == {}
    assert len(traced.sampler._judged) <= 4


def test_what_has_not_ended_is_judged_at_the_end_of_the_process(shop):
    traced = Traced(shop)
    root = traced.tracer.start_span("root")
    with (
        pytest.raises(KeyError),
        traced.tracer.start_as_current_span("broken", trace.set_span_in_context(root)),
    ):
        raise KeyError
    assert traced.names() == []
    traced.provider.shutdown()
    assert traced.names() == ["broken"]
