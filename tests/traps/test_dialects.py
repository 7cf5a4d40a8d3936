"""Traps of files of other tools: what a target means, what a month is, which budget is shown, which alerts can fire."""

from fractions import Fraction

import pytest
from tests.edge.dialects.reading import objectives, policies, said, taken
from tests.edge.dialects.test_import_openslo import slo
from tests.edge.dialects.test_import_pyrra import HEAD, RATIO
from tests.edge.dialects.test_import_slo_generator import one as slo_generator
from tests.edge.dialects.test_import_sloth import one as sloth

from focusplane.define.load import load
from focusplane.define.sli import meaning
from focusplane.define.slo import Calendar, CalendarUnit
from focusplane.edge.dialects.grafana import dashboards
from focusplane.edge.dialects.reading import Imported
from focusplane.kernel.tick import MINUTE


def pyrra(target: str = "99", window: str = "28d") -> str:
    return HEAD + f"  target: '{target}'\n  window: {window}\n" + RATIO


QUERY = "{expression: 'avg_over_time(x[window])'}"


def with_target(tool: str, target: str) -> Imported:
    texts = {
        "sloth": sloth(target),
        "pyrra": pyrra(target),
        "openslo": slo(objective=f"{{target: {target}}}"),
        "openslo-percent": slo(objective=f"{{targetPercent: {target}}}"),
        "slo-generator": slo_generator("query_sli", QUERY, target),
    }
    return taken(tool.removesuffix("-percent"), texts[tool])


def codes(found: Imported) -> list[str]:
    return [note.code for note in found.notes if note.severity == "error"]


@pytest.mark.parametrize(
    ("tool", "right", "wrong"),
    [
        ("sloth", "99.9", "0.999"),
        ("pyrra", "99.9", "0.999"),
        ("openslo", "0.999", "99.9"),
        ("openslo-percent", "99.9", "0.999"),
        ("slo-generator", "0.999", "99.9"),
    ],
)
def test_trap_18_a_percentage_where_a_share_is_meant_is_refused_and_never_taken_as_a_hundredfold(
    tool: str, right: str, wrong: str
) -> None:
    """NthLayer read 98.5 as a share and was critical for ever; Pyrra only warns of 0.999."""
    good = with_target(tool, right)
    (focus,) = policies(good).policies.focuses.values()
    assert [objective.target for objective in focus.objectives] == [Fraction(999, 1000)]
    bad = with_target(tool, wrong)
    assert codes(bad) == ["D336"]
    assert bad.files == {}
    assert [note.hint for note in bad.notes if note.code == "D336"] == [f"write {right}"]


@pytest.mark.parametrize(
    ("tool", "everything"),
    [
        ("sloth", "100"),
        ("pyrra", "100"),
        ("openslo", "1"),
        ("openslo-percent", "100"),
        ("slo-generator", "1.0"),
    ],
)
def test_trap_14_a_target_of_everything_is_refused_on_import_with_what_to_write(
    tool: str, everything: str
) -> None:
    """slo-generator never alerts at 100 %, Sloth divides by zero; both accept it."""
    found = with_target(tool, everything)
    assert codes(found) == ["D332"]
    assert found.files == {}
    assert [note.hint for note in found.notes if note.code == "D332"] == [
        "choose a target below 100 %, such as 99.99 %"
    ]


def test_trap_12_windows_that_pyrra_scales_down_to_nothing_are_stretched_to_four_samples_and_told() -> None:
    """Pyrra scales its windows with the period: of a day, its shortest is 10.7 s, rounded to 0 s, which selects nothing."""
    found = taken("pyrra", pyrra(window="1d"))
    rows = objectives(found, "shop.yaml")["availability"]["rules"]
    assert rows[0] == {"level": "page", "burn": 14, "windows": ["2m", "1m"]}
    assert any("2m and 0s become 2m and 1m: four samples at least" in line for line in said(found, "D334"))
    (focus,) = policies(found).policies.focuses.values()
    assert min(rule.short_ms for rule in focus.objectives[0].rules) >= MINUTE


def test_trap_12_pyrras_own_windows_are_kept_where_they_hold_enough() -> None:
    """Its table for a week: 15m and 1m, 1h30m and 8m, 6h and 30m, 1d and 1h30m."""
    rows = objectives(taken("pyrra", pyrra(window="7d")), "shop.yaml")["availability"]["rules"]
    assert [row["windows"] for row in rows] == [
        ["15m", "1m"],
        ["1h30m", "8m"],
        ["6h", "30m"],
        ["1d", "1h30m"],
    ]
    assert [row["burn"] for row in rows] == [14, 7, 2, 1]


@pytest.mark.parametrize(
    ("duration", "start", "unit", "day"),
    [
        ("1M", "2026-01-31 00:00:00", CalendarUnit.MONTH, 31),
        ("1M", "2026-01-01 00:00:00", CalendarUnit.MONTH, 1),
        ("1Q", "2026-04-01 00:00:00", CalendarUnit.QUARTER, 1),
        ("1Y", "2026-01-01 00:00:00", CalendarUnit.YEAR, 1),
        ("1w", "2026-01-07 00:00:00", CalendarUnit.WEEK, 3),
    ],
)
def test_trap_30_months_quarters_years_and_weeks_of_openslo_keep_their_zone_and_their_first_day(
    duration: str, start: str, unit: CalendarUnit, day: int
) -> None:
    """OpenSLO leaves open what 1M is and what follows a start on the 31st; its readers take 30 days or guess."""
    window = f'{{duration: {duration}, calendar: {{startTime: "{start}", timeZone: America/New_York}}, isRolling: false}}'
    found = taken("openslo", slo(window=window))
    (focus,) = policies(found).policies.focuses.values()
    assert focus.objectives[0].window == Calendar(unit, "America/New_York", day)
    told = any("a month that has no day 31 starts on its last day" in line for line in said(found, "D334"))
    assert told is (day == 31)


@pytest.mark.parametrize(
    ("duration", "start", "words"),
    [
        ("1M", "2026-01-01 12:30:00", "starts at 12:30:00 there, at midnight here"),
        ("1Q", "2026-02-01 00:00:00", "the quarter starts in February there"),
        ("1Y", "2026-07-01 00:00:00", "the year starts in July there"),
        ("2M", "2026-01-01 00:00:00", "it becomes the last 60d, rolling"),
    ],
)
def test_trap_30_what_our_calendars_cannot_say_is_told(duration: str, start: str, words: str) -> None:
    """A window that quietly became another one would move the budget of a contract."""
    window = f'{{duration: {duration}, calendar: {{startTime: "{start}", timeZone: UTC}}, isRolling: false}}'
    found = taken("openslo", slo(window=window))
    assert any(words in line for line in said(found, "D334"))
    policies(found)


def test_trap_30_a_rolling_month_is_no_month_and_one_m_is_a_minute() -> None:
    """`1m` and `1M` differ by a factor of 43,200."""
    month = taken("openslo", slo(window="{duration: 1M, isRolling: true}"))
    assert objectives(month, "shop.yaml")["up"]["window"] == "30d"
    assert any("1M is no fixed length: it becomes 30d" in line for line in said(month, "D334"))
    minute = taken("openslo", slo(window="{duration: 1m, isRolling: true}"))
    assert objectives(minute, "shop.yaml")["up"]["window"] == "1m"


def test_trap_22_a_file_that_is_edited_and_imported_again_keeps_what_its_objectives_count() -> None:
    """With Sloth an edited label or objective starts new series, and the past is lost or mixed."""
    first = policies(taken("sloth", sloth("99.9"))).policies.focuses["shop"]
    text = sloth("99.5").replace("service: shop\n", "service: shop\nlabels: {squad: new}\n")
    second = policies(taken("sloth", text)).policies.focuses["shop"]
    assert first.labels != second.labels
    assert first.objectives[0].target != second.objectives[0].target
    assert [(one.name, meaning(one.sli)) for one in first.objectives] == [
        (one.name, meaning(one.sli)) for one in second.objectives
    ]


def test_trap_19_a_dashboard_shows_the_budget_that_is_left_and_not_the_share_that_is_good() -> None:
    """Google's own example records the SLI under the name of the remaining budget."""
    text = sloth("99.9")
    focus = load(dict(taken("sloth", text).files)).policies.focuses["shop"]
    board = dashboards("focus", [focus])["focus-shop.json"]
    assert "focus_objective_budget_left_ratio" in board
    titles = {"Good events": "focus_objective_good_ratio", "Budget left": "focus_objective_budget_left_ratio"}
    for title, metric in titles.items():
        start = board.index(f'"title": "{title}"')
        assert metric in board[start : board.index('"title"', start + 10)]
