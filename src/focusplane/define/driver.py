"""Traffic that an object in a Kubernetes cluster splits: which object, and where each version stands behind it."""

from dataclasses import dataclass
from enum import StrEnum


class DriverKind(StrEnum):
    HTTPROUTE = "httproute"
    LINKERD = "linkerd"
    VIRTUALSERVICE = "virtualservice"
    ROLLOUT = "rollout"
    INFERENCESERVICE = "inferenceservice"


@dataclass(frozen=True, slots=True)
class Driver:
    """One object. `rule` names the part of it that is ours, if it has several; `force` takes the weights from whoever owns
    them.
    """

    kind: DriverKind
    namespace: str
    name: str
    rule: str = ""
    force: bool = False

    def __str__(self) -> str:
        """`httproute/shop/pay`, or `httproute/shop/pay#checkout`: the name of its node."""
        return f"{self.kind}/{self.namespace}/{self.name}" + (f"#{self.rule}" if self.rule else "")


@dataclass(frozen=True, slots=True)
class Backend:
    """Where a version stands: behind a service, in a subset of a host, or in what its instances run."""

    service: str = ""
    port: int = 0
    subset: str = ""
    image: str = ""
    model: str = ""

    def __str__(self) -> str:
        behind = f"{self.service}:{self.port}" if self.port else self.service
        subset = f" subset {self.subset}" if self.subset else ""
        return f"{behind}{subset}" if self.service else self.image or self.model
