"""Trace sampling at the tail: traces of a focus, failed and slow ones are kept, of the rest a share that says so."""

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from opentelemetry import baggage
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import INVALID_SPAN_CONTEXT, SpanContext, StatusCode, TraceFlags, TraceState

from focusplane.instrument.baggage import clean
from focusplane.instrument.conventions import FOCUS_ID, STATUS, TENANT_ID
from focusplane.sdk.door import Door
from focusplane.sdk.request import CURRENT

MAX_TRACES = 2_000
"""Traces of this process that are held until they end; beyond them the oldest is judged by what is there."""
MAX_SPANS = 512
"""Spans of one trace that are held; one huge trace must not starve the others."""
MAX_JUDGED = 10_000
"""Judgements that are remembered, for spans that end after their trace."""
_RANDOM_BITS = 56
_NS_PER_MS = 1_000_000


@dataclass(slots=True)
class _Held:
    """The spans of one trace in this process. `roots` have begun here and not yet ended."""

    roots: int = 0
    spans: list[ReadableSpan] = field(default_factory=list)
    cause: str = ""


class TailSampler(SpanProcessor):
    """Stands before the processor that exports. Every trace must be recorded: use it with the sampler ALWAYS_ON.

    What is kept carries its adjusted count as OpenTelemetry writes it (tracestate `ot=th:...`): 1 for a trace that was
    kept for a cause, 1/share for the others, so that sums over kept spans estimate all of them without bias.
    """

    def __init__(self, door: Door, exporting: SpanProcessor, share: Fraction, slow_ms: int) -> None:
        if not 0 <= share <= 1:
            raise ValueError(f"a share of {share} is not between 0 and 1")
        self._door, self._exporting, self._slow_ns = door, exporting, slow_ms * _NS_PER_MS
        self._least = (1 << _RANDOM_BITS) - int(share * (1 << _RANDOM_BITS))
        self._lock = threading.Lock()
        self._held: OrderedDict[int, _Held] = OrderedDict()
        self._judged: OrderedDict[int, str] = OrderedDict()
        self.counts: Counter[str] = Counter()
        """Spans by what became of them: `focus`, `failed`, `slow`, `share`, `not sampled`, `trace too large`."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Name focus and tenant on every span: the request's own, else from baggage, which may hold anything."""
        focus, tenant = self._carried(parent_context)
        if focus:
            span.set_attribute(FOCUS_ID, focus)
        if tenant:
            span.set_attribute(TENANT_ID, tenant)
        self._exporting.on_start(span, parent_context)
        if _is_root(span):
            with self._lock:
                self._held.setdefault(_trace(span), _Held()).roots += 1
                out = self._shrink()
            self._export(out)

    def on_end(self, span: ReadableSpan) -> None:
        with self._lock:
            out = self._ended(span, _trace(span))
        self._export(out)

    def shutdown(self) -> None:
        self._export(self._rest())
        self._exporting.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Traces that have not ended yet stay."""
        return self._exporting.force_flush(timeout_millis)

    def _carried(self, context: Context | None) -> tuple[str, str]:
        request = CURRENT.get()
        if request is not None:
            return request.focus.name, request.tenant
        focus, tenant = (clean(baggage.get_baggage(key, context)) for key in (FOCUS_ID, TENANT_ID))
        return (focus if focus in self._door.view.focuses else ""), tenant

    def _ended(self, span: ReadableSpan, trace: int) -> list[tuple[ReadableSpan, str]]:
        held = self._held.get(trace)
        if held is None:
            # Its trace has been judged already, or it has no root here: it is judged by itself.
            return self._verdict(trace, [span], self._judged.get(trace) or self._cause(span))
        held.cause = held.cause or self._cause(span)
        if len(held.spans) < MAX_SPANS:
            held.spans.append(span)
        else:
            self.counts["trace too large"] += 1
        held.roots -= _is_root(span)
        return self._judge(trace) if held.roots <= 0 else []

    def _cause(self, span: ReadableSpan) -> str:
        """Why this span alone keeps its trace."""
        said = span.attributes or {}
        if said.get(FOCUS_ID):
            return "focus"
        if span.status.status_code is StatusCode.ERROR or any(_is_5xx(said.get(key)) for key in STATUS):
            return "failed"
        took_ns = (span.end_time or 0) - (span.start_time or 0)
        return "slow" if _is_root(span) and took_ns >= self._slow_ns else ""

    def _judge(self, trace: int) -> list[tuple[ReadableSpan, str]]:
        held = self._held.pop(trace)
        return self._verdict(trace, held.spans, held.cause)

    def _verdict(self, trace: int, spans: list[ReadableSpan], cause: str) -> list[tuple[ReadableSpan, str]]:
        by_chance = trace & ((1 << _RANDOM_BITS) - 1) >= self._least
        kept = cause or ("share" if by_chance else "not sampled")
        self._judged[trace] = kept
        if len(self._judged) > MAX_JUDGED:
            self._judged.popitem(last=False)
        self.counts[kept] += len(spans)
        if kept == "not sampled":
            return []
        threshold = f"{self._least:014x}".rstrip("0") or "0"
        return [(span, threshold if kept == "share" else "0") for span in spans]

    def _shrink(self) -> list[tuple[ReadableSpan, str]]:
        return self._judge(next(iter(self._held))) if len(self._held) > MAX_TRACES else []

    def _rest(self) -> list[tuple[ReadableSpan, str]]:
        with self._lock:
            return [span for trace in list(self._held) for span in self._judge(trace)]

    def _export(self, spans: Iterable[tuple[ReadableSpan, str]]) -> None:
        for span, threshold in spans:
            self._exporting.on_end(_adjusted(span, threshold))


def _adjusted(span: ReadableSpan, threshold: str) -> ReadableSpan:
    """The same span, sampled, with its rejection threshold in the tracestate."""
    context = _context(span)
    others = [part for part in context.trace_state.get("ot", "").split(";") if part and part[:3] != "th:"]
    state = TraceState([*context.trace_state.items()])
    written = ";".join([f"th:{threshold}", *others])
    state = state.update("ot", written) if "ot" in state else state.add("ot", written)
    return ReadableSpan(
        name=span.name,
        context=SpanContext(
            context.trace_id, context.span_id, context.is_remote, TraceFlags(context.trace_flags | 1), state
        ),
        parent=span.parent,
        resource=span.resource,
        attributes=span.attributes,
        events=span.events,
        links=span.links,
        kind=span.kind,
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _is_root(span: ReadableSpan) -> bool:
    """The first span of its trace in this process."""
    return span.parent is None or span.parent.is_remote


def _trace(span: ReadableSpan) -> int:
    return _context(span).trace_id


def _context(span: ReadableSpan) -> SpanContext:
    return span.get_span_context() or INVALID_SPAN_CONTEXT


def _is_5xx(status: object) -> bool:
    return isinstance(status, int) and 500 <= status < 600
