"""Whether a version can take traffic before it gets any (N15): its service has ready addresses, its subset has ready Pods."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from focusplane.define.driver import Backend, Driver, DriverKind
from focusplane.edge.kubernetes import argo, kserve
from focusplane.edge.kubernetes.client import Client
from focusplane.edge.kubernetes.kinds import KINDS
from focusplane.edge.kubernetes.split import Object, Wanted, condition

SERVICE = "kubernetes.io/service-name"
MOST_PODS = "200"


async def unready(client: Client, wanted: Wanted, version: str, least: int = 1) -> str:
    """Why that version cannot take traffic; empty if it can. A service has `least` ready addresses, a subset so many Pods."""
    driver, backend = wanted.driver, wanted.traffic.backends.get(version)
    if backend is None:
        return f"{version} is declared no more"
    if driver.kind in (DriverKind.ROLLOUT, DriverKind.INFERENCESERVICE):
        obj = await client.get(KINDS[driver.kind].path(driver))
        asked = argo.unready if driver.kind is DriverKind.ROLLOUT else kserve.unready
        return asked(obj, wanted, version)
    if backend.subset:
        return await _subset(client, driver, backend, least)
    return await _service(client, driver, backend.service, least)


async def _service(client: Client, driver: Driver, service: str, least: int) -> str:
    path = f"/apis/discovery.k8s.io/v1/namespaces/{quote(driver.namespace, safe='')}/endpointslices"
    slices = await client.get(path, labelSelector=f"{SERVICE}={service}")
    ready = sum(_ready(one) for one in slices.get("items") or ())
    if 0 < ready < least:
        return f"the service {service} has {ready} of {least} ready addresses"
    return "" if ready else f"the service {service} has no ready address"


def _ready(one: Mapping[str, Any]) -> int:
    """Addresses whose condition `ready` is true, or not said: that is to be taken for ready."""
    endpoints = one.get("endpoints") or ()
    return sum(
        len(at.get("addresses") or ())
        for at in endpoints
        if (at.get("conditions") or {}).get("ready") is not False
    )


async def _subset(client: Client, driver: Driver, backend: Backend, least: int) -> str:
    """The DestinationRule of the host must know the subset: without it Istio answers 503 to all that goes there."""
    place = quote(driver.namespace, safe="")
    rules = await client.get(f"/apis/networking.istio.io/v1/namespaces/{place}/destinationrules")
    labels = _labels(rules, driver, backend)
    if labels is None:
        return f"no DestinationRule of {backend.service} has the subset {backend.subset!r}"
    service = await client.get(f"/api/v1/namespaces/{place}/services/{quote(backend.service, safe='')}")
    both = {**((service.get("spec") or {}).get("selector") or {}), **labels}
    said = ",".join(f"{key}={value}" for key, value in sorted(both.items()))
    pods = await client.get(f"/api/v1/namespaces/{place}/pods", labelSelector=said, limit=MOST_PODS)
    ready = [pod for pod in pods.get("items") or () if _is_ready(pod)]
    if 0 < len(ready) < least:
        return f"{len(ready)} of {least} Pods of {backend} are ready ({said})"
    return "" if ready else f"no Pod of {backend} is ready ({said})"


def _labels(rules: Object, driver: Driver, backend: Backend) -> Mapping[str, str] | None:
    for rule in rules.get("items") or ():
        spec = rule.get("spec") or {}
        host = str(spec.get("host", ""))
        if host != backend.service and not host.startswith(f"{backend.service}.{driver.namespace}.svc"):
            continue
        for subset in spec.get("subsets") or ():
            if subset.get("name") == backend.subset:
                labels: Mapping[str, str] = subset.get("labels") or {}
                return labels
    return None


def _is_ready(pod: Mapping[str, Any]) -> bool:
    status = pod.get("status") or {}
    gone = (pod.get("metadata") or {}).get("deletionTimestamp")
    return not gone and condition(status.get("conditions"), "Ready").get("status") == "True"
