"""Histograms of any kind and unit -> Latencies in milliseconds."""

from decimal import Decimal
from functools import lru_cache

from focusplane.instrument.point import Explicit, Exponential, Value
from focusplane.instrument.signal import Latencies


def latencies_of(value: Value, unit_ms: int) -> Latencies | None:
    """The same counts under bounds in milliseconds; None for a value without buckets.

    `unit_ms` is 1000 for a metric in seconds, 1 for one in milliseconds.
    """
    if isinstance(value, Explicit) and value.bounds:
        return Latencies(_scaled(value.bounds, unit_ms), value.counts)
    if isinstance(value, Exponential):
        bounds = _exponential_bounds(value.scale, value.offset, len(value.counts), unit_ms)
        return Latencies(bounds, (value.zeros, *value.counts, 0))
    return None


@lru_cache(maxsize=256)
def _scaled(bounds: tuple[float, ...], unit_ms: int) -> tuple[float, ...]:
    """Decimal and twelve digits, because a threshold of 300 ms must meet a bound of 0.3 s, or of a hair below, exactly."""
    return tuple(float(f"{Decimal(repr(bound)) * unit_ms:.12g}") for bound in bounds)


@lru_cache(maxsize=256)
def _exponential_bounds(scale: int, offset: int, buckets: int, unit_ms: int) -> tuple[float, ...]:
    """Lower bound of the first bucket, then every upper bound: 2^(index * 2^-scale) units."""
    return tuple(_power(index, scale) * unit_ms for index in range(offset, offset + buckets + 1))


def _power(index: int, scale: int) -> float:
    """2^(index / 2^scale), kept within what a float holds."""
    return float(2.0 ** max(-1000.0, min(1000.0, index * 2.0**-scale)))
