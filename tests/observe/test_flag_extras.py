"""Further metrics of the judge are counted by variant of a flag, too."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from focusplane.define.load import load
from focusplane.instrument.signal import Exposed, Outcome, Signal, Slice, Source
from focusplane.kernel.tick import SECOND
from focusplane.observe.counters import Counters

T0 = 1_700_000_000_000
POLICY = (
    (Path(__file__).parents[1] / "plane/checkout.yaml")
    .read_text()
    .replace(
        "  controls:\n",
        '    - {name: sold, target: 8%, window: 30d, sli: {good: {attributes: {app.sold: "true"}}}}\n  controls:\n',
        1,
    )
    .replace(
        "owner: payments}",
        "owner: payments, rollout: {steps: [50%, 100%],"
        " judge: {metrics: [errors, {objective: sold}, {cost: {cap: 0.05}}]}}}",
        1,
    )
)


def test_variants_are_compared_by_what_their_requests_sold_and_cost() -> None:
    focus = load({"a.yaml": POLICY}).policies.focuses["checkout"]
    spec = focus.rollout_of("new-pricing")
    assert spec is not None
    sold, cost = spec.judge.extras
    assert (sold.gains, sold.slack, cost.cap) == (True, Fraction(8, 1000), Fraction(1, 20))
    counters = Counters()
    counters.declare(focus)
    plain = Signal(
        "checkout", "production", Source.APP, "a", T0 - SECOND, T0, Slice(version="v1"), Outcome(200), 10
    )
    for variant, said in (("on", "true"), ("off", "")):
        exposed = (Exposed("new-pricing", variant),)
        counters.add(replace(plain, attributes={"app.sold": said, "focus.cost": "0.01"}, exposed=exposed), T0)
    counters.settle(T0)
    arms, span = ("on", "off"), (T0 - SECOND, T0)
    (pair,) = counters.flag_further("checkout", "new-pricing", sold, arms, span, T0 - SECOND)[0].pairs
    assert (pair.canary_total, pair.canary_bad, pair.baseline_total, pair.baseline_bad) == (10, 10, 10, 0)
    (pair,) = counters.flag_further("checkout", "new-pricing", cost, arms, span, T0 - SECOND)[0].pairs
    assert (pair.canary_total, pair.canary_bad) == (10, 2_000_000)
