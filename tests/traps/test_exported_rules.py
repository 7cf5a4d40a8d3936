"""Traps of SLO engines in the rules that we export, judged by the real promtool: Sloth, Pyrra and the SRE workbook's rules
fall into each of them (research: sums of ratios, `rate` over sums, `or vector(0)`, groups of their own for alerts).
"""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from tests.oracle.promtool import INSTALL, Found, Story, ask, cumulative
from tests.oracle.streams import firing, judged_at, stream, with_rules

from focusplane.define.burn import burn_rules
from focusplane.define.focus import Focus
from focusplane.define.sli import Match, Of, PromQl, Sli, SliKind
from focusplane.define.slo import BurnRule, Objective, Rolling
from focusplane.kernel.tick import DAY, HOUR, MINUTE, SECOND
from focusplane.learn.rules.groups import PACES, rules_of

pytestmark = pytest.mark.requires_server("promtool", INSTALL)
STEP = 30 * SECOND
TARGET = Fraction(999, 1000)
COUNTS = PromQl(bad="errors_total", total="requests_total")
NAME = 'focus_id="shop",objective="o",shard="0",slo_table="{table}",team="crew"'
Values = Sequence[int | None]


def objective(
    promql: PromQl = COUNTS, under_ms: int = 0, rules: Sequence[BurnRule] | None = None
) -> Objective:
    kind = SliKind.LATENCY if under_ms else SliKind.EVENTS
    sli = Sli(kind, Match(), Match(), under_ms, Of.ALL if under_ms else Of.GOOD, promql=promql)
    table = burn_rules(TARGET, Rolling(30 * DAY))[0] if rules is None else tuple(rules)
    return Objective("o", TARGET, Rolling(30 * DAY), sli, table)


def exported(judged: Objective) -> dict[str, Any]:
    written = rules_of([Focus("shop", "crew", "d", objectives=(judged,))], scrape_ms=STEP)
    return {
        "groups": [
            {"name": group.name, "interval": f"{group.interval_ms // SECOND}s", "rules": list(group.rules)}
            for group in written.groups
        ]
    }


def asked(
    folder: Path,
    judged: Objective,
    series: dict[str, Values],
    exprs: Sequence[tuple[str, int]],
    alert: str = "",
) -> Found:
    until = STEP * (max(map(len, series.values())) - 1)
    looks = range(STEP, until + 1, STEP) if alert else ()
    alerts = [alert] if alert else []
    return ask(folder, exported(judged), Story(STEP, series, STEP, looks, alerts, exprs))


def bad(window: str) -> str:
    return f"sum(focus:bad:fast_sum{window})"


def test_trap_02_an_idle_stretch_is_a_count_of_nothing_and_poisons_no_window(tmp_path: Path) -> None:
    total = [*range(0, 2_000, 100), *[1_900] * 40, *range(1_900, 4_000, 100)]
    errors = [0] * 60 + [10] * (len(total) - 60)
    end = STEP * (len(total) - 1)
    ratio = "sum(focus:bad:fast_sum1h) / sum(focus:total:fast_sum1h)"
    idle = (bad("5m"), STEP * 55)
    found = asked(
        tmp_path, objective(), {"requests_total": total, "errors_total": errors}, [(ratio, end), idle]
    )
    assert found.values[idle] == 0
    covered = len(total) * STEP
    assert found.values[ratio, end] == pytest.approx(10 / 3_900 * covered / HOUR, rel=0.03)


def test_trap_03_errors_without_a_series_are_none_and_without_requests_nothing_at_all(tmp_path: Path) -> None:
    total: Values = [*range(0, 2_000, 100), *[None] * 30]
    there, gone = (bad("5m"), STEP * 15), ("focus:bad:increase30s", STEP * 45)
    found = asked(tmp_path, objective(), {"requests_total": total}, [there, gone], "FocusBlind")
    assert found.values[there] == 0
    assert gone not in found.values
    assert found.firing["FocusBlind"]
    assert min(found.firing["FocusBlind"]) > STEP * 19


def test_trap_04_an_error_counter_born_at_one_counts_one(tmp_path: Path) -> None:
    total = list(range(0, 4_000, 100))
    errors: Values = [*[None] * 20, *[1] * 20]
    at = (bad("1h"), STEP * 38)
    found = asked(tmp_path, objective(), {"requests_total": total, "errors_total": errors}, [at])
    assert found.values[at] == 1


def test_trap_05_a_restart_of_one_instance_adds_what_it_counted_since(tmp_path: Path) -> None:
    series: dict[str, Values] = {
        'requests_total{instance="a"}': [*range(1_000, 3_000, 100), *range(5, 105, 5)],
        'requests_total{instance="b"}': list(range(50_000, 50_400, 10)),
    }
    at = ("sum_over_time(focus:total:increase30s[1h])", STEP * 39)
    found = asked(tmp_path, objective(), series, [at])
    assert found.values[at] == 1_900 + 100 + 390


@pytest.mark.parametrize("le", ["1", "1.0"])
def test_trap_06_a_bound_is_found_however_it_is_written(tmp_path: Path, le: str) -> None:
    series: dict[str, Values] = {
        f'x_bucket{{le="{le}"}}': list(range(0, 3_600, 90)),
        'x_bucket{le="+Inf"}': list(range(0, 4_000, 100)),
    }
    at = ("sum_over_time(focus:bad:increase30s[1h])", STEP * 39)
    found = asked(tmp_path, objective(PromQl(histogram="x_bucket"), 1_000), series, [at])
    assert found.values[at] == 390


def test_trap_06_a_bound_that_is_not_there_is_blindness_and_no_100_percent(tmp_path: Path) -> None:
    series: dict[str, Values] = {
        'x_bucket{le="0.5"}': list(range(0, 3_600, 90)),
        'x_bucket{le="+Inf"}': list(range(0, 4_000, 100)),
    }
    at = ("focus:bad:increase30s", STEP * 39)
    found = asked(tmp_path, objective(PromQl(histogram="x_bucket"), 300), series, [at], "FocusBlind")
    assert at not in found.values
    assert found.firing["FocusBlind"]


def test_trap_24_every_alert_stands_in_the_group_that_records_what_it_reads() -> None:
    for group in exported(objective())["groups"]:
        recorded: set[str] = set()
        for rule in group["rules"]:
            if "alert" not in rule:
                recorded.add(rule["record"])
                continue
            read = {
                word.partition("{")[0]
                for word in rule["expr"].replace("(", " ").split()
                if word.startswith("focus:")
            }
            assert read <= recorded, rule["alert"]


RULES = [rule for rule in burn_rules(TARGET, Rolling(30 * DAY))[0] if rule.long_ms <= 6 * HOUR]


@pytest.mark.parametrize(
    "rule", RULES, ids=lambda rule: f"{rule.level.name.lower()}-{rule.long_ms // MINUTE}m"
)
def test_exported_alerts_fire_when_ours_do_within_one_evaluation(rule: BurnRule, tmp_path: Path) -> None:
    """A level of the chain waits for one step of the level below it, too."""
    pace = next(place for place, one in enumerate(PACES) if rule.long_ms <= one.longest_ms)
    late = PACES[pace].step_ms + (PACES[pace - 1].step_ms if pace else 0)
    seed = 3 if rule.ratio is None else 0  # one with an outage in it
    run = stream(seed, STEP, 720 if pace else 120, 480, 400)
    judged = objective(rules=[rule])
    looks = range(HOUR, len(run.total) * STEP, STEP)
    ours = firing(judged_at(run, with_rules(TARGET, [rule]), looks), rule)
    series: dict[str, Values] = {
        "requests_total": list(cumulative(run.total)),
        "errors_total": list(cumulative(run.bad)),
    }
    alert = f"Focus{rule.level.name.capitalize()}"
    theirs = ask(tmp_path, exported(judged), Story(STEP, series, STEP, looks, [alert])).firing[alert]
    assert ours
    near = [at for at in ours ^ theirs if not _turns(ours, at, late) and at > looks[0] + late]
    assert near == []


def _turns(ours: set[int], at: int, late: int) -> bool:
    """Whether ours began or ended that near before or after."""
    around = {at + shift in ours for shift in range(-late, late + STEP, STEP)}
    return len(around) == 2
