"""What Kayenta posts to a remote judge and wants back, and the canary API that Argo Rollouts and Spinnaker ask."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from focusplane.kernel.errors import DataError, UsageError
from focusplane.observe.watched import Direction, Judged, Seen, Series, Thresholds, Values, Watched
from focusplane.wire.alerts_json import instant
from focusplane.wire.json_door import mapping, rows, text

JUDGE = "RemoteJudge-v1.0"
MOST_METRICS = 200
MOST_POINTS = 20_000
LONGEST = 1_000
_WORDS = {"NaN": math.nan, "Infinity": math.nan, "-Infinity": math.nan}
"""Jackson writes what is no number as text."""
_SIZES = ("allowedIncrease", "allowedDecrease", "criticalIncrease", "criticalDecrease")
_OF_SCOPE = re.compile(r"(?:hash|version)\s*=\s*[\"']?([\w.+-]{1,200})")
_PLAIN = re.compile(r"[\w.+-]{1,200}")


@dataclass(frozen=True, slots=True)
class Posted:
    """What is to be judged; `settings` are the judge's own of the canary config."""

    watched: tuple[Watched, ...]
    series: tuple[Series, ...]
    weights: Mapping[str, float]
    thresholds: Thresholds
    settings: Mapping[str, object]


def posted(body: object) -> Posted:
    """The body of `POST /judge`. Raises `DataError` for what is none; a single series that cannot be read is a problem of it."""
    whole = mapping(body, "the body")
    config = mapping(whole.get("canaryConfig"), "canaryConfig")
    metrics = rows(config.get("metrics") or (), "canaryConfig.metrics")
    pairs = rows(whole.get("metricSetPairList") or (), "metricSetPairList")
    if len(metrics) > MOST_METRICS or len(pairs) > MOST_METRICS:
        raise DataError(f"more than {MOST_METRICS} metrics", "judge fewer at a time")
    classifier = _maybe(config.get("classifier"), "canaryConfig.classifier")
    weights = _maybe(classifier.get("groupWeights"), "groupWeights")
    return Posted(
        tuple(_watched(one, f"metrics[{place}]") for place, one in enumerate(metrics)),
        tuple(_series(one, f"metricSetPairList[{place}]") for place, one in enumerate(pairs)),
        {name: _number(value, f"groupWeights.{name}") for name, value in weights.items()},
        thresholds(whole.get("scoreThresholds")),
        _maybe(_maybe(config.get("judge"), "judge").get("judgeConfigurations"), "judgeConfigurations"),
    )


def token_in(body: object) -> str:
    """`canaryConfig.judge.judgeConfigurations.token`, if it says one: Kayenta sends no header of ours."""
    for name in ("canaryConfig", "judge", "judgeConfigurations"):
        body = body.get(name) if isinstance(body, Mapping) else None
    token = body.get("token") if isinstance(body, Mapping) else None
    return token if isinstance(token, str) and len(token) <= LONGEST else ""


def thresholds(value: object) -> Thresholds:
    """`{"pass": 95, "marginal": 75}`. Raises `DataError`."""
    said = mapping(value, "the thresholds")
    high, low = (_number(said.get(name), f"the threshold {name}") for name in ("pass", "marginal"))
    if not 0 <= low <= high <= 100 or high < 1:
        raise DataError(
            f"the thresholds are {low:g} and {high:g}", "0 <= marginal <= pass <= 100, pass above 0"
        )
    return Thresholds(math.ceil(high), math.ceil(low))


def answer(found: Judged, asked: Posted) -> dict[str, Any]:
    """The `CanaryJudgeResult`: for each series its own row, and a row for each metric that brought none."""
    seen = {one.watched.name: one for one in found.metrics}
    results = [_result(seen[each.name], each) for each in asked.series]
    brought = {each.name for each in asked.series}
    nothing = Series("", "", {}, (), ())
    results += [_result(one, nothing) for one in found.metrics if one.watched.name not in brought]
    return {
        "judgeName": JUDGE,
        "results": results,
        "groupScores": [
            {"name": name, "score": score, "classification": "", "classificationReason": ""}
            for name, score in found.groups
        ],
        "score": {
            "score": found.score,
            "classification": found.kind,
            "classificationReason": found.reason[:LONGEST],
        },
    }


def _result(one: Seen, each: Series) -> dict[str, Any]:
    low, high = one.ratio_ci or (None, None)
    return {
        "name": one.watched.name,
        "id": each.id,
        "tags": dict(each.tags),
        "classification": str(one.kind),
        "classificationReason": one.reason[:LONGEST],
        "groups": list(one.watched.groups),
        "experimentMetadata": {"stats": _stats(each.experiment)},
        "controlMetadata": {"stats": _stats(each.control)},
        "resultMetadata": {"e_regress": one.e_regress, "e_safe": one.e_safe, "ratio_ci": [low, high]},
        "critical": one.watched.critical,
        "muted": one.watched.muted,
    }


def _stats(values: Values) -> dict[str, Any]:
    known = [value for value in values if math.isfinite(value)]
    return {"count": len(known), "mean": sum(known) / len(known) if known else None}


def _watched(value: object, where: str) -> Watched:
    said = mapping(value, where)
    every = _maybe(said.get("analysisConfigurations"), f"{where}.analysisConfigurations")
    canary = _maybe(every.get("canary"), f"{where}.analysisConfigurations.canary")
    own = _maybe(every.get("focus"), f"{where}.analysisConfigurations.focus")
    effect = _maybe(canary.get("effectSize"), f"{where}.effectSize")
    requests = text(own.get("requests", ""), f"{where}.analysisConfigurations.focus.requests")
    groups = rows(said.get("groups") or (), f"{where}.groups")
    if effect.get("measure") == "cles":
        effect = {}  # a probability, and no number of times
    sizes = {key: _number(effect.get(key) or 0, f"{where}.effectSize.{key}") for key in _SIZES}
    return Watched(
        text(said.get("name"), f"{where}.name")[:LONGEST],
        tuple(text(group, f"{where}.groups") for group in groups),
        _direction(canary.get("direction"), requests),
        canary.get("critical") is True,
        canary.get("muted") is True,
        canary.get("nanStrategy") == "replace",
        _times(sizes["allowedIncrease"]),
        _times(1 / sizes["allowedDecrease"] if sizes["allowedDecrease"] else 0.0),
        requests,
        own.get("unit") == "per-second",
        canary.get("mustHaveData") is True,
        sizes["criticalIncrease"],
        sizes["criticalDecrease"],
    )


def _direction(word: object, requests: str) -> Direction:
    """As Kayenta reads it, `either` if nothing is said; what counts the failures among requests is bad when it rises."""
    if word is None and requests:
        return Direction.INCREASE
    return next((one for one in Direction if one == word), Direction.EITHER)


def _times(said: float) -> float:
    """`allowedIncrease` 1.1 is 1.1 times, `allowedDecrease` 0.9 is 1/0.9 times. 0 without one."""
    return min(max(said, 1.0), 100.0) if said else 0.0


def _series(value: object, where: str) -> Series:
    said = mapping(value, where)
    name, key = text(said.get("name"), f"{where}.name")[:LONGEST], said.get("id")
    tags = {tag: str(of)[:LONGEST] for tag, of in _maybe(said.get("tags"), f"{where}.tags").items()}
    values = _maybe(said.get("values"), f"{where}.values")
    scopes = _maybe(said.get("scopes"), f"{where}.scopes")
    step = _maybe(scopes.get("experiment"), where).get("stepMillis") or (
        _maybe(scopes.get("control"), where).get("stepMillis")
    )
    step_ms = step if isinstance(step, int) and 0 < step < 10**9 else 60_000
    key = key[:LONGEST] if isinstance(key, str) else ""
    try:
        control = _values(values.get("control"), f"{where}.values.control")
        experiment = _values(values.get("experiment"), f"{where}.values.experiment")
    except DataError as error:
        return Series(name, key, tags, (), (), step_ms, error.what)
    return Series(name, key, tags, control, experiment, step_ms)


def _values(value: object, where: str) -> Values:
    every: Sequence[object] = rows(() if value is None else value, where)
    if len(every) > MOST_POINTS:
        raise DataError(f"{where} has more than {MOST_POINTS} points", "a longer step")
    return tuple(_point(one, where) for one in every)


def _point(value: object, where: str) -> float:
    """A number; what is none (`"NaN"`, null) is NaN, and so is what no float holds. Raises `DataError` for anything else."""
    if value is None:
        return math.nan
    if isinstance(value, str):
        if value not in _WORDS:
            raise DataError(f"{where} holds the text {value[:40]!r}", "numbers, or NaN")
        return _WORDS[value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"{where} holds {type(value).__name__}", "numbers, or NaN")
    return float(value) if -1e15 < value < 1e15 else math.nan


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise DataError(f"{where} is no number from 0", "such as 95")
    return float(value)


def _maybe(value: object, where: str) -> Mapping[str, object]:
    return {} if value is None else mapping(value, where)


# -- the canary API ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """A run: the versions that its scopes name, and when it begins and ends (Unix ms, 0 if it does not say)."""

    stable: str
    canary: str
    start: int
    end: int
    thresholds: Thresholds


def wanted(body: object) -> Wanted:
    """The body of `POST /canary/{id}`. Raises `DataError` or `UsageError`."""
    whole = mapping(body, "the body")
    scopes = mapping(whole.get("scopes"), "scopes")
    if not scopes:
        raise DataError(
            "there is no scope", '{"scopes": {"default": {"controlScope": ..., "experimentScope": ...}}}'
        )
    name = "default" if "default" in scopes else min(scopes)
    both = mapping(scopes[name], f"scopes.{name}")
    control, experiment = (
        mapping(both.get(arm), f"scopes.{name}.{arm}") for arm in ("controlScope", "experimentScope")
    )
    return Wanted(
        _version(control, "controlScope"),
        _version(experiment, "experimentScope"),
        _time(experiment, "start"),
        _time(experiment, "end"),
        thresholds(whole.get("thresholds")),
    )


def _version(scope: Mapping[str, object], where: str) -> str:
    """`app=web and rollouts-pod-template-hash=abc` is `abc`; a word alone is itself."""
    said = text(scope.get("scope"), f"{where}.scope").strip()
    found = _OF_SCOPE.findall(said)
    if found:
        return str(found[-1])
    if _PLAIN.fullmatch(said):
        return said
    raise UsageError(f"{where}.scope names no version", "a version, or ...hash=VERSION")


def _time(scope: Mapping[str, object], key: str) -> int:
    said = scope.get(key)
    if said is None or said == "":
        return 0
    try:
        return instant(said, key)
    except ValueError as error:
        raise UsageError(str(error), "RFC 3339, or leave it out") from error
