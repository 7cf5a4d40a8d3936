"""Prometheus remote write 1.0 and 2.0-rc.4, snappy block of protobuf -> Samples of the series that are read."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from hashlib import blake2b
from typing import Any, NamedTuple

import cramjam
from google.protobuf.message import DecodeError

from focusplane.instrument.cumulative import total
from focusplane.instrument.labels import BUCKET, REPLICA, Meaning, meaning_of
from focusplane.instrument.point import SERIES_BYTES, Said
from focusplane.instrument.scrape import Sample, Samples, Series
from focusplane.instrument.signal import Dropped
from focusplane.kernel.errors import DataError
from focusplane.wire import native
from focusplane.wire.density import WRITE_1, WRITE_2, thin
from focusplane.wire.otlp_attributes import CACHE, CACHE_BYTES, MAX_TEXT
from focusplane.wire.otlp_points import MAX_COUNT, Refused
from focusplane.wire.otlp_schema import message


class Version(StrEnum):
    """What the `proto` of the content type names."""

    V1 = "prometheus.WriteRequest"
    V2 = "io.prometheus.write.v2.Request"


class TooLargeError(DataError):
    """The body would decompress to more than is allowed."""

    http_status = 413


class _Read(NamedTuple):
    """One time series of a request, whichever version wrote it; `known` is a name alone if it is not read."""

    known: Series | str
    written: Any


_NS_PER_MS = 1_000_000
_MOST_LABELS = 128
_LONGEST = 2_048
"""Bytes of all labels of a series above which they are not remembered."""
_V1, _V2, _LABEL = message("WriteRequest"), message("WriteRequestV2"), message("Label")
_DATA = "the body is no remote write request"


def unsnap(body: bytes, limit: int) -> bytes:
    """A snappy block, decompressed. Raises `TooLargeError` before it grows beyond `limit`, else `DataError` if damaged."""
    try:
        if cramjam.snappy.decompress_raw_len(body) > limit:
            raise TooLargeError(f"the body decompresses to more than {limit} bytes")
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as error:
        raise DataError("the body is no snappy block", "remote write is compressed with snappy") from error


class RemoteWriteReader:
    """Remembers what series mean: the same ones come with every scrape. For one thread at a time.

    `mark` keeps the series of different senders apart.
    """

    def __init__(self) -> None:
        self._asked: frozenset[str] = frozenset()
        self._known: dict[bytes, Series | str] = {}
        self._weight = 0
        self._said: dict[tuple[tuple[str, object], ...], Said] = {}

    def ask(self, keys: frozenset[str]) -> None:
        """From now on labels that say these attributes are read too."""
        if self._asked != keys:
            self._asked = keys
            self._forget()

    def _forget(self) -> None:
        self._weight = 0
        self._known.clear()
        self._said.clear()

    def read(self, version: Version, body: bytes, mark: bytes = b"") -> Samples:
        """Raises `DataError` when the bytes are no request of that version."""
        thin(body, WRITE_1 if version is Version.V1 else WRITE_2)
        try:
            request = (_V1 if version is Version.V1 else _V2).FromString(body)
            each = self._first(request, mark) if version is Version.V1 else self._second(request, mark)
            return _Gathering().read(each)
        except DecodeError as error:
            raise DataError(_DATA, f"send {version}") from error

    def _first(self, request: Any, mark: bytes) -> Iterator[_Read]:
        for one in request.timeseries:
            raw = one.labels[: _MOST_LABELS + 1]
            yield _Read(self._series(mark + b"\x00".join(raw), mark, _written_out, raw), one)

    def _second(self, request: Any, mark: bytes) -> Iterator[_Read]:
        symbols: Sequence[bytes] = request.symbols[:]
        if symbols[:1] != [b""]:
            raise DataError(_DATA, "the first symbol must be empty")
        for one in request.timeseries:
            places = one.labels_refs[: 2 * _MOST_LABELS + 2]
            if len(places) % 2 or any(place >= len(symbols) for place in places):
                raise DataError(_DATA, "a label refers to no symbol")
            words = [symbols[place] for place in places]
            yield _Read(self._series(mark + b"\x00".join(words), mark, _in_pairs, words), one)

    def _series(
        self,
        raw: bytes,
        mark: bytes,
        labels: Callable[[Sequence[bytes]], dict[str, str]],
        parts: Sequence[bytes],
    ) -> Series | str:
        """What these labels mean, remembered unless they are too long to be worth it."""
        known = self._known.get(raw)
        if known is None:
            if max(len(self._known), len(self._said)) >= CACHE or self._weight >= CACHE_BYTES:
                self._forget()
            known = self._meaning(labels(parts), mark)
            if len(raw) <= _LONGEST:
                self._known[raw] = known
                self._weight += len(raw)
        return known

    def _meaning(self, labels: Mapping[str, str], mark: bytes) -> Series | str:
        """The series, or the name of one that is not read."""
        meaning = meaning_of(labels, self._asked)
        name = labels.get("__name__", "")[:100]
        if meaning is None or len(labels) > _MOST_LABELS:
            return name
        if labels.get("otel_metric_overflow") == "true":
            return f"{name} (overflow)"
        try:
            bound = float(meaning.bound) if meaning.bound else None
        except ValueError:
            return name
        if bound is not None and math.isnan(bound):
            return name
        return self._made(meaning, labels, mark, bound)

    def _made(self, meaning: Meaning, labels: Mapping[str, str], mark: bytes, bound: float | None) -> Series:
        named = {**labels, "__name__": labels["__name__"] + BUCKET} if meaning.native else labels
        own = sorted((key, value) for key, value in named.items() if key != "le" and key not in REPLICA)
        resource = self._same(meaning.resource)
        target = (mark, meaning.metric.encode(), repr(sorted(meaning.resource.items())).encode())
        return Series(
            resource,
            self._same(meaning.attributes),
            meaning.metric,
            meaning.unit,
            _digest(mark, repr(own).encode()),
            _digest(*target),
            bound,
            meaning.native,
        )

    def _same(self, said: Mapping[str, Any]) -> Said:
        kept = tuple((key, value[:MAX_TEXT]) for key, value in said.items())
        return self._said.setdefault(kept, Said(dict(kept)))


class _Gathering:
    """Walks one request."""

    def __init__(self) -> None:
        self._samples: list[Sample] = []
        self._rejected: Counter[str] = Counter()
        self._dropped: Counter[tuple[str, str]] = Counter()

    def read(self, each: Iterable[_Read]) -> Samples:
        samples_in_all = histograms = exemplars = 0
        for known, one in each:
            samples, whole = one.samples, len(one.histograms)
            samples_in_all, histograms, exemplars = (
                samples_in_all + len(samples),
                histograms + whole,
                exemplars + len(one.exemplars),
            )
            name = known if isinstance(known, str) else known.metric
            if isinstance(known, str) or not known.native:
                self._dropped["native histogram is not read", name] += whole
            if isinstance(known, str) or known.native:
                self._dropped["series is not read", name] += len(samples)
            if isinstance(known, Series):
                self._each(known, one)
        dropped = tuple(
            Dropped(why, count, example) for (why, example), count in self._dropped.items() if count
        )
        return Samples(
            tuple(self._samples), dict(self._rejected), dropped, samples_in_all, histograms, exemplars
        )

    def _each(self, series: Series, one: Any) -> None:
        if not series.native:
            for sample in one.samples:
                self._sample(series, sample)
            return
        for raw in one.histograms:
            self._histogram(series, native.decode(raw))

    def _histogram(self, series: Series, said: native.Native | Refused) -> None:
        if said is native.STALE:
            self._dropped["no recorded value", series.metric] += 1
            return
        if isinstance(said, Refused):
            self._rejected[f"{series.metric}: {said.why}"] += 1
            return
        at, start = said.at * _NS_PER_MS, said.start * _NS_PER_MS
        why = _refused(0, at, start)
        if why:
            self._rejected[f"{series.metric}: {why}"] += 1
            return
        self._samples.append(Sample(series, at, start, total(said.value), said.value))

    def _sample(self, series: Series, sample: Any) -> None:
        """NaN is how Prometheus says that a series has ended: nothing to count, and no mistake."""
        value, at = sample.value, sample.timestamp * _NS_PER_MS
        start = getattr(sample, "start_timestamp", 0) * _NS_PER_MS
        if math.isnan(value):
            self._dropped["no recorded value", series.metric] += 1
            return
        why = _refused(value, at, start)
        if why:
            self._rejected[f"{series.metric}: {why}"] += 1
            return
        self._samples.append(Sample(series, at, start, int(value)))


def _refused(value: float, at: int, start: int) -> str:
    if not math.isfinite(value) or value != int(value):
        return "not a whole number"
    if not 0 <= value <= MAX_COUNT:
        return "negative or too large"
    if not 0 < at <= MAX_COUNT:
        return "no time"
    return "" if 0 <= start <= at else "start after end"


def identities(samples: Samples) -> Iterator[bytes]:
    """What makes each sample itself: its series, its bound, its time."""
    for sample in samples.samples:
        yield sample.series.name + f"{sample.series.bound}\0{sample.at}".encode()


def _written_out(raw: Sequence[bytes]) -> dict[str, str]:
    """Labels of version 1, each a message of its own."""
    return {_text(pair.name): _text(pair.value) for pair in map(_LABEL.FromString, raw)}


def _in_pairs(words: Sequence[bytes]) -> dict[str, str]:
    """Labels of version 2: names and values in turn."""
    return dict(zip(map(_text, words[::2]), map(_text, words[1::2]), strict=True))


def _text(said: bytes) -> str:
    return said.decode("utf-8", "replace")


def _digest(*parts: bytes) -> bytes:
    named = blake2b(digest_size=SERIES_BYTES)
    for part in parts:
        named.update(len(part).to_bytes(4, "big") + part)
    return named.digest()
