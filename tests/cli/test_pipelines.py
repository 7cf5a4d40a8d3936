"""The pipelines beside the examples: objects that their controllers accept, commands that exist, bodies that the judge takes."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML
from tests.edge.kubernetes.schemas import faults

from focusplane.cli.main import COMMANDS, focus
from focusplane.web.judge_bodies import HookBody, JudgeBody
from focusplane.web.routes.flagger import Hook
from focusplane.wire import kayenta
from focusplane.wire.flagger import asked_of

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "pipelines"
PAGES = [ROOT / "docs" / "how-to" / f"{name}.md" for name in ("pipelines", "argo-rollouts", "flagger", "spinnaker")]  # fmt: skip
KINDS = {
    "AnalysisTemplate": "argoproj.io/v1alpha1/analysistemplates",
    "Rollout": "argoproj.io/v1alpha1/rollouts",
    "Canary": "flagger.app/v1beta1/canaries",
    "MetricTemplate": "flagger.app/v1beta1/metrictemplates",
}
Shown = dict[str, Any]


def documents(name: str) -> list[Shown]:
    found = YAML(typ="safe").load_all((FOLDER / name).read_text(encoding="utf-8"))
    return json.loads(json.dumps(list(found)))  # type: ignore[no-any-return]


def of_kind(kind: str) -> list[Shown]:
    every = [one for path in sorted(FOLDER.glob("*.yaml")) for one in documents(path.name)]
    return [one for one in every if one["kind"] == kind]


def test_every_object_is_one_that_its_controller_accepts() -> None:
    seen = 0
    for kind, schema in KINDS.items():
        for one in of_kind(kind):
            assert faults(schema, one) == [], one["metadata"]["name"]
            seen += 1
    assert seen == 6


def test_the_schemas_refuse_what_no_controller_knows() -> None:
    template = documents("argo-analysis-template.yaml")[1]
    template["spec"]["metrics"][0]["provider"]["web"]["sucessCondition"] = "true"
    assert faults(KINDS["AnalysisTemplate"], template) != []


def test_argos_question_is_one_that_the_judge_takes() -> None:
    judge = documents("argo-analysis-template.yaml")[1]["spec"]["metrics"][0]
    body = json.dumps(judge["provider"]["web"]["jsonBody"])
    said = json.loads(re.sub(r"\{\{args\.([a-z-]+)\}\}", r"\1", body))
    assert JudgeBody(**said).wish().canary == "canary-hash"
    assert judge["provider"]["web"]["url"].endswith("/api/v1/judge/argo")
    assert "promote" in judge["successCondition"]
    assert "rollback" in judge["failureCondition"]
    assert judge["failureLimit"] == 0


def test_what_argo_fills_in_are_the_arguments_that_its_templates_have() -> None:
    templates = {one["metadata"]["name"]: one["spec"]["args"] for one in of_kind("AnalysisTemplate")}
    steps = documents("argo-rollout.yaml")[0]["spec"]["strategy"]["canary"]["steps"]
    asked = [step["analysis"] for step in steps if "analysis" in step]
    assert len(asked) == 3
    for one in asked:
        (template,) = one["templates"]
        known = {arg["name"]: arg for arg in templates[template["templateName"]]}
        given = {arg["name"] for arg in one["args"]}
        assert given <= known.keys()
        assert {name for name, arg in known.items() if not ("value" in arg or "valueFrom" in arg)} <= given


def test_argos_kayenta_run_names_versions() -> None:
    (one,) = documents("argo-kayenta-analysis-template.yaml")
    asked = one["spec"]["metrics"][0]["provider"]["kayenta"]
    (scope,) = asked["scopes"]
    arms = {
        key: {"scope": scope[key]["scope"].replace("{{args.", "").replace("}}", "")}
        for key in ("controlScope", "experimentScope")
    }
    found = kayenta.wanted({"scopes": {"default": arms}, "thresholds": asked["threshold"]})
    assert (found.stable, found.canary) == ("stable-hash", "canary-hash")


def test_flaggers_hooks_are_all_eight_each_at_its_own_address() -> None:
    (canary,) = of_kind("Canary")
    hooks = canary["spec"]["analysis"]["webhooks"]
    assert {hook["type"] for hook in hooks} == {str(one) for one in Hook}
    for hook in hooks:
        assert hook["url"].endswith(f"/api/v1/judge/flagger/{hook['type']}")
        assert HookBody(name="podinfo", metadata=hook["metadata"]).metadata["focus"] == "checkout"


def test_flaggers_metric_is_a_question_that_the_judge_takes() -> None:
    (template,) = of_kind("MetricTemplate")
    query = re.sub(r"\{\{ ?(?:variables\.)?([a-z]+) ?\}\}", r"\1", template["spec"]["query"])
    asked = asked_of(query)
    assert asked is not None
    assert (asked.focus, asked.name) == ("focus", "namespace/name")


def test_kayentas_canary_config_is_one_that_the_remote_judge_takes() -> None:
    config = json.loads((FOLDER / "kayenta-canary-config.json").read_text())
    asked = kayenta.posted({"canaryConfig": config, "scoreThresholds": {"pass": 95, "marginal": 75}})
    assert [one.name for one in asked.watched] == ["failures", "requests", "p95"]
    assert asked.watched[0].requests == "requests"
    assert asked.watched[0].critical
    assert kayenta.token_in({"canaryConfig": config}) == "TOKEN"


def test_the_steps_of_github_and_gitlab_are_what_they_run() -> None:
    yaml = YAML(typ="safe")
    github = yaml.load((FOLDER / "github-actions.yml").read_text())
    steps = [step for job in github["jobs"].values() for step in job["steps"]]
    assert all(("run" in step) != ("uses" in step) for step in steps)
    gitlab = yaml.load((FOLDER / "gitlab-ci.yml").read_text())
    jobs = {name: job for name, job in gitlab.items() if name not in ("stages", "default")}
    assert {job["stage"] for job in jobs.values()} == set(gitlab["stages"])
    assert all(isinstance(line, str) for job in jobs.values() for line in job["script"])
    assert jobs["take-back"]["when"] == "on_failure"


def test_jenkins_takes_the_canary_back_whatever_ended_the_build() -> None:
    """`failure` alone leaves it at its weight when somebody aborts the build or it is unstable."""
    last = (FOLDER / "Jenkinsfile").read_text(encoding="utf-8").partition("post {")[2]
    assert re.search(r"""unsuccessful \{ sh '\./traffic\.sh "\$GIT_COMMIT" 0' \}""", last)


def commands() -> Iterator[tuple[str, str]]:
    """Every `focus ...` that stands in the files of pipelines and on their pages."""
    for path in [*sorted(FOLDER.iterdir()), *PAGES]:
        for line in path.read_text(encoding="utf-8").splitlines():
            code = re.search(r"(?:^[\s>$-]*|run: |\[|sh '|`)(focus [a-z][^'\]`#]*)", line)
            if code and code[1].split()[1] in COMMANDS:
                yield path.name, code[1].strip()


@pytest.mark.parametrize(("where", "line"), list(commands()))
def test_every_command_is_one_that_there_is(where: str, line: str) -> None:
    words = shlex.split(line)[1:]
    group: click.Command = focus
    while isinstance(group, click.Group) and words:
        found = group.get_command(click.Context(group), words[0])
        assert found is not None, f"{where}: {line}"
        group, words = found, words[1:]
    group.make_context("focus", words)


def test_the_commands_of_the_pipelines_are_found() -> None:
    assert len(list(commands())) > 12
