"""Counters that restart, read by us and by Prometheus: every window holds what `increase` says."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests.oracle.promtool import INSTALL, Found, Story, ask, cumulative, seconds
from tests.oracle.streams import T0, counters_for, objective

from focusplane.define.focus import Focus
from focusplane.instrument.cumulative import Cumulative
from focusplane.instrument.gather import Judges, gather_points
from focusplane.instrument.point import Point, Points, Said, Temporality, Total
from focusplane.instrument.precedence import Precedence
from focusplane.instrument.recognise import Recogniser
from focusplane.instrument.tagging import Index
from focusplane.kernel.tick import HOUR, MINUTE, SECOND
from focusplane.observe.counters import Counters
from focusplane.observe.reading import Measured

pytestmark = pytest.mark.requires_server("promtool", INSTALL)

STEP_MS = 10 * SECOND
WINDOWS = (MINUTE, 5 * MINUTE, 30 * MINUTE, HOUR)
JUDGED = objective(Fraction(999, 1000))
NS = 1_000_000
Samples = list[int]


def restarting(seed: int, count: int, mean: int) -> tuple[Samples, list[int]]:
    """A counter that begins at 0 and restarts now and then; its samples, and the index where each life began.

    A restart falls just after a sample, so that nothing is lost between the last word and the end. The first count of a
    new life is not smaller than 1, and a fall is seen: Prometheus cannot know of a restart otherwise.
    """
    chance = np.random.default_rng(seed)
    values, born, value, life = [0], [0], 0, 0
    for at in range(1, count):
        if value > 50 * mean and chance.random() < 0.05:
            value, life = 0, at
        value += int(chance.poisson(mean))
        values.append(value)
        born.append(life)
    return values, born


def read(requests: tuple[Samples, list[int]], errors: tuple[Samples, list[int]]) -> Counters:
    """Both counters as cumulative OTLP points, one request a step, through everything that counts them."""
    counters = counters_for(JUDGED)
    index = Index({"shop": Focus("shop", "crew", "digest", objectives=(JUDGED,))}, "production")
    recogniser, precedence = Recogniser(index), Precedence()
    tracker = Cumulative(since=(T0 - HOUR) * NS)
    resource = Said({"service.name": "shop", "service.instance.id": "i-1"})
    said = {status: Said({"focus.id": "shop", "http.response.status_code": status}) for status in (200, 503)}
    for number in range(len(requests[0])):
        at = T0 + number * STEP_MS
        points = tuple(
            Point(
                resource, said[status], "focus.requests", "1", str(status).encode(),
                (T0 + (life := born[number]) * STEP_MS - (STEP_MS if life else 0)) * NS, at * NS,
                Temporality.CUMULATIVE, Total(values[number]),
            )
            for status, (values, born) in ((200, requests), (503, errors))
        )  # fmt: skip
        turn = tracker.begin()
        gathered = gather_points(Points(points), Judges(recogniser, turn, precedence), at)
        assert not gathered.rejected
        for signal in gathered.signals:
            counters.add(signal, at)
        turn.commit()
        counters.settle(at)
    return counters


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("seed", range(2))
def test_every_window_holds_the_increase_of_counters_that_restart(
    seed: int, told: bool, tmp_path: Path
) -> None:
    """`told`: the points say when their series began; else a fall alone tells of the restart."""
    count = 721  # ends on an evaluation: promtool loads no sample beyond the last one
    requests, errors = restarting(seed, count, 40), restarting(seed + 50, count, 2)
    assert max(requests[1]) > 0
    assert max(errors[1]) > 0
    end = (count - 1) * STEP_MS
    exprs = [
        (f"increase({name}[{seconds(w)}])", end) for w in WINDOWS for name in ("good_total", "errors_total")
    ]
    story = Story(STEP_MS, {"good_total": requests[0], "errors_total": errors[0]}, exprs=exprs)
    found = ask(tmp_path, {"groups": []}, story).values
    unsaid = [0] * count
    counters = read(requests, errors) if told else read((requests[0], unsaid), (errors[0], unsaid))
    for window in WINDOWS:
        reading = counters.over("shop", "availability", window, T0 + end)
        assert isinstance(reading, Measured)
        assert (reading.good, reading.bad) == tuple(
            round(found[f"increase({name}[{seconds(window)}])", end])
            for name in ("good_total", "errors_total")
        )


def test_the_first_count_of_a_new_series_counts_where_prometheus_needs_a_second_one(tmp_path: Path) -> None:
    good: Samples = [0, *[10] * 30]
    errors: list[int | None] = [None, *[7] * 30]
    expr = (f"increase(errors_total[{seconds(5 * MINUTE)}])", 30 * STEP_MS)
    found: Found = ask(
        tmp_path, {"groups": []}, Story(STEP_MS, {"good_total": good, "errors_total": errors}, exprs=[expr])
    )
    assert found.values[expr] == 0
    counters = read((good, [0] * 31), ([0, *[7] * 30], [0] * 31))
    reading = counters.over("shop", "availability", 5 * MINUTE, T0 + 30 * STEP_MS)
    assert isinstance(reading, Measured)
    assert reading.bad == 7


def test_a_month_of_days_and_nights_is_a_ratio_of_sums_and_not_a_mean_of_ratios(tmp_path: Path) -> None:
    """Sloth's default for its 30 days is the mean of the ratios of 5 minutes: half the burn is hidden."""
    day, night = 72, 72  # of 5 minutes each
    requests, errors = [10_000] * day + [100] * night, [100] * day + [0] * night
    samples = {"requests_total": list(cumulative(requests)), "errors_total": list(cumulative(errors))}
    window = 5 * MINUTE
    record = {"record": "ratio", "expr": "sum(rate(errors_total[300s])) / sum(rate(requests_total[300s]))"}
    rules = {"groups": [{"name": "slo", "interval": "300s", "rules": [record]}]}
    end = (day + night) * window
    mean = (f"sum_over_time(ratio[{seconds(end - 1)}]) / count_over_time(ratio[{seconds(end - 1)}])", end)
    found = ask(tmp_path, rules, Story(window, samples, window, exprs=[mean])).values[mean]
    assert found == pytest.approx(0.005, rel=0.02)
    assert Fraction(sum(errors), sum(requests)) > Fraction(98, 10_000)
