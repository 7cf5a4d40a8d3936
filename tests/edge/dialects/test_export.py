"""What leaves for OpenSLO and Sloth, what they cannot say, and that it means the same when it comes back."""

import json
import re
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from tests.edge.dialects.reading import policies, taken

from focusplane.define.focus import Focus
from focusplane.define.load import Loaded, load
from focusplane.define.promql import read_counter
from focusplane.define.slo import Level, Objective
from focusplane.edge.dialects.draft import Wanted
from focusplane.edge.dialects.quantities import decimal, percent, written
from focusplane.edge.dialects.reading import import_from
from focusplane.edge.dialects.writing import Exported, export_to
from focusplane.kernel.tick import DAY, HOUR, MINUTE

POLICY = """\
apiVersion: focusplane/v1
kind: Focus
metadata: {{name: shop, labels: {{product: web, "on": "yes"}}}}
spec:
  description: The shop answers.
  owner: team
  source: {{prometheus: {{url: "http://prometheus:9090"}}}}
  objectives:
    - name: up
      target: {target}
      window: {window}
      rules: {rules}
      sli: {sli}
  alerts: {{page: [pager], ticket: [tracker]}}
---
apiVersion: focusplane/v1
kind: Team
metadata: {{name: team}}
spec: {{members: [a@example.org], channels: {{pager: {{url: "env:A"}}, tracker: {{url: "env:B"}}}}}}
"""
BAD = "{prometheus: {bad: 'e_total{code=~\"5..\"}', total: 't_total'}}"


def policy(target: str = "99.9%", window: str = "30d", rules: str = "[classic]", sli: str = BAD) -> Loaded:
    loaded = load({"shop.yaml": POLICY.format(target=target, window=window, rules=rules, sli=sli)})
    assert [str(one) for one in loaded.problems if one.severity == "error"] == []
    return loaded


def back(tool: str, made: Exported, **wanted: int) -> Focus:
    found = import_from(tool, made.files, Wanted(owner="team", **wanted))
    assert not found.refused, [str(note) for note in found.notes]
    return policies(found).policies.focuses["shop"]


def counted(objective: Objective) -> dict[str, str]:
    """What it counts, however it is written around."""
    assert objective.sli.promql is not None
    parts = {
        key: str(read_counter(text))
        for key, text in objective.sli.promql.parts.items()
        if key in ("bad", "good", "total")
    }
    return {
        **parts,
        "under": str(objective.sli.under_ms),
        "ratio": objective.sli.promql.ratio,
        "histogram": objective.sli.promql.histogram,
    }


def rules_of(objective: Objective) -> set[tuple[Level, Fraction | None, int]]:
    return {(rule.level, rule.factor, rule.long_ms) for rule in objective.rules}


NAMES = st.from_regex(r"[a-z][a-z_]{0,10}_total", fullmatch=True)
LABELS = st.dictionaries(
    st.from_regex(r"[a-z]{1,6}", fullmatch=True),
    st.text(st.characters(codec="ascii", min_codepoint=32), max_size=8),
    max_size=2,
)
TARGETS = st.integers(900_000, 999_999).map(lambda n: Fraction(n, 1_000_000))


def selector(name: str, labels: dict[str, str]) -> str:
    inside = ",".join(f"{key}={json.dumps(value)}" for key, value in labels.items())
    return f"{name}{{{inside}}}" if inside else name


@given(
    target=TARGETS,
    days=st.sampled_from([28, 30]),
    kind=st.sampled_from(["bad", "good"]),
    names=st.tuples(NAMES, NAMES),
    labels=LABELS,
)
@settings(max_examples=25, deadline=None)
@example(
    target=Fraction(999, 1000), days=30, kind="good", names=("a_total", "b_total"), labels={"a": 'x"\\)-('}
)
@pytest.mark.parametrize("tool", ["sloth", "openslo"])
def test_what_was_exported_and_is_imported_again_means_the_same(
    tool: str, target: Fraction, days: int, kind: str, names: tuple[str, str], labels: dict[str, str]
) -> None:
    sli = json.dumps({"prometheus": {kind: selector(names[0], labels), "total": selector(names[1], {})}})
    before = policy(percent(target), f"{days}d", sli=sli).policies.focuses["shop"]
    made = export_to(tool, policy(percent(target), f"{days}d", sli=sli))
    after = back(tool, made, window_ms=days * DAY) if tool == "sloth" else back(tool, made)
    one, two = before.objective("up"), after.objective("up")
    assert (one.target, one.window, counted(one)) == (two.target, two.window, counted(two))
    kept = {rule for rule in rules_of(one) if rule[0] in (Level.PAGE, Level.TICKET)}
    assert kept == rules_of(two)
    assert after.labels == before.labels
    assert after.description == before.description or tool == "sloth"


@pytest.mark.parametrize("tool", ["sloth", "openslo"])
@pytest.mark.parametrize("under", ["300ms", "1s", "2500ms"])
def test_a_threshold_of_a_histogram_comes_back_as_one(tool: str, under: str) -> None:
    sli = f"{{prometheus: {{histogram: 'x_seconds_bucket{{job=\"a\"}}'}}, latency: {{under: {under}, of: all}}}}"
    before = policy(sli=sli).policies.focuses["shop"].objective("up")
    assert counted(back(tool, export_to(tool, policy(sli=sli))).objective("up")) == counted(before)


@pytest.mark.parametrize("tool", ["sloth", "openslo"])
def test_a_ratio_comes_back_as_one(tool: str) -> None:
    sli = "{prometheus: {ratio: '1 - avg(avg_over_time(fast[{{window}}]))'}}"
    ratio = counted(back(tool, export_to(tool, policy(sli=sli))).objective("up"))["ratio"]
    assert ratio.replace("{{.window}}", "{{window}}") == "1 - avg(avg_over_time(fast[{{window}}]))"


def said(made: Exported, code: str) -> list[str]:
    return [note.what for note in made.notes if note.code == code]


def test_levels_that_sloth_and_openslo_do_not_have_are_told_with_their_place() -> None:
    for tool in ("sloth", "openslo"):
        made = export_to(tool, policy(rules="[default]"))
        lost = " / ".join(said(made, "D338"))
        for level in ("outage", "act", "review"):
            assert level in lost, (tool, level)
        assert all(note.path == "shop.yaml" and note.line > 1 for note in made.notes)


def test_a_period_without_a_table_in_sloths_catalogue_is_said() -> None:
    assert any(
        "28d and 30d only; 7d needs a catalogue" in one
        for one in said(export_to("sloth", policy(window="7d")), "D339")
    )
    assert any(
        "--default-slo-period=28d" in one for one in said(export_to("sloth", policy(window="28d")), "D339")
    )


def test_what_is_pushed_to_the_plane_cannot_be_exported_and_that_is_an_error() -> None:
    loaded = load(
        {
            "shop.yaml": POLICY.format(
                target="99%", window="30d", rules="[classic]", sli="{bad: {status: 5xx}}"
            ).replace('source: {prometheus: {url: "http://prometheus:9090"}}', "source: auto")
        }
    )
    for tool in ("sloth", "openslo"):
        made = export_to(tool, loaded)
        assert made.refused
        assert made.files == {}


def test_no_secret_of_a_source_leaves() -> None:
    text = POLICY.format(target="99%", window="30d", rules="[classic]", sli=BAD).replace(
        '{url: "http://prometheus:9090"}',
        '{url: "http://prometheus:9090", headers: {Authorization: "Bearer env:SECRET_NAME"}}',
    )
    made = export_to("openslo", load({"shop.yaml": text}))
    assert "SECRET_NAME" not in "".join(made.files.values())
    assert any("headers are references" in one for one in said(made, "D338"))


def test_words_that_yaml_1_1_takes_for_something_else_are_quoted() -> None:
    text = export_to("sloth", policy()).files["shop.yaml"]
    assert '"on": "yes"' in text


@pytest.mark.parametrize("tool", ["sloth", "openslo"])
def test_the_same_policies_give_the_same_text(tool: str) -> None:
    assert export_to(tool, policy()) == export_to(tool, policy())


DURATION = re.compile(r"[1-9][0-9]*[mhdwMQY]")
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def test_every_document_has_the_shape_that_openslo_asks_for() -> None:
    """The rules of the specification, by hand: its JSON schema was given up by the project."""
    sli = "{prometheus: {good: 'sum(rate(a_total[{{window}}]))', total: 't_total'}}"
    for loaded in (policy(), policy(sli=sli), policy(window="{calendar: month, timezone: Europe/Berlin}")):
        documents = list(
            YAML(typ="safe", pure=True).load_all(export_to("openslo", loaded).files["shop.yaml"])
        )
        assert {one["kind"] for one in documents} == {
            "Service",
            "DataSource",
            "AlertNotificationTarget",
            "SLO",
        }
        for one in documents:
            assert one["apiVersion"] == "openslo/v1"
            assert NAME.fullmatch(one["metadata"]["name"])
        slo = documents[-1]["spec"]
        assert slo["service"] == "shop"
        assert len(slo["timeWindow"]) == 1
        assert DURATION.fullmatch(slo["timeWindow"][0]["duration"])
        assert slo["timeWindow"][0]["isRolling"] is not ("calendar" in slo["timeWindow"][0])
        assert slo["budgetingMethod"] in ("Occurrences", "Timeslices")
        assert all(0 < one["target"] < 1 for one in slo["objectives"])
        ratio = slo["indicator"]["spec"]["ratioMetric"]
        assert ("good" in ratio) != ("bad" in ratio)
        for policy_ in slo["alertPolicies"]:
            assert policy_["kind"] == "AlertPolicy"
            assert len(policy_["spec"]["conditions"]) == 1
            condition = policy_["spec"]["conditions"][0]["spec"]["condition"]
            assert condition["kind"] == "burnrate"
            assert DURATION.fullmatch(condition["lookbackWindow"])


@given(value=st.fractions(0, 10**6).map(lambda x: Fraction(round(x * 10**6), 10**6)))
def test_decimals_are_exact(value: Fraction) -> None:
    assert Fraction(decimal(value)) == value


@given(span=st.integers(1, 400 * DAY))
def test_written_durations_are_exact(span: int) -> None:
    sizes = {"d": DAY, "h": HOUR, "m": MINUTE, "s": 1000, "ms": 1}
    parts = re.findall(r"(\d+)(ms|[dhms])", written(span))
    assert sum(int(count) * sizes[unit] for count, unit in parts) == span


def test_what_acts_is_told_to_be_left_behind() -> None:
    text = POLICY.format(target="99%", window="30d", rules="[classic]", sli=BAD).replace(
        "  alerts:", "  dependsOn: [ledger]\n  alerts:", 1
    )
    assert (
        said(export_to("sloth", load({"shop.yaml": text})), "D338")[0]
        == "Sloth has no place for 'dependsOn' of 'shop'"
    )


def test_sloths_latency_by_hand_becomes_a_threshold() -> None:
    text = """\
version: prometheus/v1
service: shop
slos:
  - name: soon
    objective: 99
    sli:
      events:
        error_query: |
          (
            sum(rate(x_seconds_count{verb!="WATCH"}[{{.window}}]))
            -
            sum(rate(x_seconds_bucket{le="0.4",verb!="WATCH"}[{{.window}}]))
          )
        total_query: sum(rate(x_seconds_count{verb!="WATCH"}[{{.window}}]))
    alerting: {}
"""
    found = policies(taken("sloth", text)).policies.focuses["shop"].objective("soon")
    assert (found.sli.under_ms, found.sli.promql and found.sli.promql.histogram) == (
        400,
        'x_seconds_bucket{verb!="WATCH"}',
    )
