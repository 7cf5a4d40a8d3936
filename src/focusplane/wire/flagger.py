"""The one query that Flagger's metric may ask of the judge, and an answer in the shape of Prometheus."""

import re
from collections.abc import Mapping
from typing import Any

from focusplane.act.request import Compare
from focusplane.kernel.errors import UsageError

ONLINE = "vector(1)"
"""Asked by Flagger to see whether anybody is there."""
LONGEST = 1_000
"""Characters of a token."""
_QUERY = re.compile(r"\s*focus_judge\s*\{(.*)\}\s*", re.DOTALL)
_LABEL = re.compile(r'\s*([a-z_]+)\s*=\s*"([^"\\]{0,200})"\s*(,|$)')
_LABELS = ("focus", "stable", "canary", "checksum", "step", "name")
_HINT = 'focus_judge{focus="checkout", stable="v1", canary="v2"}'


def asked_of(query: str) -> Compare | None:
    """What is compared; None for `vector(1)`. Raises `UsageError` for anything else."""
    if query.strip() == ONLINE:
        return None
    found = _QUERY.fullmatch(query)
    if found is None:
        raise UsageError("this is no question for the judge", _HINT)
    labels, rest = dict[str, str](), found[1]
    while rest.strip():
        label = _LABEL.match(rest)
        if label is None or label[1] not in _LABELS or label[1] in labels:
            raise UsageError(f"the labels are {', '.join(_LABELS)}, each with a value", _HINT)
        labels[label[1]] = label[2]
        rest = rest[label.end() :]
    if not labels.get("focus"):
        raise UsageError("which focus?", _HINT)
    focus, stable, canary, checksum, step, name = (labels.get(label, "") for label in _LABELS)
    return Compare(focus, stable, canary, 0, checksum, step, 0, name)


def token_in(body: object) -> str:
    """`metadata.token` of a hook, if it says one: Flagger sends no header of ours."""
    metadata = body.get("metadata") if isinstance(body, Mapping) else None
    token = metadata.get("token") if isinstance(metadata, Mapping) else None
    return token if isinstance(token, str) and len(token) <= LONGEST else ""


def metric(labels: Mapping[str, str], value: int, at: int) -> dict[str, Any]:
    """An instant vector of one sample; `at` is Unix ms."""
    sample = {"metric": dict(labels), "value": [at / 1000, str(value)]}
    return {"status": "success", "data": {"resultType": "vector", "result": [sample]}}
