"""Control states in words and in journal JSON: the same text on the page, in the audit log and in the postmortem."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from focusplane.control.rollout import Rollout
from focusplane.control.state import (
    BreakerState,
    ControlState,
    FallbackState,
    FlagState,
    Off,
    QuotaState,
    ThrottleState,
    TrafficState,
)
from focusplane.define.rollout import name_some
from focusplane.kernel.ids import Json
from focusplane.kernel.quantity import format_percent, format_rate
from focusplane.observe.reading import Measured, NoData, Reading
from focusplane.observe.synthetic import SYNTHETIC
from focusplane.observe.verdict import Verdict

ASKS = "somebody must promote or abort it"
"""Stands in the reason of a hold that only a person ends."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBERS = re.compile(r"(?:\d+(?:[.,]\d+)*(?:ms|[smhdwx%])?)+")


def utc(at: int) -> str:
    """`2026-11-22 14:26Z`: a time as it stands in what people read."""
    return f"{_EPOCH + timedelta(milliseconds=at):%Y-%m-%d %H:%M}Z"


def said_state(state: ControlState) -> dict[str, Json]:
    """A state as journal JSON: exact numbers as the strings that policies use."""
    match state:
        case FlagState(variant, percentage, rest, salt, pinned):
            split: dict[str, Json] = {"rest": rest, "salt": salt, "pinned": list(pinned)}
            kept = {key: value for key, value in split.items() if value}
            return {"variant": variant, "percentage": format_percent(percentage), **kept}
        case TrafficState(stable, weights, canary, salt, pinned, mirror):
            shares = {version: format_percent(weight) for version, weight in weights.items()}
            named: dict[str, Json] = {"pinned": list(pinned)} if pinned else {}
            named |= {"mirror": format_percent(mirror)} if mirror else {}
            return {"stable": stable, "weights": shares, "canary": canary, "salt": salt, **named}
        case ThrottleState(rate, burst):
            return {"rate": format_rate(rate), "burst": burst}
        case QuotaState(rate, overrides, until):
            rates: dict[str, Json] = {key: format_rate(own) for key, own in overrides.items()}
            ends: dict[str, Json] = {"until": dict(until)} if until else {}
            return {"rate": format_rate(rate), "overrides": rates, **ends}
        case BreakerState(forced):
            return {"forced": forced}
        case FallbackState(on):
            return {"on": on}
        case Off():
            return {}


def of_flag(rollout: Rollout) -> dict[str, Json]:
    """The flag that a rollout is of, for the journal; nothing for a version."""
    return {"flag": rollout.flag} if rollout.flag else {}


def said_weights(weights: Mapping[str, Fraction]) -> str:
    """`v2 5%, v1 95%`."""
    return ", ".join(f"{version} {format_percent(weight)}" for version, weight in weights.items())


def said_shares(rollout: Rollout) -> str:
    """The same of what a rollout wants of its control."""
    names = f", {name_some(rollout.pinned)} on {rollout.version}" if rollout.pinned else ""
    copied = f", {rollout.exposed} to {rollout.version}" if rollout.mirrors else ""
    return said_weights(rollout.shares) + names + copied


def said_traffic(state: TrafficState) -> str:
    """`v2 5%, v1 95%`, and who is on the new version by name."""
    names = f", {name_some(state.pinned)} on {state.canary}" if state.pinned else ""
    copied = f", copies of {format_percent(state.mirror)} to {state.canary}" if state.mirror else ""
    return said_weights(state.weights) + names + copied


def said_float(value: float) -> str:
    """A float as the journal keeps it: 12 significant digits."""
    return f"{value:.12g}"


def said_reading(reading: Reading) -> dict[str, Json]:
    """The counts behind a health, or why there are none."""
    match reading:
        case Measured(good, total, covered):
            return {"good": good, "total": total, "covered": format_percent(covered)}
        case NoData(why):
            return {"no_data": why}


def said_verdict(verdict: Verdict | None) -> dict[str, Json]:
    """The counts and e-values that a decision on a rollout rests on; nothing before the first."""
    if verdict is None:
        return {}
    errors = verdict.metrics[0] if verdict.metrics else None
    made = next((each for each in verdict.metrics if each.metric == SYNTHETIC), None)
    bad: dict[str, Json] = (
        {} if errors is None else {"canary_bad": errors.canary_bad, "baseline_bad": errors.baseline_bad}
    )
    return {
        "e_regress": said_float(verdict.e_regress),
        "e_safe": said_float(verdict.e_safe),
        "canary_requests": verdict.canary_requests,
        "baseline_requests": verdict.baseline_requests,
        **bad,
        **(
            {}
            if made is None
            else {"synthetic_requests": made.canary_total, "synthetic_bad": made.canary_bad}
        ),
        "metrics": {each.metric: said_float(each.e_regress) for each in verdict.metrics},
    }


def gist(reason: str) -> str:
    """A reason without its numbers: it is news when this changes, not at every count."""
    return _NUMBERS.sub("#", reason)
