"""What a person asks a control to be: API JSON -> ControlState, or why it cannot be."""

from collections.abc import Callable, Mapping
from fractions import Fraction

from focusplane.control.state import (
    BreakerState,
    ControlState,
    FallbackState,
    FlagState,
    QuotaState,
    ThrottleState,
    TrafficState,
)
from focusplane.define.focus import Focus
from focusplane.define.quantities import RATE
from focusplane.kernel.errors import UsageError
from focusplane.kernel.ids import Json
from focusplane.kernel.quantity import parse_percent

MOST_BURST = 1_000_000


def state(focus: Focus, control: str, asked: Mapping[str, Json], stable: str) -> ControlState:
    """The state that `asked` describes. Raises `UsageError` with a hint for anything it cannot mean."""
    kind, _, name = control.partition(".")
    if kind not in _READ:
        raise UsageError(
            f"there is no control {control!r}", "flag.KEY, traffic, throttle, quota, breaker.NAME, fallback"
        )
    read, hint = _READ[kind]
    try:
        return read(focus, name or stable, asked)
    except KeyError as missing:
        raise UsageError(f"{control} needs {missing}", hint) from missing
    except (TypeError, ValueError) as wrong:
        raise UsageError(f"{control}: {wrong}", hint) from wrong


def _flag(focus: Focus, key: str, asked: Mapping[str, Json]) -> FlagState:
    variant = str(asked["variant"])
    flag = focus.controls.flags.get(key)
    known = flag.variants if flag is not None else {}
    percentage = parse_percent(str(asked.get("percentage", "100%")))
    if percentage > 1:
        raise ValueError("a flag is on for 100% of the tenants at most")
    too_fine = flag.driver.too_fine(percentage) if flag is not None and flag.driver is not None else ""
    if too_fine:
        raise ValueError(too_fine)
    return FlagState(_one_of(variant, tuple(known)), percentage)


def _traffic(focus: Focus, stable: str, asked: Mapping[str, Json]) -> TrafficState:
    weights = asked["weights"]
    if not isinstance(weights, Mapping) or focus.controls.traffic is None:
        raise ValueError("weights map a version to a percentage")
    shares = {str(version): parse_percent(str(weight)) for version, weight in weights.items()}
    for version in shares:
        _one_of(version, tuple(focus.controls.traffic.versions))
    if sum(shares.values()) != 1:
        raise ValueError("weights must sum to 100%")
    if focus.controls.traffic.driver is not None and any((s * 100).denominator != 1 for s in shares.values()):
        raise ValueError(f"{focus.controls.traffic.driver} takes whole percents")
    others = [version for version, weight in shares.items() if version != stable and weight > Fraction(0)]
    return TrafficState(stable, shares, canary=others[0] if len(others) == 1 else "")


def _throttle(focus: Focus, _: str, asked: Mapping[str, Json]) -> ThrottleState:
    rate = RATE.parse(str(asked["rate"]))
    burst = int(str(asked.get("burst", max(1, int(rate.per_second)))))
    if not 1 <= burst <= max(MOST_BURST, int(rate.per_second)):
        raise ValueError(f"burst is at least 1 and at most {MOST_BURST}")
    return ThrottleState(rate, burst)


def _breaker(focus: Focus, name: str, asked: Mapping[str, Json]) -> BreakerState:
    return BreakerState(_one_of(str(asked.get("forced", "")), ("", "open", "closed")))


def _fallback(focus: Focus, _: str, asked: Mapping[str, Json]) -> FallbackState:
    if not isinstance(asked["on"], bool):
        raise ValueError("on is true or false")
    return FallbackState(on=asked["on"])


def _quota(focus: Focus, _: str, asked: Mapping[str, Json]) -> QuotaState:
    overrides = asked.get("overrides", {})
    if not isinstance(overrides, Mapping):
        raise ValueError("overrides map a tenant to a rate")
    rates = {str(tenant): RATE.parse(str(rate)) for tenant, rate in overrides.items()}
    return QuotaState(RATE.parse(str(asked["rate"])), rates)


def _one_of(value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ValueError(f"{value!r} is not one of {', '.join(repr(each) for each in known)}")
    return value


_READ: Mapping[str, tuple[Callable[[Focus, str, Mapping[str, Json]], ControlState], str]] = {
    "flag": (_flag, 'one of its variants; as JSON {"variant": "on", "percentage": "10%"}'),
    "traffic": (_traffic, 'v1=95%,v2=5%; as JSON {"weights": {"v1": "95%", "v2": "5%"}}'),
    "throttle": (_throttle, '100/s; as JSON {"rate": "100/s", "burst": 20}'),
    "quota": (_quota, '50/s; as JSON {"rate": "50/s", "overrides": {"acme": "5/s"}}'),
    "breaker": (_breaker, 'open or closed; as JSON {"forced": "open"}'),
    "fallback": (_fallback, 'on or off; as JSON {"on": true}'),
}
