"""OpenSLO v1: references, indicators, slices, composites, alerts, calendars."""

import pytest
from tests.edge.dialects.reading import imported, objectives, said, spec, taken

SLO = """\
apiVersion: openslo/v1
kind: SLO
metadata: {{name: shop-up}}
spec:
  service: shop
  budgetingMethod: {method}
  timeWindow: [{window}]
  objectives: [{objective}]
  indicator:
    metadata: {{name: up}}
    spec: {sli}
"""
RATIO = (
    "{ratioMetric: {counter: true, bad: {metricSource: {type: Prometheus, spec: {query: e_total}}}, "
    "total: {metricSource: {type: Prometheus, spec: {query: t_total}}}}}"
)


def slo(
    window: str = "{duration: 28d, isRolling: true}",
    objective: str = "{target: 0.99}",
    method: str = "Occurrences",
    sli: str = RATIO,
) -> str:
    return SLO.format(window=window, objective=objective, method=method, sli=sli)


def test_references_to_indicators_sources_policies_conditions_and_targets_are_followed() -> None:
    found = imported("openslo")
    seats = objectives(found, "tickets.yaml")["seats-found"]
    assert seats["sli"]["prometheus"] == {
        "good": 'seat_search_total{code!~"5.."}',
        "total": "seat_search_total",
    }
    assert seats["rules"] == [{"level": "page", "burn": 14, "windows": ["1h", "5m"]}]
    body = spec(found, "tickets.yaml")
    assert body["source"]["prometheus"]["url"] == "http://prometheus.tickets.example.org"
    assert body["alerts"] == {"page": ["on-call"]}
    assert body["description"] == "Visitors buy tickets."


def test_a_reference_that_leads_nowhere_is_told_and_nothing_is_written_for_it() -> None:
    found = taken(
        "openslo",
        slo().replace("  indicator:\n    metadata: {name: up}\n    spec: " + RATIO, "  indicatorRef: gone"),
    )
    assert said(found, "D337") == ["9 the SLI 'gone' is in none of the files"]
    assert found.files == {}


def test_what_a_data_source_holds_besides_its_address_is_not_copied() -> None:
    found = imported("openslo")
    assert "hush" not in "".join(found.files.values())
    assert any(
        "`spec.connectionDetails.bearerToken` is left out: it may be a secret" in one
        for one in said(found, "D333")
    )


def test_timeslices_become_slices_and_a_threshold_becomes_a_share_of_looks() -> None:
    paying = objectives(imported("openslo"), "tickets.yaml")["paying-in-time"]
    assert paying["sli"] == {
        "prometheus": {"ratio": '(pay_p95_seconds{job="pay"}) > bool 0.4'},
        "slices": {"every": "5m", "failing": "10%"},
    }


def test_a_composite_becomes_its_members_and_one_that_joins_them() -> None:
    found = objectives(imported("openslo"), "tickets.yaml")
    assert found["buying"]["sli"] == {
        "composite": {
            "rule": "weighted",
            "of": [{"objective": "buying-search", "weight": 1}, {"objective": "buying-pay", "weight": 3}],
        }
    }
    assert found["buying"]["target"] == "99.675%"
    assert {"buying-search", "buying-pay"} < set(found)


def test_the_name_of_the_service_in_front_of_an_slo_is_not_repeated() -> None:
    assert set(objectives(taken("openslo", slo()), "shop.yaml")) == {"up"}


@pytest.mark.parametrize(
    ("op", "query"),
    [("lte", "(v) > bool 5"), ("lt", "(v) >= bool 5"), ("gte", "(v) < bool 5"), ("gt", "(v) <= bool 5")],
)
def test_a_threshold_is_bad_on_its_other_side(op: str, query: str) -> None:
    sli = "{thresholdMetric: {metricSource: {type: Prometheus, spec: {query: v}}}}"
    found = taken("openslo", slo(objective=f"{{target: 0.9, op: {op}, value: 5}}", sli=sli))
    assert objectives(found, "shop.yaml")["up"]["sli"] == {"prometheus": {"ratio": query}}


def test_a_stored_ratio_of_successes_is_turned_round() -> None:
    sli = (
        "{ratioMetric: {rawType: success, raw: {metricSource: {type: Prometheus, spec: {query: ok_ratio}}}}}"
    )
    found = taken("openslo", slo(sli=sli))
    assert objectives(found, "shop.yaml")["up"]["sli"] == {"prometheus": {"ratio": "1 - (ok_ratio)"}}
    failing = taken("openslo", slo(sli=sli.replace("success", "failure")))
    assert objectives(failing, "shop.yaml")["up"]["sli"] == {"prometheus": {"ratio": "ok_ratio"}}


def test_an_average_of_ratios_is_not_carried_over_in_silence() -> None:
    found = taken("openslo", slo(method="RatioTimeslices", objective="{target: 0.9, timeSliceWindow: 5m}"))
    assert any("counts a quiet minute like a busy one" in one for one in said(found, "D334"))


def test_a_source_that_is_no_prometheus_is_refused() -> None:
    found = taken("openslo", slo(sli=RATIO.replace("type: Prometheus", "type: Datadog")))
    assert found.refused
    assert found.files == {}


def test_what_no_slo_uses_is_told() -> None:
    orphan = "---\napiVersion: openslo/v1\nkind: SLI\nmetadata: {name: lonely}\nspec: " + RATIO + "\n"
    assert any(
        "no SLO uses the SLI 'lonely'" in one for one in said(taken("openslo", slo() + orphan), "D333")
    )
