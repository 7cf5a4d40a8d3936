from itertools import islice

from focusplane.demo.orders import CARDS, Mix, orders, tenant_weights


def test_the_same_mix_gives_the_same_orders() -> None:
    assert list(islice(orders(Mix(seed=3)), 50)) == list(islice(orders(Mix(seed=3)), 50))
    assert list(islice(orders(Mix(seed=3)), 50)) != list(islice(orders(Mix(seed=4)), 50))


def test_tenants_are_many_and_of_unequal_size() -> None:
    weights = tenant_weights(600)
    assert abs(sum(weights) - 1) < 1e-9
    assert weights == sorted(weights, reverse=True)
    assert 0.02 < weights[0] < 0.03
    assert weights[0] > 30 * weights[-1]


def test_ten_thousand_orders_come_from_at_least_five_hundred_tenants_at_the_declared_rate_and_mix() -> None:
    seen = list(islice(orders(Mix()), 10_000))
    assert len({order.tenant for order in seen}) >= 500
    assert 45 < sum(order.gap_s for order in seen) < 55
    assert 150 < sum(order.synthetic for order in seen) < 250
    amex = sum(order.card == "amex" for order in seen) / len(seen)
    assert abs(amex - CARDS["amex"] / 100) < 0.02
    assert len({order.key for order in seen}) == len(seen)
