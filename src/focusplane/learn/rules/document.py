"""Groups of rules as YAML: a rule file of Prometheus and vmalert, or a PrometheusRule of the operator."""

import json
from collections.abc import Iterator, Mapping, Sequence

from focusplane.kernel.quantity import format_duration
from focusplane.learn.rules.groups import Group, Missing, Rule, Written

HEAD = "Written by `focus export`; edit the focus files and write it again."


def rule_file(written: Written) -> str:
    """Comments say what is missing; every text is quoted as JSON, which is YAML."""
    return "\n".join([*_comments(written.missing), "groups:", *_groups(written.groups, "")]) + "\n"


def prometheus_rule(written: Written, name: str, labels: Mapping[str, str]) -> str:
    head = [
        "apiVersion: monitoring.coreos.com/v1",
        "kind: PrometheusRule",
        "metadata:",
        f"  name: {json.dumps(name)}",
    ]
    if labels:
        head += [
            "  labels:",
            *(f"    {json.dumps(key)}: {json.dumps(value)}" for key, value in labels.items()),
        ]
    body = [*_comments(written.missing), *head, "spec:", "  groups:", *_groups(written.groups, "  ")]
    return "\n".join(body) + "\n"


def _comments(missing: Sequence[Missing]) -> Iterator[str]:
    yield f"# {HEAD}"
    yield from (f"# not carried over: {' '.join(one.told(len(one.names)).split())}" for one in missing)


def _groups(groups: Sequence[Group], indent: str) -> Iterator[str]:
    for group in groups:
        yield f"{indent}- name: {json.dumps(group.name)}"
        yield f"{indent}  interval: {format_duration(group.interval_ms)}"
        yield f"{indent}  rules:"
        for rule in group.rules:
            yield from _rule(rule, indent + "    ")


def _rule(rule: Rule, indent: str) -> Iterator[str]:
    begin = "- "
    for key, value in rule.items():
        yield f"{indent}{begin}{key}:" + (
            "" if isinstance(value, Mapping) else f" {json.dumps(value, ensure_ascii=False)}"
        )
        if isinstance(value, Mapping):
            yield from (
                f"{indent}    {name}: {json.dumps(said, ensure_ascii=False)}" for name, said in value.items()
            )
        begin = "  "
