"""Objects whose rules list backends with weights: HTTPRoutes (Gateway API, Linkerd) and Istio's VirtualServices.

Their lists of rules have one owner as a whole (they are atomic to server-side apply), so the rules are applied as they were
read, with other weights, and only if nobody changed the object meanwhile.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from focusplane.define.driver import Backend
from focusplane.edge.kubernetes.split import (
    Object,
    Shares,
    Wanted,
    Write,
    condition,
    generation,
    number,
    shares,
)
from focusplane.kernel.errors import RefusedError
from focusplane.plane.followed import Settled, Status, Unsettled

Rule = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rules:
    """How one kind writes rules: the list of them, the list of backends in one, and which version a backend is."""

    key: str
    backends: str
    default: int
    """the weight of a backend that says none"""
    is_of: Callable[[Rule, Backend, str], bool]
    name_of: Callable[[Rule], str]

    def read(self, obj: Object, wanted: Wanted) -> Shares:
        """What our rules split. Raises `RefusedError` if they cannot be told, or if they do not agree."""
        found = [self._shares(rule, wanted) for rule in self._ours(self._all(obj), wanted)]
        if any(one != found[0] for one in found):
            raise RefusedError(
                f"the rules of {wanted.driver} split differently", "name the one that is ours: rule: NAME"
            )
        return found[0]

    def write(self, obj: Object, wanted: Wanted) -> Write:
        """The rules as they are, with the wanted weights in ours."""
        rules = deepcopy(self._all(obj))
        weights = wanted.percents
        for rule in self._ours(rules, wanted):
            there: set[str] = set()
            for backend in rule.get(self.backends) or ():
                version = self._version(backend, wanted)
                backend["weight"] = weights.get(version, 0)
                there.add(version)
            missing = sorted(name for name, weight in weights.items() if weight and name not in there)
            if missing:
                raise _unlisted(missing, wanted)
        return Write({"spec": {self.key: rules}})

    def _all(self, obj: Object) -> list[Rule]:
        rules = (obj.get("spec") or {}).get(self.key)
        return [rule for rule in rules if isinstance(rule, dict)] if isinstance(rules, list) else []

    def _ours(self, rules: list[Rule], wanted: Wanted) -> list[Rule]:
        """The rule of that name, else each that lists two of our versions, else the only one that lists one."""
        driver = wanted.driver
        if driver.rule:
            named = [rule for rule in rules if rule.get("name") == driver.rule]
            if not named:
                known = (
                    ", ".join(str(rule["name"]) for rule in rules if rule.get("name")) or "none has a name"
                )
                raise RefusedError(f"{driver} has no rule {driver.rule!r}", f"there are: {known}")
            return named
        counts = [len(self._known(rule, wanted)) for rule in rules]
        splitting = [rule for rule, count in zip(rules, counts, strict=True) if count > 1]
        if splitting:
            return splitting
        single = [rule for rule, count in zip(rules, counts, strict=True) if count]
        if len(single) == 1:
            return single
        raise RefusedError(
            f"no rule of {driver} lists the versions {', '.join(wanted.traffic.backends)}",
            "one rule lists all of them, with weights such as 100 and 0: focus export driver",
        )

    def _known(self, rule: Rule, wanted: Wanted) -> set[str]:
        found = {self._version(backend, wanted) for backend in rule.get(self.backends) or ()}
        return found & set(wanted.traffic.backends)

    def _shares(self, rule: Rule, wanted: Wanted) -> Shares:
        weights: dict[str, int] = {}
        for backend in rule.get(self.backends) or ():
            version = self._version(backend, wanted)
            weights[version] = weights.get(version, 0) + number(backend.get("weight"), self.default)
        if len(weights) == 1 and self.default == 0:
            weights = dict.fromkeys(weights, 1)  # the only destination of Istio needs no weight
        return shares(weights)

    def _version(self, rule: Rule, wanted: Wanted) -> str:
        for version, backend in wanted.traffic.backends.items():
            if self.is_of(rule, backend, wanted.driver.namespace):
                return version
        return self.name_of(rule)


def _unlisted(missing: list[str], wanted: Wanted) -> RefusedError:
    at = ", ".join(f"{name} ({wanted.traffic.backends.get(name) or 'declared no more'})" for name in missing)
    return RefusedError(
        f"{wanted.driver} does not list {at}",
        "list it with weight 0 (focus export driver shows how): we change nothing but weights",
    )


def _backend_ref(ref: Rule, backend: Backend, namespace: str) -> bool:
    there = ref.get("namespace") or namespace
    return (
        ref.get("kind", "Service") == "Service"
        and there == namespace
        and ((ref.get("name"), ref.get("port")) == (backend.service, backend.port))
    )


def _destination(route: Rule, backend: Backend, namespace: str) -> bool:
    to = route.get("destination") or {}
    host, port = str(to.get("host", "")), (to.get("port") or {}).get("number")
    same_host = host == backend.service or host.startswith(f"{backend.service}.{namespace}.svc")
    same_port = not backend.port or port in (None, backend.port)
    return same_host and same_port and str(to.get("subset") or "") == backend.subset


def _destination_name(route: Rule) -> str:
    to = route.get("destination") or {}
    return " ".join(str(part) for part in (to.get("host", "?"), to.get("subset")) if part)


BACKEND_REFS = Rules(
    "rules", "backendRefs", 1, _backend_ref, lambda ref: f"{ref.get('name', '?')}:{ref.get('port', '?')}"
)
DESTINATIONS = Rules("http", "route", 0, _destination, _destination_name)


def accepted(obj: Object, _: Wanted) -> Status:
    """What every parent (a Gateway, a Service of the mesh) says of this very generation of the route."""
    parents = (obj.get("status") or {}).get("parents") or []
    if not parents:
        return Unsettled("no gateway has taken it up yet")
    for parent in parents:
        who = str((parent.get("parentRef") or {}).get("name", "its parent"))
        for kind in ("Accepted", "ResolvedRefs", "Programmed"):
            said = _said(who, kind, condition(parent.get("conditions"), kind), generation(obj))
            if said is not None:
                return said
    names = sorted({str(parent.get("controllerName", "")) for parent in parents})
    return Settled(", ".join(name for name in names if name))


def _said(who: str, kind: str, found: Mapping[str, Any], now: int) -> Unsettled | None:
    """What stands in the way; nothing if that condition is met. `Accepted` must be there, the others may be."""
    if not found:
        return Unsettled(f"{who} has not said whether it accepts it") if kind == "Accepted" else None
    if int(found.get("observedGeneration") or now) < now:
        return Unsettled(f"{who} still runs generation {found['observedGeneration']}, not {now}")
    if found.get("status") == "True":
        return None
    words = " ".join(str(found.get("message") or found.get("reason") or "").split())[:300]
    return Unsettled(
        f"{who} says {kind} {found.get('status')}: {words}", refused=found.get("status") == "False"
    )


def reconciled(obj: Object, _: Wanted) -> Status:
    """Istio writes a status only where that is turned on; without one what stands there is all that is known."""
    status = obj.get("status") or {}
    if status and int(status.get("observedGeneration") or generation(obj)) < generation(obj):
        return Unsettled(f"Istio still looks at generation {status['observedGeneration']}")
    found = condition(status.get("conditions"), "Reconciled")
    if found and found.get("status") != "True":
        return Unsettled(f"not all proxies run it yet: {found.get('message', '')}"[:300])
    for one in status.get("validationMessages") or ():
        kind = one.get("type") or {}
        if one.get("level") == "ERROR":
            return Unsettled(f"Istio says {kind.get('name', '?')} ({kind.get('code', '?')})", refused=True)
    return Settled("Istio" if found else "")
