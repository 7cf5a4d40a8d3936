"""slo-generator's three methods, its error budget policies, and secrets that are not copied."""

from tests.edge.dialects.reading import imported, objectives, policies, said, spec, taken

ONE = """\
apiVersion: sre.google.com/v2
kind: ServiceLevelObjective
metadata: {{name: a-b-c, labels: {{service_name: a, feature_name: b, slo_name: c}}}}
spec:
  goal: {goal}
  backend: prometheus
  method: {method}
  service_level_indicator: {sli}
"""


def one(method: str, sli: str, goal: str = "0.99") -> str:
    return ONE.format(method=method, sli=sli, goal=goal)


def test_each_method_becomes_what_counts_the_same() -> None:
    found = imported("slo-generator")
    queue = objectives(found, "mail-queue.yaml")
    assert queue["availability"]["sli"]["prometheus"] == {
        "good": 'sum(increase(mail_handed_over_total{result="ok"}[{{window}}]))',
        "total": "sum(increase(mail_handed_over_total[{{window}}]))",
    }
    assert queue["latency"]["sli"] == {
        "prometheus": {"histogram": 'mail_duration_seconds_bucket{route="out"}'},
        "latency": {"under": "2500ms", "of": "all"},
    }
    assert objectives(found, "mail-login.yaml")["availability"]["sli"]["prometheus"] == {
        "good": 'sum(rate(mail_logins_total{result="ok"}[{{window}}]))',
        "total": "sum(rate(mail_logins_total[{{window}}]))",
    }
    policies(found)


def test_the_steps_of_a_policy_become_rows_and_the_longest_is_the_window() -> None:
    found = objectives(imported("slo-generator"), "mail-queue.yaml")["availability"]
    assert found["window"] == "7d"
    assert found["rules"] == [
        {"level": "page", "burn": 9, "windows": ["1h", "5m"]},
        {"level": "ticket", "burn": 1.5, "windows": ["7d", "14h"]},
    ]


def test_no_value_of_a_header_is_written_anywhere() -> None:
    found = imported("slo-generator")
    shown = "".join(found.files.values()) + "".join(f"{note.what} {note.hint}" for note in found.notes)
    assert "bWFpbDpzZWNyZXQ" not in shown
    assert spec(found, "mail-queue.yaml")["source"]["prometheus"]["headers"] == {
        "Authorization": "env:PROMETHEUS_AUTHORIZATION"
    }


def test_an_address_with_a_password_is_refused_without_being_repeated() -> None:
    text = (
        one("query_sli", "{expression: 'avg_over_time(x[window])'}")
        + "---\nbackends: {prometheus: {url: 'http://ana:hush@host:9090'}}\n"
    )
    found = taken("slo-generator", text)
    assert found.refused
    assert not any("hush" in f"{note.what}{note.hint}" for note in found.notes)


def test_another_backend_is_refused_and_the_rest_is_imported() -> None:
    found = imported("slo-generator")
    assert [line for line in said(found, "D331")] == [
        "55 the backend 'datadog' is no Prometheus: its queries cannot be asked here"
    ]
    assert set(found.files) == {"mail-queue.yaml", "mail-login.yaml", "my-team.team.yaml"}


def test_an_expression_that_divides_nothing_becomes_one_minus_it() -> None:
    found = taken("slo-generator", one("query_sli", "{expression: 'avg(avg_over_time(up_ratio[window]))'}"))
    assert objectives(found, "a-b.yaml")["c"]["sli"] == {
        "prometheus": {"ratio": "1 - (avg(avg_over_time(up_ratio[{{window}}])))"}
    }


def test_good_and_bad_without_all_are_added_and_that_is_told() -> None:
    found = taken(
        "slo-generator",
        one("good_bad_ratio", "{filter_good: 'g_total[window]', filter_bad: 'b_total[window]'}"),
    )
    sli = objectives(found, "a-b.yaml")["c"]["sli"]["prometheus"]
    assert sli["bad"] == "sum(increase(b_total[{{window}}]))"
    assert sli["total"].startswith("(sum(increase(g_total[{{window}}])) or vector(0)) + ")
    assert any("the total is the sum of good and bad" in line for line in said(found, "D334"))


def test_a_policy_that_is_in_no_file_is_a_reference_that_leads_nowhere() -> None:
    text = one("query_sli", "{expression: 'avg_over_time(x[window])'}") + "  error_budget_policy: strict\n"
    found = taken("slo-generator", text)
    assert [note.code for note in found.notes if note.severity == "error"] == ["D337"]
