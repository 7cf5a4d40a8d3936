"""A first object for a driver: every version listed, the initial one with everything."""

from typing import Any

from focusplane.define.controls import Traffic
from focusplane.define.driver import Backend, Driver, DriverKind
from focusplane.define.focus import Focus
from focusplane.edge.kubernetes.kinds import KINDS
from focusplane.kernel.errors import UsageError

Object = dict[str, Any]


def manifest(focus: Focus, parent: str, host: str) -> Object:
    """`parent` is the Gateway (or the Service of a mesh) that an HTTPRoute hangs on, `host` whom a client asks for. Of a
    Rollout only its steps. Raises `UsageError` for a focus without a driver, or one whose object is not ours to begin.
    """
    traffic = focus.controls.traffic
    if traffic is None or traffic.driver is None:
        raise UsageError(f"{focus.name} has no driver", "controls: {traffic: {driver: ...}}")
    driver, kind = traffic.driver, KINDS[traffic.driver.kind]
    head: Object = {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": {"namespace": driver.namespace, "name": driver.name},
    }
    match driver.kind:
        case DriverKind.HTTPROUTE | DriverKind.LINKERD:
            return {**head, "spec": _route(driver, traffic, parent, host)}
        case DriverKind.VIRTUALSERVICE:
            return {**head, "spec": _virtual_service(driver, traffic, host)}
        case DriverKind.ROLLOUT:
            return {**head, "spec": {"strategy": {"canary": {"steps": _steps(focus)}}}}
        case _:
            raise UsageError(f"an {kind.name} is made with its model, not here", "docs/how-to/kserve.md")


def _weight(traffic: Traffic, version: str) -> int:
    return 100 if version == traffic.initial else 0


def _route(driver: Driver, traffic: Traffic, parent: str, host: str) -> Object:
    refs = [
        {"name": backend.service, "port": backend.port, "weight": _weight(traffic, version)}
        for version, backend in traffic.backends.items()
    ]
    mesh = driver.kind is DriverKind.LINKERD
    hung = {"name": parent, **({"group": "core", "kind": "Service"} if mesh else {})}
    rule: Object = {"backendRefs": refs}
    if driver.rule:
        rule["name"] = driver.rule
    return {"parentRefs": [hung], **({"hostnames": [host]} if host else {}), "rules": [rule]}


def _virtual_service(driver: Driver, traffic: Traffic, host: str) -> Object:
    routes = [
        {"destination": _destination(backend), "weight": _weight(traffic, version)}
        for version, backend in traffic.backends.items()
    ]
    first = next(iter(traffic.backends.values()))
    return {"hosts": [host or first.service], "http": [{"name": driver.rule or "focus", "route": routes}]}


def _destination(backend: Backend) -> Object:
    subset = {"subset": backend.subset} if backend.subset else {}
    port = {"port": {"number": backend.port}} if backend.port else {}
    return {"host": backend.service, **subset, **port}


def _steps(focus: Focus) -> list[Object]:
    """Each weight, and a pause without end after it: the pace is ours. A new image waits at nothing until it is asked for."""
    weights = [int(step.weight * 100) for step in (focus.rollout.steps if focus.rollout is not None else ())]
    pairs: list[tuple[Object, Object]] = [
        ({"setWeight": weight}, {"pause": {}}) for weight in (0, *weights) if weight < 100
    ]
    return [part for pair in pairs for part in pair]
