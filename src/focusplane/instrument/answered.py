"""What a PromQL engine answers about one objective -> the series, the points and the signals of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

from focusplane.define.promql import Selector
from focusplane.instrument import conventions as names
from focusplane.instrument.buckets import latencies_of
from focusplane.instrument.cumulative import Delta, total
from focusplane.instrument.labels import ATTRIBUTES, REPLICA, RESOURCE, meaning_of
from focusplane.instrument.point import SERIES_BYTES, Explicit, Point, Said
from focusplane.instrument.recognise import Recognised
from focusplane.instrument.scrape import Sample, Series
from focusplane.instrument.signal import Signal
from focusplane.instrument.tagging import Attributes
from focusplane.kernel.tick import SECOND

SLICES = {
    names.TENANT_ID: ATTRIBUTES[names.TENANT_ID],
    names.ROUTE[0]: ATTRIBUTES[names.ROUTE[0]],
    names.SERVICE_VERSION: RESOURCE[names.SERVICE_VERSION],
    names.REGION: RESOURCE[names.REGION],
}
"""Attribute of a slice -> the labels that say it."""
_NS_PER_MS = 1_000_000
_MOST_KNOWN = 200_000


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks: an objective of a focus, for one part of its SLI, at an engine. Nobody in particular: native metrics."""

    engine: str
    focus: str = ""
    environment: str = ""
    objective: str = ""
    part: str = ""
    selector: Selector | None = None


class SeriesBook:
    """Labels -> Series, each made once: what they mean is remembered by identity. Bounded."""

    def __init__(self) -> None:
        self._known: dict[tuple[Asking, tuple[tuple[str, str], ...]], Series | None] = {}
        self._said: dict[tuple[tuple[str, Any], ...], Said] = {}

    def series(self, asking: Asking, labels: Mapping[str, str]) -> Series | None:
        """None for labels that mean nothing here: another metric, or a bound that is no number."""
        key = (asking, tuple(sorted(labels.items())))
        if key not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
                self._said.clear()
            self._known[key] = (
                self._asked(asking, labels) if asking.objective else self._native(asking, labels)
            )
        return self._known[key]

    def _asked(self, asking: Asking, labels: Mapping[str, str]) -> Series | None:
        bound = _bound(labels.get("le", "")) if asking.part == "buckets" else None
        if bound is None and asking.part == "buckets":
            return None
        resource = {
            names.SERVICE_NAME: _first(labels, RESOURCE[names.SERVICE_NAME]).rpartition("/")[2]
            or asking.focus,
            names.SERVICE_INSTANCE: _first(labels, RESOURCE[names.SERVICE_INSTANCE]),
            names.ENVIRONMENT[0]: asking.environment,
        }
        attributes = {key: _slice(labels, places, asking.selector) for key, places in SLICES.items()}
        attributes |= {
            names.FOCUS_ID: asking.focus,
            names.OBJECTIVE: asking.objective,
            names.PART: asking.part,
        }
        who = (asking.engine, asking.focus, asking.objective)
        target = _digest(*who, repr(sorted(resource.items())))
        return Series(
            self._same(resource),
            self._same({key: value for key, value in attributes.items() if value}),
            names.METRIC_ASKED,
            "s" if "_milliseconds" not in labels.get("__name__", "") else "ms",
            _digest(*who, asking.part, _own(labels)),
            target,
            bound,
        )

    def _native(self, asking: Asking, labels: Mapping[str, str]) -> Series | None:
        """The series that remote write reads, and as it reads them."""
        meaning = meaning_of(labels)
        bound = _bound(meaning.bound) if meaning is not None and meaning.bound else None
        if meaning is None or (meaning.bound and bound is None):
            return None
        return Series(
            self._same(meaning.resource),
            self._same(meaning.attributes),
            meaning.metric,
            meaning.unit,
            _digest(asking.engine, _own(labels)),
            _digest(asking.engine, meaning.metric, repr(sorted(meaning.resource.items()))),
            bound,
        )

    def _same(self, said: Attributes) -> Said:
        kept = tuple(sorted(said.items()))
        return self._said.setdefault(kept, Said(dict(kept)))


WHOLE = frozenset(("total", "all"))


def told_by_all(samples: Iterable[Sample]) -> list[Sample]:
    """What failed, or was good, only up to where the whole is known, which was asked for first: so every request of the whole
    comes with what became of it. What is left out comes with the next answer.
    """
    found = list(samples)
    limits: dict[bytes, int] = {}
    for sample in found:
        if _part(sample) in WHOLE:
            target = sample.series.target
            limits[target] = max(sample.at, limits.get(target, 0))
    return [
        sample
        for sample in found
        if _part(sample) in WHOLE or sample.at <= limits.get(sample.series.target, sample.at)
    ]


def _part(sample: Sample) -> str:
    return str(sample.series.attributes.attributes.get(names.PART, ""))


def asked_signal(point: Point, delta: Delta, known: Recognised) -> Signal:
    """What one series adds to the objective that asked. Parts of the same instance and time are added up by `joined`."""
    said = point.attributes.attributes
    part, count, end = str(said.get(names.PART, "")), total(delta.value), delta.end // _NS_PER_MS
    timed = isinstance(delta.value, Explicit)
    return Signal(
        focus=known.focus,
        environment=known.environment,
        source=known.source,
        reporter=known.reporter,
        start=min(delta.start // _NS_PER_MS, end - 1),
        end=end,
        slice=known.slice,
        outcome=known.outcome,
        count=count if part in ("total", "all", "buckets") else 0,
        latencies=latencies_of(delta.value, SECOND if point.unit == "s" else 1) if timed else None,
        objective=str(said.get(names.OBJECTIVE, "")),
        failed={"all": count, "bad": count, "good": -count}.get(part, 0),
    )


def joined(signals: Iterable[Signal]) -> tuple[Signal, ...]:
    """The parts of one objective, instance, slice and time as one signal; all others as they are."""
    found: dict[object, Signal] = {}
    for number, signal in enumerate(signals):
        key: object = number
        if signal.objective and signal.latencies is None:
            key = (signal.focus, signal.objective, signal.reporter, signal.slice, signal.end)
        before = found.get(key)
        if before is not None:
            signal = replace(
                before,
                start=min(before.start, signal.start),
                count=before.count + signal.count,
                failed=before.failed + signal.failed,
            )
        found[key] = signal
    return tuple(found.values())


def _slice(labels: Mapping[str, str], places: Iterable[str], selector: Selector | None) -> str:
    allowed = [label for label in places if selector is None or selector.slices_by(label)]
    return _first(labels, allowed)


def _first(labels: Mapping[str, str], places: Iterable[str]) -> str:
    return next((labels[place] for place in places if labels.get(place)), "")


def _bound(text: str) -> float | None:
    """`0.3`, `0.30`, `1`, `1.0`, `+Inf` are numbers, however they are written."""
    try:
        number = float(text)
    except ValueError:
        return None
    return None if number != number else number


def _own(labels: Mapping[str, str]) -> str:
    return repr(sorted((key, value) for key, value in labels.items() if key != "le" and key not in REPLICA))


def _digest(*parts: str) -> bytes:
    named = blake2b(digest_size=SERIES_BYTES)
    for part in parts:
        said = part.encode("utf-8", "surrogateescape")
        named.update(len(said).to_bytes(4, "big") + said)
    return named.digest()
