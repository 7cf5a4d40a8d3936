"""A past that is lived through again: the same judgements as production, and honest words about how good they were."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import groupby, pairwise

import pytest

from focusplane.define.load import load
from focusplane.define.slo import Level
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import DAY, HOUR, MINUTE, SECOND
from focusplane.learn.backtest import Alarm, Episode, Incident, against, summaries
from focusplane.observe.counters import Counters
from focusplane.observe.judge_health import judge
from focusplane.testing.past import Past, live_again, recorded
from focusplane.testing.rig import Load, Rig

T0 = 1_767_225_600_000
FILES = {
    "shop.yaml": """\
apiVersion: focusplane/v1
kind: Team
metadata: {name: crew}
spec: {members: [ana@example.org]}
---
apiVersion: focusplane/v1
kind: Focus
metadata: {name: shop}
spec:
  owner: crew
  boundary: [{service: shop}]
  controls: {flags: {fresh: {variants: {on: true, off: false}, default: on, off: off, expires: 2030-01-01}}}
  objectives:
    - {name: availability, target: 99.9%, window: 30d, sli: {bad: {status: 5xx}}}
    - {name: speed, target: 95%, window: 30d, sli: {latency: {under: 300ms}}}
  mitigations:
    - {name: kill-fresh, when: {objective: availability, burn: 4}, do: {flag: fresh, set: off}, mode: act}
"""
}
FOCUS = load(FILES, "2026-01-01").policies.focuses["shop"]


def minutes(bad: Sequence[int], total: int = 1_000, since: int = T0) -> list[Past]:
    return [
        Past(since + n * MINUTE, since + (n + 1) * MINUTE, "shop", "availability", total - failed, failed)
        for n, failed in enumerate(bad)
    ]


OUTAGE = minutes([0] * 120 + [500] * 10 + [0] * 120)


def test_an_outage_of_the_past_would_have_paged_once_and_moved_the_flag_once() -> None:
    tally = live_again(FILES, OUTAGE)
    assert [one.alarm for one in tally.episodes].count(Alarm.PAGE) == 1
    page = next(one for one in tally.episodes if one.alarm is Alarm.PAGE)
    assert page.objective == "shop/availability"
    assert page.onset == T0 + 121 * MINUTE
    assert page.delay_ms is not None
    assert page.delay_ms <= 5 * MINUTE
    assert page.ended is not None
    assert tally.acted == {"shop/kill-fresh": 1}


def test_every_judgement_is_the_one_that_the_judge_makes_of_the_same_counts() -> None:
    counters = Counters()
    counters.declare(replace(FOCUS, objectives=FOCUS.objectives[:1]))
    began: list[int] = []
    firing = False
    for row in OUTAGE:
        for status, count in ((200, row.good), (503, row.bad)):
            told = Outcome(status)
            signal = Signal("shop", "production", Source.APP, "i-1", row.start, row.end, Slice(), told, count)
            counters.add(signal, row.end)
        counters.settle(row.end)
        now = judge(FOCUS.objectives[0], counters, "shop", row.end).level >= Level.ACT
        if now and not firing:
            began.append(row.end)
        firing = now
    acts = [one for one in live_again(FILES, OUTAGE).episodes if one.alarm is Alarm.ACT]
    assert acts[0].began == began[0]
    assert acts[0].ended is not None


def test_an_objective_that_the_past_does_not_count_is_not_called_blind() -> None:
    assert [one.objective for one in summaries(live_again(FILES, OUTAGE))] == ["shop/availability"]


def test_a_gap_in_the_past_is_blindness_and_no_success() -> None:
    later = minutes([0] * 60, since=T0 + 5 * HOUR)
    (found,) = summaries(live_again(FILES, [*minutes([0] * 60), *later]))
    assert found.blind_ms >= 3 * HOUR


def test_counts_of_long_intervals_are_laid_on_their_minutes_and_none_is_lost() -> None:
    row = Past(T0, T0 + HOUR, "shop", "availability", 10_007, 13)
    tally = live_again(FILES, [row])
    health = tally.last["shop/availability"]
    assert (health.reading.good, health.reading.bad) == (10_007, 13)  # type: ignore[union-attr]


def test_overlapping_rows_of_slices_add_up_whatever_their_order_of_ends() -> None:
    rows = [
        Past(T0, T0 + 10 * MINUTE, "shop", "availability", 100, 0, Slice(tenant="slow")),
        Past(T0 + MINUTE, T0 + 2 * MINUTE, "shop", "availability", 5, 1, Slice(tenant="quick")),
        Past(T0 + 2 * MINUTE, T0 + 3 * MINUTE, "shop", "availability", 5, 1, Slice(tenant="quick")),
    ]
    health = live_again(FILES, rows).last["shop/availability"]
    assert (health.reading.good, health.reading.bad) == (110, 2)  # type: ignore[union-attr]


def test_what_a_plane_remembers_is_given_back_exactly() -> None:
    rig = Rig(FILES)
    rig.loads = [Load("shop", per_second=20, tenants=10, failing={"": Fraction(1, 50)})]
    rig.seconds(20 * 60)
    (remembered,) = (rig.world.counters.over("shop", "availability", DAY, rig.at),)
    rows = list(recorded(rig.world.counters, FOCUS, 0, rig.at))
    mine = [row for row in rows if row.objective == "availability"]
    assert sum(row.good for row in mine) == remembered.good  # type: ignore[union-attr]
    assert sum(row.bad for row in mine) == remembered.bad  # type: ignore[union-attr]
    assert all(row.end - row.start <= MINUTE for row in mine)
    assert any(one.alarm is Alarm.ACT for one in live_again(FILES, rows).episodes)


def test_what_is_old_comes_back_in_coarser_blocks_that_leave_no_hole_and_overlap_nowhere() -> None:
    counters = Counters()
    counters.declare(replace(FOCUS, objectives=FOCUS.objectives[:1]))
    total = 0
    for quarter in range(4 * 24 * 5):
        end = T0 + (quarter + 1) * 15 * MINUTE
        for start in range(end - 15 * MINUTE, end, 5 * MINUTE):
            told = Outcome(200)
            signal = Signal(
                "shop", "production", Source.APP, "i", start, start + 5 * MINUTE, Slice(), told, 7
            )
            counters.add(signal, start + 5 * MINUTE)
            total += 7
        counters.settle(end)
    rows = list(recorded(counters, replace(FOCUS, objectives=FOCUS.objectives[:1]), 0, end))
    assert sum(row.good for row in rows) == total
    assert all(before.end == after.start for before, after in pairwise(rows))
    lengths = [length for length, _ in groupby(row.end - row.start for row in rows)]
    assert lengths == [6 * HOUR, 15 * MINUTE, MINUTE]


def test_pages_are_held_against_what_really_happened() -> None:
    def page(at: int) -> Episode:
        return Episode("shop/availability", Alarm.PAGE, at, at + MINUTE, at, None, "")

    outage = Incident("shop", T0 + HOUR, T0 + HOUR + 10 * MINUTE, "outage")
    unseen = Incident("shop", T0 + 9 * HOUR, T0 + 9 * HOUR + MINUTE, "unseen")
    other = Incident("cart", T0 + HOUR, T0 + 2 * HOUR, "other focus")
    stray = page(T0 + 5 * HOUR)
    truth = against([page(T0 + HOUR + 2 * MINUTE), stray], [outage, unseen, other])
    assert truth.told == ((outage, 2 * MINUTE),)
    assert truth.missed == (unseen, other)
    assert truth.idle == (stray,)


def test_an_alarm_that_comes_back_within_half_an_hour_is_the_same_one() -> None:
    twice = minutes([0] * 60 + [500] * 5 + [0] * 20 + [500] * 5 + [0] * 90)
    apart = minutes([0] * 60 + [500] * 5 + [0] * 90 + [500] * 5 + [0] * 90)
    for rows, pages in ((twice, 1), (apart, 2)):
        found = [one for one in live_again(FILES, rows).episodes if one.alarm is Alarm.PAGE]
        assert len(found) == pages


@pytest.mark.parametrize("every", [10 * SECOND, 5 * MINUTE])
def test_judging_more_or_less_often_counts_the_same(every: int) -> None:
    health = live_again(FILES, OUTAGE, every).last["shop/availability"]
    assert health.reading.bad == 5_000  # type: ignore[union-attr]


def test_the_same_past_gives_the_same_episodes() -> None:
    assert live_again(FILES, OUTAGE).episodes == live_again(FILES, OUTAGE).episodes
