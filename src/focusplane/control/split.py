"""Which version serves a tenant: the arithmetic of Envoy's weighted clusters, so that SDK and gateway agree."""

from collections.abc import Mapping
from fractions import Fraction

import xxhash

from focusplane.control.state import TrafficState

TOTAL = 10_000
"""Envoy's integer weights sum to this: a hundredth of a percent is the finest split."""


def stick_key(focus: str, salt: str, tenant: str) -> str:
    """The header value that both sides hash. The salt gives every rollout other tenants first."""
    return f"{focus}:{salt}:{tenant}"


def walk(traffic: TrafficState) -> dict[str, Fraction]:
    """The weights in the order in which both sides walk them: canary first, stable last.

    With the canary first a growing weight only ever adds tenants to it.
    """
    names = sorted(traffic.weights, key=lambda name: (name != traffic.canary, name == traffic.stable, name))
    return {name: traffic.weights[name] for name in names}


def integer_weights(weights: Mapping[str, Fraction]) -> dict[str, int]:
    """Integers that sum exactly to `TOTAL`, by largest remainder, in the order given; 0 stays 0.

    Raises `ValueError` unless the weights are in [0, 1] and sum to 1.
    """
    if sum(weights.values()) != 1 or min(weights.values()) < 0:
        raise ValueError(f"weights must lie in [0, 1] and sum to 1: {dict(weights)}")
    whole = {name: int(weight * TOTAL) for name, weight in weights.items()}
    remainder = {name: weight * TOTAL - whole[name] for name, weight in weights.items()}
    missing = TOTAL - sum(whole.values())
    for name in sorted(weights, key=lambda name: -remainder[name])[:missing]:
        whole[name] += 1
    return whole


def bucket(key: str) -> int:
    """Where the key falls in [0, TOTAL): xxh64 with seed 0 over its UTF-8 bytes, as Envoy hashes one header."""
    try:
        octets = key.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a character that no header can hold; it still needs a stable place
        octets = key.encode("utf-8", "surrogatepass")
    return xxhash.xxh64_intdigest(octets) % TOTAL


def assign(key: str, weights: Mapping[str, Fraction]) -> str:
    """The version for a `stick_key`, walking the weights in their order (see `walk`)."""
    return pick(bucket(key), integer_weights(weights))


def pick(place: int, weights: Mapping[str, int]) -> str:
    """The version whose stretch holds `place`. Raises `ValueError` if the weights do not reach that far."""
    end = 0
    for name, weight in weights.items():
        end += weight
        if place < end:
            return name
    raise ValueError(f"weights {dict(weights)} end before {place}")


def version_for(traffic: TrafficState, focus: str, tenant: str) -> str:
    """The version that serves this tenant under that traffic state."""
    if traffic.canary and tenant in traffic.pinned:
        return traffic.canary
    return assign(stick_key(focus, traffic.salt, tenant), walk(traffic))
