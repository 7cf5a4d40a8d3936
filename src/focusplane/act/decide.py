"""Health x Verdict x mitigation -> Decision; `do nothing` has a reason too."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from focusplane.define.mitigation import (
    Mitigation,
    OnBreaker,
    OnBurn,
    OnCanary,
    OnTenantShare,
    OnVariant,
)
from focusplane.define.slo import Level
from focusplane.kernel.quantity import format_percent
from focusplane.observe.health import Health, State
from focusplane.observe.verdict import Ruling, Verdict


@dataclass(frozen=True, slots=True)
class Act:
    """The condition holds; `evidence` says by which numbers."""

    evidence: str


@dataclass(frozen=True, slots=True)
class Hold:
    why: str


@dataclass(frozen=True, slots=True)
class Blind:
    """What the condition looks at cannot be seen: that is never a reason to act, and never a proof (N2)."""

    why: str


Decision = Act | Hold | Blind


@dataclass(frozen=True, slots=True)
class Seen:
    """What a decision may look at. `tenant_shares` are shares of the traffic of the last minute, empty if that is not seen;
    `breakers` the open ones, None if nobody reports them; `variants` says of a move of a
    flag (as text) whether the variant that it takes away does harm."""

    health: Mapping[str, Health]
    verdict: Verdict | None
    tenant_shares: Mapping[str, Fraction]
    breakers: frozenset[str] | None = None
    variants: Mapping[str, Decision] = field(default_factory=dict)


def decide(mitigation: Mitigation, seen: Seen) -> Decision:
    """Whether the condition of one mitigation holds now. Total: every branch says why."""
    match mitigation.when:
        case OnBurn() as burn:
            return _on_burn(burn, seen.health.get(burn.objective))
        case OnCanary():
            return _on_canary(seen.verdict)
        case OnBreaker(name):
            return _on_breaker(name, seen.breakers)
        case OnTenantShare(above):
            return _on_share(above, seen.tenant_shares)
        case OnVariant():
            return seen.variants.get(str(mitigation.move), Blind("nobody has compared its variants yet"))


def _on_breaker(name: str, breakers: frozenset[str] | None) -> Decision:
    if breakers is None:
        return Blind(f"nobody reports whether breaker {name} is open")
    return Act(f"breaker {name} is open") if name in breakers else Hold(f"breaker {name} is closed")


def _on_burn(burn: OnBurn, health: Health | None) -> Decision:
    if health is None:
        return Blind(f"objective {burn.objective} has not been looked at yet")
    if health.state is State.BLIND:
        return Blind(f"blind: {health.reason}")
    if burn.level is not Level.NONE:
        if health.level >= burn.level:
            return Act(health.reason)
        return Hold(
            f"{burn.objective} burns at level {health.level.name.lower()}, below {burn.level.name.lower()}"
        )
    return _on_factor(burn, health)


def _on_factor(burn: OnBurn, health: Health) -> Decision:
    """An own factor with own windows: the observe room evaluated it among the objective's rules."""
    for seen in health.burns:
        rule = seen.rule
        if (rule.factor, rule.long_ms, rule.short_ms) == (burn.factor, burn.long_ms, burn.short_ms):
            return Act(seen.reason) if seen.firing else Hold(seen.reason)
    return Hold(f"{burn.objective} has no rule with factor {burn.factor}")


def _on_canary(verdict: Verdict | None) -> Decision:
    if verdict is None:
        return Hold("no rollout is running")
    if verdict.ruling is Ruling.ROLLBACK:
        return Act(verdict.reason)
    return Hold(f"the judge says {verdict.ruling}: {verdict.reason}")


def _on_share(above: Fraction, shares: Mapping[str, Fraction]) -> Decision:
    if not shares:
        return Blind("no traffic with a tenant has been seen in the last minute")
    tenant = max(shares, key=lambda name: (shares[name], name))
    said = f"tenant {tenant} makes {format_percent(shares[tenant], 1)} of the traffic"
    return Act(said) if shares[tenant] > above else Hold(f"{said}, not more than {format_percent(above, 1)}")
