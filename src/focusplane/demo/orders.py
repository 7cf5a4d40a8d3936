"""The shoppers of the demo: an endless, seeded sequence of orders from tenants of unequal size."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, count

CARDS = {"visa": 50, "mastercard": 38, "amex": 12}
"""Kinds of card and their share in percent."""


@dataclass(frozen=True, slots=True)
class Mix:
    """What the traffic looks like: `rate` orders a second, Poisson; `tenants` shops; `synthetic` is the share of probes."""

    rate: float = 200.0
    tenants: int = 600
    synthetic: float = 0.02
    seed: int = 7


@dataclass(frozen=True, slots=True)
class Order:
    """One logical request. `gap_s` is the time between the order before it and this one."""

    number: int
    gap_s: float
    tenant: str
    card: str
    amount: int
    key: str
    synthetic: bool


def tenant_weights(tenants: int) -> list[float]:
    """Shares by rank after Zipf and Mandelbrot, 1 / (rank + 9): of 600 tenants the largest makes 2.4 % of the traffic."""
    weights = [1.0 / (rank + 9) for rank in range(1, tenants + 1)]
    total = sum(weights)
    return [weight / total for weight in weights]


def orders(mix: Mix) -> Iterator[Order]:
    """The same mix gives the same orders."""
    chance = random.Random(mix.seed)
    names = [f"shop-{rank:04d}" for rank in range(1, mix.tenants + 1)]
    cumulative = list(accumulate(tenant_weights(mix.tenants)))
    for number in count(1):
        yield Order(
            number=number,
            gap_s=chance.expovariate(mix.rate),
            tenant=chance.choices(names, cum_weights=cumulative)[0],
            card=chance.choices(list(CARDS), list(CARDS.values()))[0],
            amount=chance.randrange(500, 20_000),
            key=f"{mix.seed:x}-{number:08x}-{chance.getrandbits(32):08x}",
            synthetic=chance.random() < mix.synthetic,
        )
