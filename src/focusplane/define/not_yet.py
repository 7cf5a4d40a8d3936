"""What a policy may declare and this version does not act on yet: one table, said as notices, never in silence."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from focusplane.define.focus import Focus, PolicySet
from focusplane.define.log import Places
from focusplane.define.mitigation import (
    OnBreaker,
    SetQuota,
    SetThrottle,
    StartRunbook,
    UseFallback,
)
from focusplane.define.problem import Problem, Severity

_IN_SDK = "is enforced in applications by the SDK; the gateway does not enforce it yet"


@dataclass(frozen=True, slots=True)
class NotYet:
    """`where` yields the paths (below the focus) at which this stands in a focus."""

    code: str
    what: str
    where: Callable[[Focus], Iterable[str]]


def _mitigations(focus: Focus, part: str, *kinds: type) -> Iterator[str]:
    for mitigation in focus.mitigations:
        if isinstance(mitigation.when if part == "when" else mitigation.move, kinds):
            yield f"mitigations.{mitigation.name}.{part}"


def _if(present: bool, path: str) -> tuple[str, ...]:
    return (path,) if present else ()


TABLE: tuple[NotYet, ...] = (
    NotYet(
        "D203",
        f"a throttle {_IN_SDK}",
        lambda focus: _if(focus.controls.throttle is not None, "controls.throttle"),
    ),
    NotYet(
        "D204", f"a quota {_IN_SDK}", lambda focus: _if(focus.controls.quota is not None, "controls.quota")
    ),
    NotYet(
        "D205", f"a breaker {_IN_SDK}", lambda focus: _if(bool(focus.controls.breakers), "controls.breakers")
    ),
    NotYet(
        "D206",
        f"a fallback {_IN_SDK}",
        lambda focus: _if(focus.controls.fallback is not None, "controls.fallback"),
    ),
    NotYet(
        "D207",
        f"this containment {_IN_SDK}",
        lambda focus: _mitigations(focus, "do", SetThrottle, SetQuota, UseFallback),
    ),
    NotYet(
        "D208",
        "a runbook is not opened by itself yet; the incident names it",
        lambda focus: _mitigations(focus, "do", StartRunbook),
    ),
    NotYet(
        "D209",
        "breakers live in applications and do not report yet: the mitigation never starts by itself",
        lambda focus: _mitigations(focus, "when", OnBreaker),
    ),
    NotYet(
        "D213",
        "quotas are counted by tenant.id only; this attribute is not used yet",
        lambda focus: _if(
            focus.controls.quota is not None and focus.controls.quota.per != "tenant.id", "controls.quota.per"
        ),
    ),
)


def not_yet(policies: PolicySet, places: Places) -> Iterator[Problem]:
    """One notice for each place that declares what this version does not act on."""
    for focus in policies.focuses.values():
        for entry in TABLE:
            for path in entry.where(focus):
                yield places.problem(f"{focus.name}.{path}", Severity.NOTICE, entry.code, entry.what)
