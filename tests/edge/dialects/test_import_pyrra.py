"""Pyrra's four indicators, its scaled windows and its groupings."""

from tests.edge.dialects.reading import imported, objectives, said, spec, taken

from focusplane.define.promql import read_counter

HEAD = """\
apiVersion: pyrra.dev/v1alpha1
kind: ServiceLevelObjective
metadata: {name: shop}
spec:
"""
RATIO = "  indicator: {ratio: {errors: {metric: 'e_total'}, total: {metric: 't_total'}}}\n"


def test_each_indicator_becomes_what_counts_the_same() -> None:
    found = imported("pyrra")
    assert objectives(found, "orders-errors.yaml")["availability"]["sli"]["prometheus"] == {
        "bad": 'orders_requests_total{job="orders",code=~"5.."}',
        "total": 'orders_requests_total{job="orders"}',
    }
    assert objectives(found, "orders-latency.yaml")["latency"]["sli"] == {
        "prometheus": {"histogram": 'orders_duration_seconds_bucket{code!~"5..",job="orders"}'},
        "latency": {"under": "250ms", "of": "all"},
    }
    native = objectives(found, "orders-native.yaml")["latency"]["sli"]["prometheus"]
    assert "histogram_fraction(0, 0.5," in native["good"]
    gauge = objectives(found, "orders-probe.yaml")["availability"]["sli"]["prometheus"]
    assert gauge == {
        "good": 'sum(sum_over_time(probe_success{job="orders"}[{{window}}]))',
        "total": 'sum(count_over_time(probe_success{job="orders"}[{{window}}]))',
    }
    for text in (*native.values(), *gauge.values()):
        read_counter(text)


def test_a_bucket_that_is_no_whole_number_of_milliseconds_stays_good_and_total() -> None:
    text = (
        HEAD + "  target: '99'\n  window: 28d\n  indicator:\n    latency:\n"
        "      success: {metric: 'x_seconds_bucket{le=\"0.0005\"}'}\n      total: {metric: x_seconds_count}\n"
    )
    sli = objectives(taken("pyrra", text), "shop.yaml")["latency"]["sli"]
    assert sli == {"prometheus": {"good": 'x_seconds_bucket{le="0.0005"}', "total": "x_seconds_count"}}


def test_the_first_label_that_is_a_dimension_of_ours_is_kept_and_each_other_one_told() -> None:
    found = imported("pyrra")
    assert objectives(found, "orders-errors.yaml")["availability"]["by"] == "route"
    assert any("grouping by 'pod' is left out" in line for line in said(found, "D334"))


def test_labels_of_pyrra_and_the_namespace_are_kept_and_those_of_the_cluster_are_told() -> None:
    found = imported("pyrra")
    assert "labels: {team: orders, namespace: shop}" in found.files["orders-errors.yaml"]
    assert any("belong to the cluster" in line for line in said(found, "D334"))
    assert spec(found, "orders-errors.yaml")["description"] == "Placing an order works."


def test_alerts_that_are_off_leave_nobody_told() -> None:
    found = taken("pyrra", HEAD + "  target: '99'\n  window: 28d\n  alerting: {burnrates: false}\n" + RATIO)
    assert "alerts" not in spec(found, "shop.yaml")
    assert any("its alerts are off" in line for line in said(found, "D334"))


def test_two_indicators_at_once_or_none_are_refused() -> None:
    none = taken("pyrra", HEAD + "  target: '99'\n  window: 28d\n  indicator: {}\n")
    both = RATIO.replace("ratio:", "bool_gauge: {metric: x}, ratio:")
    two = taken("pyrra", HEAD + "  target: '99'\n  window: 28d\n" + both)
    for found in (none, two):
        assert [note.code for note in found.notes if note.severity == "error"] == ["D331"]
        assert found.files == {}


def test_the_list_of_kubectl_is_read_item_by_item() -> None:
    item = "\n".join(
        "    " + line for line in (HEAD + "  target: '99'\n  window: 28d\n" + RATIO).splitlines()
    )
    found = taken("pyrra", "apiVersion: v1\nkind: List\nitems:\n  -\n" + item + "\n")
    assert "shop.yaml" in found.files
