"""What a remote judge is sent, damaged: it is read or refused, and what is read scores as it must."""

import json
import random
from functools import cache
from pathlib import Path
from typing import Any

from tests.fuzz.mutate import misplace

from focusplane.kernel.errors import DataError, UsageError
from focusplane.observe.remote_judge import judge
from focusplane.plane.queries import DEFAULT_JUDGE
from focusplane.wire import kayenta
from focusplane.wire.flagger import asked_of

CONFIG = Path(__file__).resolve().parents[2] / "examples" / "pipelines" / "kayenta-canary-config.json"
QUERY = 'focus_judge{focus="checkout", stable="v1",canary="v2" }'


@cache
def body() -> dict[str, Any]:
    config = json.loads(CONFIG.read_text())
    values = {"failures": [0.0, "NaN", 9.0], "requests": [900.0, 1000.0, 1000.0], "p95": [0.2, 0.3, 0.2]}
    series = [
        {"name": name, "id": name, "tags": {"zone": "a"}, "values": {"control": some, "experiment": some}}
        for name, some in values.items()
    ]
    limits = {"pass": 95, "marginal": 75}
    scope = {"scope": "app=web and hash=v1", "start": "2026-01-01T00:00:03Z", "end": ""}
    scopes = {"default": {"controlScope": scope, "experimentScope": {**scope, "scope": "v2"}}}
    return {
        "canaryConfig": config,
        "scoreThresholds": limits,
        "thresholds": limits,
        "metricSetPairList": series,
        "scopes": scopes,
    }


def made(chance: random.Random) -> tuple[Any, str]:
    query = list(QUERY)
    for _ in range(chance.randrange(4)):
        query[chance.randrange(len(query))] = chance.choice('{}",= \\\n\x00x')
    return misplace(chance, body()), "".join(query)


def taken(said: tuple[Any, str]) -> None:
    whole, query = said
    kayenta.token_in(whole)
    for read in (kayenta.wanted, _judged):
        try:
            read(whole)
        except (DataError, UsageError) as refusal:
            assert refusal.what
    try:
        asked_of(query)
    except UsageError as refusal:
        assert refusal.hint


def _judged(whole: Any) -> None:
    asked = kayenta.posted(whole)
    found = judge(asked.watched, asked.series, asked.weights, asked.thresholds, DEFAULT_JUDGE)
    answer = json.loads(json.dumps(kayenta.answer(found, asked), allow_nan=False))
    score = answer["score"]["score"]
    assert 0 <= score <= 100
    assert isinstance(score, int)
    assert score < asked.thresholds.passing, "three points show nothing"
