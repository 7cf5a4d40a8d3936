"""Sloth's files, its CRD and its catalogues become focuses that count and alert as Sloth's rules do."""

from fractions import Fraction

from tests.edge.dialects.reading import imported, objectives, policies, said, taken

from focusplane.define.check import check
from focusplane.define.slo import Level, Rolling
from focusplane.kernel.tick import DAY, HOUR, MINUTE

ONE = """\
version: prometheus/v1
service: shop
slos:
  - name: up
    objective: {objective}
    sli: {{events: {{error_query: 'errors_total', total_query: 'requests_total'}}}}
    alerting: {alerting}
"""


def one(objective: str = "99.9", alerting: str = "{name: X}") -> str:
    return ONE.format(objective=objective, alerting=alerting)


def test_events_keep_their_queries_target_and_the_table_of_sloth() -> None:
    focus = policies(imported("sloth")).policies.focuses["basket-service"]
    found = focus.objective("adding-works")
    assert (found.target, found.window) == (Fraction(9995, 10_000), Rolling(30 * DAY))
    assert found.sli.promql is not None
    assert found.sli.promql.bad == 'sum(rate(basket_requests_total{job="basket",code=~"5.."}[{{.window}}]))'
    assert [(rule.level, rule.factor, rule.long_ms, rule.short_ms) for rule in found.rules] == [
        (Level.PAGE, Fraction(144, 10), HOUR, 5 * MINUTE),
        (Level.PAGE, 6, 6 * HOUR, 30 * MINUTE),
        (Level.TICKET, 3, DAY, 2 * HOUR),
        (Level.TICKET, 1, 3 * DAY, 6 * HOUR),
    ]


def test_a_raw_ratio_that_divides_two_sums_becomes_two_counts_and_any_other_stays_a_ratio() -> None:
    assert set(objectives(imported("sloth-crd"), "search.yaml")["answers"]["sli"]["prometheus"]) == {
        "bad",
        "total",
    }
    slow = objectives(imported("sloth"), "basket-service.yaml")["slow-share"]
    assert slow["sli"] == {"prometheus": {"ratio": "1 - avg(avg_over_time(basket_fast_ratio[{{.window}}]))"}}


def test_a_catalogue_says_the_period_and_the_rows_and_without_one_the_period_is_said_to_be_assumed() -> None:
    answers = objectives(imported("sloth-crd"), "search.yaml")["answers"]
    assert answers["window"] == "7d"
    assert [row["spends"] for row in answers["rules"]] == ["8%", "12.5%"]
    assert any(
        "Sloth keeps the period out of its files: 30d" in line for line in said(imported("sloth"), "D335")
    )
    assert (
        objectives(imported("sloth", window_ms=28 * DAY), "basket-service.yaml")["adding-works"]["window"]
        == "28d"
    )


def test_a_disabled_alert_takes_its_rows_away_and_two_leave_nobody_told() -> None:
    slow = objectives(imported("sloth"), "basket-service.yaml")["slow-share"]
    assert {row["level"] for row in slow["rules"]} == {"ticket"}
    off = taken(
        "sloth", one(alerting="{name: X, page_alert: {disable: true}, ticket_alert: {disable: true}}")
    )
    focus = policies(off).policies.focuses["shop"]
    assert (focus.alerts.page, focus.alerts.ticket) == ((), ())
    assert any("both of its alerts are disabled" in line for line in said(off, "D334"))


def test_rows_that_could_never_fire_or_would_always_fire_are_left_out_and_told() -> None:
    lenient = taken("sloth", one("90"))
    assert any("14.4x is left out: it could never fire" in line for line in said(lenient, "D334"))
    short = taken("sloth", one(), window_ms=28 * DAY)
    assert any("fire on a service that keeps its objective" in line for line in said(short, "D334"))
    policies(lenient)
    policies(short)


def test_labels_annotations_names_and_descriptions_that_have_no_place_are_told_each_with_its_line() -> None:
    lost = said(imported("sloth"), "D333")
    for line in (
        "8 `slos[0].description`",
        "9 `slos[0].labels`",
        "16 `slos[0].alerting.name`",
        "18 `slos[0].alerting.annotations`",
    ):
        assert any(one.startswith(line) for one in lost), line


def test_a_plugin_is_refused_with_what_to_do_and_the_other_slos_are_imported() -> None:
    text = one() + "  - {name: p, objective: 99, sli: {plugin: {id: a/b, options: {x: y}}}, alerting: {}}\n"
    found = taken("sloth", text)
    assert [note.code for note in found.notes if note.severity == "error"] == ["D331"]
    assert set(objectives(found, "shop.yaml")) == {"up"}


def test_two_services_whose_names_would_become_one_are_not_mixed() -> None:
    found = taken("sloth", one().replace("shop", "a_b") + "---\n" + one().replace("shop", "a-b"))
    assert [note.what for note in found.notes if note.severity == "error"] == [
        "'a-b' and 'a_b' would both be called 'a-b' here"
    ]
    assert set(objectives(found, "a-b.yaml")) == {"up"}


def test_whom_the_notes_name_is_told_as_the_files_say_and_no_level_is_heard_by_nobody() -> None:
    for name in ("sloth", "sloth-crd", "pyrra", "slo-generator"):
        found = imported(name)
        loaded = policies(found)
        told = [one for one in said(found, "D335") if "go to pager" in one]
        assert len(told) == len(loaded.policies.focuses)
        assert {focus.alerts.page for focus in loaded.policies.focuses.values()} == {("pager",)}
        assert "D289" not in {one.code for one in check(loaded)}
