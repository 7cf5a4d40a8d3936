"""Trap 29 and composites: AND over members is not the sum of their events; who is late is taken as the policy says."""

from fractions import Fraction

import pytest

from focusplane.define.load import load
from focusplane.define.units import PARTS
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import HOUR, SECOND
from focusplane.observe.health import Health, State
from focusplane.observe.reading import Measured, Reading
from focusplane.plane.arrival import Counted, PolicyRead
from focusplane.plane.snapshot import preserve, revive
from focusplane.testing.rig import Rig

HEAD = "apiVersion: focusplane/v1\n"
TEAM = HEAD + "kind: Team\nmetadata: {name: payments}\nspec: {members: [ana@example.org]}\n"
EVENTS = "{bad: {status: 5xx}}"


def focus(name: str, *objectives: tuple[str, str], environment: str = "production") -> str:
    rows = "".join(f"    - {{name: {one}, target: 90%, window: 1d, sli: {sli}}}\n" for one, sli in objectives)
    return (
        f"{HEAD}kind: Focus\nmetadata: {{name: {name}}}\nspec:\n  owner: payments\n  environment: {environment}\n"
        f"  boundary: [{{service: {name}}}]\n  objectives:\n{rows}---\n"
    )


def composite(rule: str, members: str = "", late: str = "ignore") -> str:
    of = members or "{objective: cart/ok}, {objective: pay/ok}"
    return f"{{composite: {{rule: {rule}, of: [{of}], every: 1m, late: {late}, after: 1m}}}}"


class Story:
    """Focus `shop` is made of `cart` and `pay`, each heard once a second."""

    def __init__(self, sli: str, *more: tuple[str, str]) -> None:
        self.text = (
            focus("cart", ("ok", EVENTS))
            + focus("pay", ("ok", EVENTS))
            + focus("shop", ("whole", sli), *more)
            + TEAM
        )
        self.it = Rig({"shop.yaml": self.text})
        assert not self.it.world.policies.refused
        self._batches = 0

    def minute(self, **shares: tuple[int, int]) -> None:
        """`cart=(9, 1)`: nine good and one bad each second; a focus that is not named is silent."""
        for _ in range(60):
            end = self.it.at + SECOND
            self._batches += 1
            signals = [one for name, counts in shares.items() for one in said(name, end, counts)]
            self.it.turn(Counted(f"b{self._batches}", tuple(signals)), after_ms=SECOND)

    def quiet(self, seconds: int) -> None:
        for _ in range(seconds):
            self.it.turn(after_ms=SECOND)

    def reading(self, name: str = "shop/whole") -> Reading:
        of, _, objective = name.partition("/")
        mark = self.it.world.counters.lanes[of].mark(objective)
        assert mark is not None
        return self.it.world.counters.over(of, objective, HOUR, mark)

    def counted(self, name: str = "shop/whole") -> tuple[int, int]:
        found = self.reading(name)
        assert isinstance(found, Measured), found
        return found.total, found.bad

    @property
    def health(self) -> Health:
        return self.it.world.health["shop/whole"]


def said(name: str, end: int, counts: tuple[int, int]) -> list[Signal]:
    good, bad = counts
    return [
        Signal(name, "production", Source.APP, "r", end - SECOND, end, Slice(), Outcome(status), count)
        for status, count in ((200, good), (500, bad))
        if count or status == 200
    ]


def test_trap_29_all_is_the_and_over_members_and_differs_from_the_sum_of_their_events() -> None:
    """Datadog's grouped SLO changes from event sum to AND with the kind of monitor, unsaid. Here each is its own rule, and
    the reason names who missed what.
    """
    it = Story(composite("all"), ("mean", composite("weighted")))
    it.minute(cart=(9, 1), pay=(100, 0))
    it.minute(cart=(8, 2), pay=(100, 0))
    it.minute(cart=(10, 0), pay=(8, 2))
    it.minute(cart=(10, 0), pay=(10, 0))
    assert it.counted() == (4, 2)
    (cart, bad), (pay, failed) = it.counted("cart/ok"), it.counted("pay/ok")
    assert Fraction(bad + failed, cart + pay) < Fraction(3, 100)
    assert it.counted("shop/mean") == (4 * PARTS, (5 + 10 + 10) * PARTS // 100)
    assert "kept by 2 of 2" in it.health.reason
    it.minute(cart=(8, 2), pay=(10, 0))
    assert "missed by cart/ok 80% of 90%" in it.health.reason


def test_a_journey_is_the_product_of_its_steps_and_is_exact() -> None:
    it = Story(composite("journey"))
    it.minute(cart=(9, 1), pay=(8, 2))
    assert it.counted() == (PARTS, PARTS * 28 // 100)
    it.minute(cart=(2, 1), pay=(2, 1))
    total, bad = it.counted()
    assert (total, bad) == (2 * PARTS, PARTS * 28 // 100 + 555_556)


def test_weights_weigh() -> None:
    members = "{objective: cart/ok, weight: 3}, {objective: pay/ok}"
    it = Story(composite("weighted", members))
    it.minute(cart=(10, 0), pay=(6, 4))
    assert it.counted() == (PARTS, PARTS // 10)


@pytest.mark.parametrize(("late", "bad"), [("ignore", 0), ("good", 0), ("bad", 1)])
def test_trap_21_a_late_member_is_taken_as_declared_after_its_time_and_the_reason_says_so(
    late: str, bad: int
) -> None:
    it = Story(composite("all", late=late))
    it.minute(cart=(10, 0), pay=(10, 0))
    it.minute(cart=(10, 0))
    assert it.counted() == (1, 0)
    it.minute(cart=(10, 0))
    it.quiet(1)
    assert it.counted() == (2, bad)
    assert ("ignored" if late == "ignore" else f"taken as {late}") in it.health.reason
    assert "pay/ok" in it.health.reason
    found = it.reading()
    assert isinstance(found, Measured)
    assert (found.covered < Fraction(2, 60)) is (late == "ignore")


def test_a_member_that_comes_after_all_corrects_the_slice() -> None:
    it = Story(composite("all", late="bad"))
    it.minute(cart=(10, 0), pay=(10, 0))
    for _ in range(2):
        it.minute(cart=(10, 0))
    it.quiet(1)
    assert it.counted() == (2, 1)
    begin = it.it.at - 121 * SECOND
    for n in range(1, 122):
        it.it.turn(Counted(f"late {n}", tuple(said("pay", begin + n * SECOND, (10, 0)))))
    it.minute(cart=(10, 0), pay=(10, 0))
    it.quiet(1)
    assert it.counted()[1] == 0
    assert "kept by 2 of 2" in it.health.reason


def test_trap_21_when_no_member_is_heard_the_composite_is_blind_and_not_good() -> None:
    it = Story(composite("journey"))
    for _ in range(3):
        it.minute(cart=(10, 0), pay=(10, 0))
    it.quiet(300)
    assert it.health.state is State.BLIND


def test_trap_02_a_member_without_requests_in_a_slice_is_left_out_of_it() -> None:
    it = Story(composite("weighted"))
    it.minute(cart=(0, 0), pay=(9, 1))
    it.minute(cart=(0, 0), pay=(0, 0))
    assert it.counted() == (PARTS, PARTS // 10)


def test_a_composite_of_a_composite_and_of_slices_is_judged_in_their_order() -> None:
    sliced = "{bad: {status: 5xx}, slices: {every: 1m, failing: 5%}}"
    inner = composite("all", "{objective: cart/ok}, {objective: pay/ok}")
    text = (
        focus(
            "shop",
            ("outer", composite("all", "{objective: inner}, {objective: cart/minutes}")),
            ("inner", inner),
        )
        + focus("cart", ("ok", EVENTS), ("minutes", sliced))
        + focus("pay", ("ok", EVENTS))
        + TEAM
    )
    it = Story(composite("all"))
    it.it = Rig({"shop.yaml": text})
    it.minute(cart=(10, 0), pay=(10, 0))
    it.minute(cart=(93, 7), pay=(10, 0))
    it.minute(cart=(10, 0), pay=(8, 2))
    it.quiet(2)
    assert it.counted("shop/inner") == (3, 1)
    assert it.counted("shop/outer") == (3, 2)


def test_a_composite_survives_a_snapshot() -> None:
    it = Story(composite("journey"))
    it.minute(cart=(9, 1), pay=(10, 0))
    copy = Story(composite("journey"))
    copy.it.world, copy._batches = revive(preserve(it.it.world)), it._batches
    for one in (it, copy):
        one.minute(cart=(9, 1), pay=(10, 0))
    assert it.counted() == copy.counted() == (2 * PARTS, 2 * PARTS // 10)
    assert it.health == copy.health


def test_a_member_that_is_removed_is_refused_by_name_as_long_as_the_composite_names_it() -> None:
    it = Story(composite("all"))
    gone = (
        it.text.replace(focus("pay", ("ok", EVENTS)), "")
        + f"---\n{HEAD}kind: Removed\nmetadata: {{name: pay}}\n"
    )
    it.it.turn(PolicyRead({"shop.yaml": gone}, "2026-01-01"))
    (problem,) = it.it.world.policies.refused
    assert problem.code == "D225"
    assert "removed by its tombstone" in problem.hint


def problems(*documents: str) -> dict[str, str]:
    loaded = load({"a.yaml": "".join(documents) + TEAM})
    return {
        one.code: f"{one.what} / {one.hint}"
        for one in loaded.problems
        if one.code < "D231" and one.code > "D219"
    }


def test_members_must_exist_once_in_the_same_environment_and_in_no_circle() -> None:
    cart = focus("cart", ("ok", EVENTS))
    assert (
        "cart/ok" in problems(cart, focus("shop", ("w", composite("all", "{objective: cart/okay}"))))["D225"]
    )
    twice = composite("all", "{objective: cart/ok}, {objective: cart/ok}")
    assert "D226" in problems(cart, focus("shop", ("w", twice)))
    circle = focus(
        "shop", ("a", composite("all", "{objective: b}")), ("b", composite("all", "{objective: a}"))
    )
    assert "shop/b -> shop/a -> shop/b" in problems(circle)["D227"]
    other = focus("cart", ("ok", EVENTS), environment="staging")
    assert (
        "staging" in problems(other, focus("shop", ("w", composite("all", "{objective: cart/ok}"))))["D228"]
    )
    weighed = composite("all", "{objective: cart/ok, weight: 2}")
    assert "D230" in problems(cart, focus("shop", ("w", weighed)))
