"""What a control is set to, as JSON: one `kind` for each state, ratios and rates written exactly."""

from collections.abc import Callable, Mapping
from fractions import Fraction

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
from focusplane.define.rollout import MOST_PINNED
from focusplane.kernel.errors import DataError
from focusplane.kernel.ids import Json
from focusplane.kernel.quantity import Rate
from focusplane.wire.json_door import every, fraction, integer, mapping, named, text, truth

_EXACT_PERCENT = 10**6


def share_text(share: Fraction) -> str:
    """`5%` if six decimals hold it exactly, else `1/3`."""
    scaled = share * 100 * _EXACT_PERCENT
    if scaled.denominator != 1:
        return str(share)
    whole, part = divmod(int(scaled), _EXACT_PERCENT)
    return f"{whole}.{part:06d}".rstrip("0").rstrip(".") + "%"


def encode_rate(rate: Rate) -> Json:
    """`{"count": "500", "per_ms": 1000}`: exact also where no unit fits."""
    return {"count": str(rate.count), "per_ms": rate.per_ms}


def decode_rate(value: object, where: str) -> Rate:
    row = mapping(value, where)
    per_ms = integer(row.get("per_ms"), f"{where}.per_ms")
    if per_ms == 0:
        raise DataError(f"{where}.per_ms is 0", "a rate is so many events per a time above 0")
    return Rate(fraction(row.get("count"), f"{where}.count"), per_ms)


def encode_state(state: ControlState) -> dict[str, Json]:
    match state:
        case FlagState():
            said: dict[str, Json] = {"kind": "flag", "variant": state.variant}
            said["percentage"] = share_text(state.percentage)
            split: dict[str, Json] = {"rest": state.rest, "salt": state.salt, "pinned": list(state.pinned)}
            return {**said, **{key: value for key, value in split.items() if value}}
        case TrafficState():
            weights = {name: share_text(weight) for name, weight in state.weights.items()}
            names: dict[str, Json] = {"stable": state.stable, "canary": state.canary, "salt": state.salt}
            pinned: dict[str, Json] = {"pinned": list(state.pinned)} if state.pinned else {}
            mirror: dict[str, Json] = {"mirror": share_text(state.mirror)} if state.mirror else {}
            return {"kind": "traffic", "weights": weights, **names, **pinned, **mirror}
        case ThrottleState():
            return {"kind": "throttle", "rate": encode_rate(state.rate), "burst": state.burst}
        case QuotaState():
            overrides = {key: encode_rate(rate) for key, rate in state.overrides.items()}
            until: dict[str, Json] = {"until": dict(state.until)} if state.until else {}
            return {"kind": "quota", "rate": encode_rate(state.rate), "overrides": overrides, **until}
        case BreakerState():
            return {"kind": "breaker", "forced": state.forced}
        case FallbackState():
            return {"kind": "fallback", "on": state.on}
        case Off():
            return {"kind": "off"}


def decode_state(value: object, where: str) -> ControlState:
    """Raises `DataError` for an unknown kind or a state that cannot be, such as weights that do not sum to 1."""
    row = mapping(value, where)
    kind = text(row.get("kind"), f"{where}.kind")
    if kind not in _READERS:
        raise DataError(f"{where}.kind is {kind!r}", f"one of {', '.join(_READERS)}")
    return _READERS[kind](row, where)


def share(value: object, where: str) -> Fraction:
    """A fraction in [0, 1]."""
    part = fraction(value, where)
    if part > 1:
        raise DataError(f"{where} is {value!r}", "a share is at most 100%")
    return part


def _flag(row: Mapping[str, object], where: str) -> FlagState:
    variant = text(row.get("variant"), f"{where}.variant")
    part = share(row.get("percentage", "100%"), f"{where}.percentage")
    rest, salt = (text(row.get(key, ""), f"{where}.{key}") for key in ("rest", "salt"))
    return FlagState(variant, part, rest, salt, _pinned(row, where))


def _pinned(row: Mapping[str, object], where: str) -> tuple[str, ...]:
    pinned = every(row.get("pinned", []), f"{where}.pinned", text)
    if len(pinned) > MOST_PINNED:
        raise DataError(f"{where} pins {len(pinned)} tenants", f"at most {MOST_PINNED}")
    return pinned


def _traffic(row: Mapping[str, object], where: str) -> TrafficState:
    weights = named(row.get("weights"), f"{where}.weights", share)
    if sum(weights.values()) != 1:
        raise DataError(f"{where}.weights sum to {sum(weights.values())}", "they must sum to 100%")
    stable = text(row.get("stable"), f"{where}.stable")
    canary = text(row.get("canary", ""), f"{where}.canary")
    pinned = _pinned(row, where)
    if pinned and not canary:
        raise DataError(f"{where} pins {len(pinned)} tenants", "to a canary, and there is none")
    mirror, salt = (
        share(row.get("mirror", "0%"), f"{where}.mirror"),
        text(row.get("salt", ""), f"{where}.salt"),
    )
    if mirror and not canary:
        raise DataError(f"{where} mirrors to a canary", "and there is none")
    return TrafficState(stable, weights, canary, salt, pinned, mirror)


def _throttle(row: Mapping[str, object], where: str) -> ThrottleState:
    rate = decode_rate(row.get("rate"), f"{where}.rate")
    return ThrottleState(rate, integer(row.get("burst"), f"{where}.burst"))


def _quota(row: Mapping[str, object], where: str) -> QuotaState:
    overrides = named(row.get("overrides", {}), f"{where}.overrides", decode_rate)
    until = named(row.get("until", {}), f"{where}.until", integer)
    return QuotaState(decode_rate(row.get("rate"), f"{where}.rate"), overrides, until)


def _breaker(row: Mapping[str, object], where: str) -> BreakerState:
    forced = text(row.get("forced", ""), f"{where}.forced")
    if forced not in ("", "open", "closed"):
        raise DataError(f"{where}.forced is {forced!r}", "open, closed or empty")
    return BreakerState(forced)


def _fallback(row: Mapping[str, object], where: str) -> FallbackState:
    return FallbackState(truth(row.get("on"), f"{where}.on"))


def _off(row: Mapping[str, object], where: str) -> Off:
    return Off()


_READERS: dict[str, Callable[[Mapping[str, object], str], ControlState]] = {
    "flag": _flag,
    "traffic": _traffic,
    "throttle": _throttle,
    "quota": _quota,
    "breaker": _breaker,
    "fallback": _fallback,
    "off": _off,
}
