"""The five kinds of objects: where the API keeps them, and how each is read, written and believed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from focusplane.define.driver import Driver, DriverKind
from focusplane.edge.kubernetes import argo, kserve
from focusplane.edge.kubernetes.client import Client
from focusplane.edge.kubernetes.routes import BACKEND_REFS, DESTINATIONS, Rules, accepted, reconciled
from focusplane.edge.kubernetes.split import Object, Shares, Wanted, Write
from focusplane.plane.followed import Status


@dataclass(frozen=True, slots=True)
class Kind:
    """`read` and `write` raise `RefusedError` for what the object is not made for; `beside` is what they need besides it."""

    group: str
    version: str
    plural: str
    name: str
    read: Callable[[Object, Wanted, Object], Shares]
    write: Callable[[Object, Wanted, Object], Write]
    settled: Callable[[Object, Wanted], Status]

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}"

    def path(self, driver: Driver) -> str:
        place = f"/apis/{self.api_version}/namespaces/{quote(driver.namespace, safe='')}"
        return f"{place}/{self.plural}/{quote(driver.name, safe='')}"


def _rules(
    rules: Rules,
) -> tuple[Callable[[Object, Wanted, Object], Shares], Callable[[Object, Wanted, Object], Write]]:
    return lambda obj, wanted, _: rules.read(obj, wanted), lambda obj, wanted, _: rules.write(obj, wanted)


_GATEWAY, _ISTIO = _rules(BACKEND_REFS), _rules(DESTINATIONS)

KINDS: Mapping[DriverKind, Kind] = {
    DriverKind.HTTPROUTE: Kind(
        "gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute", *_GATEWAY, settled=accepted
    ),
    DriverKind.LINKERD: Kind(
        "policy.linkerd.io", "v1beta3", "httproutes", "HTTPRoute", *_GATEWAY, settled=accepted
    ),
    DriverKind.VIRTUALSERVICE: Kind(
        "networking.istio.io", "v1", "virtualservices", "VirtualService", *_ISTIO, settled=reconciled
    ),
    DriverKind.ROLLOUT: Kind(
        "argoproj.io", "v1alpha1", "rollouts", "Rollout", argo.read, argo.write, settled=argo.settled
    ),
    DriverKind.INFERENCESERVICE: Kind(
        "serving.kserve.io",
        "v1beta1",
        "inferenceservices",
        "InferenceService",
        lambda obj, wanted, _: kserve.read(obj, wanted),
        lambda obj, wanted, _: kserve.write(obj, wanted),
        settled=kserve.settled,
    ),
}


async def beside(client: Client, driver: Driver, obj: Object) -> Object:
    """What else it takes to read that object: the ReplicaSet of the stable Pods of a Rollout."""
    pods = argo.stable_pods(obj) if driver.kind is DriverKind.ROLLOUT else ""
    if not pods:
        return {}
    place = f"/apis/apps/v1/namespaces/{quote(driver.namespace, safe='')}/replicasets"
    return await client.get(place, labelSelector=f"{argo.HASH}={pods}", limit="10")
