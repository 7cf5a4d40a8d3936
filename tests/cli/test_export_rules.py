"""`focus export prometheus` and `prometheusrule`: what they write is taken by those it is for."""

import json
import subprocess
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML
from tests.conftest import find_program

from focusplane.cli.main import focus

POLICY = """apiVersion: focusplane/v1
kind: Focus
metadata: {name: shop}
spec:
  owner: crew
  boundary: [{service: payment, routes: ["POST /checkout", "/refund/*"]}]
  objectives:
    - {name: availability, target: 99.9%, window: 30d, sli: {bad: {status: 5xx}}}
    - {name: latency, target: 95%, window: 30d, sli: {latency: {under: 1s}}}
    - {name: month, target: 99%, window: {calendar: month}, sli: {bad: {status: 5xx}}}
    - {name: slices, target: 99%, window: 30d, sli: {bad: {status: 5xx}, slices: {every: 1m, failing: 1%}}}
---
apiVersion: focusplane/v1
kind: Focus
metadata: {name: asked}
spec:
  owner: crew
  source: {prometheus: {url: "http://prom:9090"}}
  objectives:
    - {name: bad, target: 99.9%, window: 30d, sli: {prometheus: {bad: 'errors_total', total: 'requests_total'}}}
    - {name: good, target: 99%, window: 7d, sli: {prometheus: {good: 'sum(rate(a_total{b="c"}[{{window}}]))', total: 'a_total'}}}
    - {name: slow, target: 99%, window: 30d, sli: {prometheus: {histogram: 'h_bucket'}, latency: {under: 300ms}}}
    - {name: ratio, target: 99%, window: 30d, sli: {prometheus: {ratio: 'my:ratio'}}}
    - {name: sums, target: 99%, window: 30d, sli: {prometheus: {bad: 'sum(increase(a[{{window}}])) + sum(increase(b[{{window}}]))', total: 'c'}}}
---
apiVersion: focusplane/v1
kind: Team
metadata: {name: crew}
spec: {members: [ana@example.org]}
"""
SPEC = {
    "type": "object",
    "required": ["groups"],
    "properties": {
        "groups": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "minLength": 1},
                    "interval": {
                        "type": "string",
                        "pattern": "^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$",
                    },
                    "rules": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["expr"],
                            "additionalProperties": False,
                            "properties": {
                                "alert": {"type": "string"},
                                "record": {"type": "string"},
                                "expr": {"type": "string"},
                                "for": {"type": "string"},
                                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                                "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
                            },
                        },
                    },
                },
            },
        }
    },
}
"""The parts of the operator's schema of PrometheusRule (v1) that these rules use."""


def export(tmp_path: Path, *arguments: str, policy: str = POLICY) -> Result:
    policies = tmp_path / "policies"
    policies.mkdir(exist_ok=True)
    (policies / "shop.yaml").write_text(policy)
    return CliRunner().invoke(focus, ["export", *arguments, str(policies)])


@pytest.mark.requires_server("promtool", "apt-get install prometheus")
def test_promtool_takes_every_rule(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(export(tmp_path, "prometheus").stdout)
    program = find_program("promtool")
    assert program is not None
    ran = subprocess.run(
        [program, "check", "rules", str(tmp_path / "rules.yml")], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert "SUCCESS" in ran.stdout


@pytest.mark.requires_server("vmalert", "apt-get install victoria-metrics")
def test_vmalert_takes_every_rule(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(export(tmp_path, "prometheus").stdout)
    program = find_program("vmalert")
    assert program is not None
    ran = subprocess.run(
        [program, "-dryRun", f"-rule={tmp_path / 'rules.yml'}"], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr


def test_what_rules_cannot_do_is_said_in_the_file_and_beside_it(tmp_path: Path) -> None:
    done = export(tmp_path, "prometheus")
    for lost in (
        "shop/slices: left out: it is judged by units of time",
        "shop/month: a calendar's budget starts anew",
        "asked/ratio: a ratio: every minute weighs the same",
        "asked/sums: an estimate",
    ):
        assert f"# not carried over: {lost}" in done.stdout
        assert f"not carried over  {lost}" in done.stderr


def test_one_sentence_about_many_objectives_is_told_once_and_only_the_file_names_them_all(
    tmp_path: Path,
) -> None:
    sli = "target: 99%, window: {calendar: month}, sli: {bad: {status: 5xx}}"
    more = "".join(f"    - {{name: m{number}, {sli}}}\n" for number in range(5))
    policy = POLICY.replace("    - {name: slices,", f"{more}    - {{name: slices,")
    done = export(tmp_path, "prometheus", policy=policy)
    [line] = [one for one in done.stderr.splitlines() if "a calendar's budget" in one]
    assert line.startswith("not carried over  shop/month, shop/m0, shop/m1 and 3 more: a calendar's budget")
    [comment] = [one for one in done.stdout.splitlines() if "a calendar's budget" in one]
    assert "shop/month, shop/m0, shop/m1, shop/m2, shop/m3, shop/m4: a calendar's budget" in comment


def test_every_alert_names_its_focus_its_objective_its_team_and_how_grave_it_is(tmp_path: Path) -> None:
    groups = YAML(typ="safe").load(export(tmp_path, "prometheus").stdout)["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    bases = [rule for rule in rules if rule.get("record") == "focus:bad:increase30s"]
    assert {"focus_id", "objective", "team"} <= bases[0]["labels"].keys()
    severities = {rule["labels"]["severity"] for rule in rules if "alert" in rule}
    assert severities == {"page", "review", "ticket"}
    assert {rule["alert"] for rule in rules if "alert" in rule} >= {
        "FocusPage",
        "FocusOutage",
        "FocusAct",
        "FocusBlind",
    }


def test_a_prometheus_rule_fits_the_schema_of_the_operator(tmp_path: Path) -> None:
    done = export(tmp_path, "prometheusrule", "--name", "slos", "--label", "release=kube-prom")
    found = YAML(typ="safe").load(done.stdout)
    assert (found["apiVersion"], found["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert found["metadata"] == {"name": "slos", "labels": {"release": "kube-prom"}}
    jsonschema.validate(json.loads(json.dumps(found["spec"])), SPEC)
