"""Corrections beside what comes and goes: new groups, new objectives, work that is cut short, very many of them."""

from fractions import Fraction

from focusplane.define.focus import Focus
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.define.slo import Dimension, Grouping, Objective, Rolling
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import DAY, HOUR, MINUTE, SECOND
from focusplane.observe.corrected import As, Corrected
from focusplane.observe.counters import Counters
from focusplane.observe.reading import Measured

T0 = 1_767_225_600_000
SLI = Sli(SliKind.EVENTS, Match(status=("5xx",)), Match())
OTHER_SLI = Sli(SliKind.EVENTS, Match(status=("503",)), Match())
ODD = 7 * SECOND
"""No tier but the finest has such boundaries."""


def objective(name: str = "availability", sli: Sli = SLI) -> Objective:
    return Objective(name, Fraction(99, 100), Rolling(30 * DAY), sli, (), by=Grouping(Dimension.TENANT))


def counting(*objectives: Objective, name: str = "shop") -> Focus:
    return Focus(name, "crew", "", objectives=objectives or (objective(),))


def say(counters: Counters, end: int, counts: tuple[int, int], tenant: str = "acme") -> None:
    for status, count in zip((200, 503), counts, strict=True):
        said = Signal(
            "shop",
            "production",
            Source.EDGE,
            "e",
            end - MINUTE,
            end,
            Slice(tenant=tenant),
            Outcome(status),
            count,
        )
        counters.add(said, end)
    counters.settle(end)


def minutes(counters: Counters, first: int, last: int, counts: tuple[int, int]) -> None:
    for minute in range(first + 1, last + 1):
        say(counters, T0 + minute * MINUTE, counts)


def corrected_an_hour_ago() -> tuple[Counters, int]:
    """A span that ends on seconds which only the finest tier remembers, and no tier after two hours more."""
    counters = Counters()
    counters.declare(counting())
    minutes(counters, 0, 60, (90, 10))
    end = T0 + HOUR
    assert not counters.correct("shop", Corrected("cor-1", "", end - MINUTE - ODD, end - ODD, As.EXCLUDE))
    minutes(counters, 60, 180, (90, 10))
    return counters, T0 + 3 * HOUR


def test_a_tenant_that_comes_long_after_a_corrected_span_is_counted() -> None:
    counters, now = corrected_an_hour_ago()
    say(counters, now + MINUTE, (5, 1), "late")
    assert counters.over_group("shop", "availability", "tenant=late", HOUR, now + MINUTE) == Measured(
        5, 6, Fraction(1)
    )
    assert counters.judged("shop", ("availability", "tenant=late"), HOUR, now + MINUTE) == Measured(
        5, 6, Fraction(1)
    )


def test_an_objective_that_means_something_else_long_after_a_corrected_span_is_counted_anew() -> None:
    counters, now = corrected_an_hour_ago()
    counters.declare(counting(objective(sli=OTHER_SLI)))
    say(counters, now + MINUTE, (5, 1))
    found = counters.judged("shop", ("availability", ""), HOUR, now + MINUTE)
    assert isinstance(found, Measured)
    assert (found.good, found.total) == (5, 6)


def test_work_that_ends_early_stays_corrected_up_to_then_also_if_it_began_long_ago() -> None:
    counters = Counters()
    counters.declare(counting())
    minutes(counters, 0, 10, (100, 0))
    begin = T0 + 10 * MINUTE + ODD
    assert not counters.correct("shop", Corrected("cor-1", "", begin, begin + DAY, As.EXCLUDE))
    minutes(counters, 10, 190, (0, 100))
    counters.shorten("shop", "cor-1", T0 + 190 * MINUTE)
    minutes(counters, 190, 200, (100, 0))
    found = counters.judged("shop", ("availability", ""), 4 * HOUR, T0 + 200 * MINUTE)
    assert isinstance(found, Measured)
    assert (found.good, found.bad) == (2_000, 0)
    assert counters.left_out("shop", "availability", T0, T0 + 200 * MINUTE) == 180 * MINUTE - ODD
    counters.revoke("shop", "cor-1")
    taken_back = counters.judged("shop", ("availability", ""), 4 * HOUR, T0 + 200 * MINUTE)
    assert isinstance(taken_back, Measured)
    assert taken_back.bad == 18_000


def test_an_objective_that_means_the_same_as_another_one_does_not_take_over_what_is_corrected_of_that_alone() -> (
    None
):
    counters = Counters()
    counters.declare(counting())
    minutes(counters, 0, 10, (90, 10))
    only = Corrected("cor-1", "availability", T0, T0 + 5 * MINUTE, As.GOOD)
    assert not counters.correct("shop", only)
    counters.declare(counting(objective(), objective("twin")))
    until = T0 + 10 * MINUTE
    found = (
        counters.judged("shop", ("twin", ""), HOUR, until),
        counters.judged("shop", ("availability", ""), HOUR, until),
    )
    assert [one.bad for one in found if isinstance(one, Measured)] == [100, 50]
