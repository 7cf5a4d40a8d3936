"""Who burnt a budget: exact while slices remember, by the hour after that, bounded, and saved."""

from fractions import Fraction

from focusplane.define.focus import Focus
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.define.slo import Objective, Rolling
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import DAY, HOUR, MINUTE
from focusplane.observe.attribution import attribute
from focusplane.observe.counters import Counters
from focusplane.observe.ledger import WORST, Entry, Ledger

T0 = 1_767_225_600_000
SLI = Sli(SliKind.EVENTS, Match(status=("5xx",)), Match())
ONE = Objective("availability", Fraction(999, 1000), Rolling(30 * DAY), SLI, ())
FOCUS = Focus("checkout", "payments", "", objectives=(ONE,))


def counting() -> Counters:
    counters = Counters()
    counters.declare(FOCUS)
    return counters


def say(counters: Counters, end: int, failures: dict[str, int], version: str = "v1") -> None:
    for tenant, bad in failures.items():
        for status, count in ((200, 100), (503, bad)):
            part = Slice(tenant=tenant, version=version)
            said = Signal(
                "checkout", "production", Source.EDGE, "e", end - MINUTE, end, part, Outcome(status), count
            )
            counters.add(said, end)
    counters.settle(end)


def burners(counters: Counters, length: int, dimension: str = "tenant") -> list[tuple[str, int]]:
    mark = counters.watermark("checkout")
    assert isinstance(mark, int)
    found = attribute(counters, "checkout", "availability", mark - length, mark)
    return [(each.value, each.bad) for each in found.by.get(dimension, ())]


def test_the_last_hours_are_attributed_exactly_with_shares() -> None:
    counters = counting()
    for minute in range(1, 61):
        say(counters, T0 + minute * MINUTE, {"acme": 3, "bolt": 1, "core": 0})
    mark = T0 + HOUR
    found = attribute(counters, "checkout", "availability", T0, mark)
    assert found.exact
    assert found.bad == 240
    assert [(each.value, each.bad, each.share) for each in found.by["tenant"]] == [
        ("acme", 180, Fraction(3, 4)),
        ("bolt", 60, Fraction(1, 4)),
    ]
    assert found.others == {"tenant": 0, "version": 0}


def test_who_burnt_it_days_ago_is_known_by_the_hour_also_after_a_restart() -> None:
    counters = counting()
    for minute in range(1, 121):
        say(counters, T0 + minute * MINUTE, {"acme": 5}, "v2")
    for hour in range(3, 73):
        say(counters, T0 + hour * HOUR, {"bolt": 2})
    assert burners(counters, 30 * DAY) == [("acme", 600), ("bolt", 140)]
    assert burners(counters, 30 * DAY, "version") == [("v2", 600), ("v1", 140)]
    assert burners(counters, 6 * HOUR) == [("bolt", 12)]
    again = Counters()
    again.restore(counters.state(), {"checkout": FOCUS})
    assert burners(again, 30 * DAY) == [("acme", 600), ("bolt", 140)]


def test_an_hour_keeps_its_worst_values_and_says_how_much_the_others_made() -> None:
    counters = counting()
    for minute in range(1, 61):
        say(counters, T0 + minute * MINUTE, {f"t{number:02}": number for number in range(20)})
    for hour in range(2, 12):
        say(counters, T0 + hour * HOUR, {"quiet": 0})
    mark = T0 + 11 * HOUR
    found = attribute(counters, "checkout", "availability", mark - DAY, mark)
    assert len(found.by["tenant"]) == WORST
    assert found.by["tenant"][0].value == "t19"
    assert found.bad == 60 * 190
    assert found.others["tenant"] == 60 * sum(range(20 - WORST))


def test_the_ledger_is_bounded_hours_become_days_and_days_leave() -> None:
    ledger = Ledger()
    for hour in range(1, 500 * 24):
        ledger.until = T0 + hour * HOUR
        ledger.note("availability", Entry(ledger.until, HOUR, 3, {"tenant": {"acme": 2, "bolt": 1}}))
        ledger.age()
    entries = ledger.entries["availability"]
    assert len(entries) <= 8 * 24 + 406
    bad, by = ledger.over("availability", ledger.until - 30 * DAY)
    assert 30 * 24 * 3 <= bad <= 31 * 24 * 3
    assert by["tenant"]["acme"] * 3 == bad * 2
    assert Ledger.restored(ledger.state()).entries == ledger.entries
