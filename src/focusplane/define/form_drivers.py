"""The keys of a driver: the object in a cluster that splits the traffic, and the versions behind it."""

from collections.abc import Callable, Mapping
from typing import Any

from focusplane.define.controls import Address, Sticky, Traffic
from focusplane.define.driver import Backend, Driver, DriverKind
from focusplane.define.log import Log
from focusplane.define.quantities import ADDRESS, LINE, TRUTH, whole
from focusplane.define.shape import Broken, Field, Record, Schema, Shape, Values, misplaced
from focusplane.define.shapes import Keyed, ListOf, Name
from focusplane.define.yaml_nodes import Node, Place, Table

_OBJECT = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"

NAMESPACE = Field("namespace", Name("namespace", _LABEL), "The namespace of the object.", required=True)
OBJECT = Field(
    "name",
    Name("object", _OBJECT, "a name of small letters, digits, dashes and dots"),
    "Its name.",
    required=True,
)
RULE = Field(
    "rule",
    LINE,
    "The name of the rule (of an `http` entry) that is ours. Default: every one that splits between our versions.",
    "",
)
FORCE = Field(
    "force",
    TRUTH,
    "Take the weights from whoever owns them (server-side apply). Otherwise another owner is told, and nothing is written.",
    False,
)


def _driver(kind: DriverKind) -> Callable[[Values], Driver]:
    def build(values: Values) -> Driver:
        return Driver(kind, values[NAMESPACE], values[OBJECT], values[RULE], values[FORCE])

    return build


def _kind(kind: DriverKind, title: str, doc: str, fields: tuple[Field[Any], ...]) -> Record[Driver]:
    """`{httproute: {namespace: shop, name: pay}}`: the key says what kind of object it is."""
    key = Field(kind.value, Record(title, fields, _driver(kind)), doc, required=True)
    return Record(f"a driver by {title}", (key,), lambda values: values[key])


_WITH_RULES: tuple[Field[Any], ...] = (NAMESPACE, OBJECT, RULE, FORCE)
_AS_A_WHOLE: tuple[Field[Any], ...] = (NAMESPACE, OBJECT, FORCE)
_BY_STATUS: tuple[Field[Any], ...] = (NAMESPACE, OBJECT)
DRIVER: Shape[Driver] = Keyed(
    "a driver",
    (
        _kind(DriverKind.HTTPROUTE, "an HTTPRoute", "An `HTTPRoute` of the Gateway API.", _WITH_RULES),
        _kind(
            DriverKind.LINKERD, "an HTTPRoute of Linkerd", "An `HTTPRoute` of policy.linkerd.io.", _AS_A_WHOLE
        ),
        _kind(DriverKind.VIRTUALSERVICE, "a VirtualService", "A `VirtualService` of Istio.", _WITH_RULES),
        _kind(DriverKind.ROLLOUT, "a Rollout", "A `Rollout` of Argo Rollouts, canary strategy.", _BY_STATUS),
        _kind(
            DriverKind.INFERENCESERVICE,
            "an InferenceService",
            "An `InferenceService` of KServe.",
            _AS_A_WHOLE,
        ),
    ),
)

SERVICE = Field("service", Name("service", _OBJECT), "The Service in front of its instances.", "")
PORT = Field("port", whole(1, 65535), "The port of that Service.", 0)
SUBSET = Field("subset", LINE, "The subset of a DestinationRule (Istio).", "")
IMAGE = Field("image", LINE, "The image that its Pods run, as it stands in the Rollout.", "")
MODEL = Field("model", LINE, "Its `storageUri`, as it stands in the InferenceService.", "")


def _backend(values: Values) -> Backend:
    return Backend(values[SERVICE], values[PORT], values[SUBSET], values[IMAGE], values[MODEL])


BACKEND = Record("a version behind a driver", (SERVICE, PORT, SUBSET, IMAGE, MODEL), _backend)
NEEDS: Mapping[DriverKind, tuple[tuple[str, ...], tuple[str, ...]]] = {
    DriverKind.HTTPROUTE: (("service", "port"), ()),
    DriverKind.LINKERD: (("service", "port"), ()),
    DriverKind.VIRTUALSERVICE: (("service",), ("port", "subset")),
    DriverKind.ROLLOUT: (("image",), ()),
    DriverKind.INFERENCESERVICE: (("model",), ()),
}
"""What a version says behind each kind: what it must, and what it may besides."""

Where = tuple[Address, ...] | Backend


class _Where(Shape[Where]):
    """Where the instances of a version answer, or where it stands behind a driver."""

    words = (
        "an address, a list of addresses, or behind a driver a mapping such as {service: pay-v1, port: 80}"
    )
    _addresses = ListOf(ADDRESS, least=1, single=True)

    def read(self, node: Node, path: str, log: Log) -> Where | Broken:
        if isinstance(node, Table):
            return BACKEND.read(node, path, log) if node.entries else misplaced(self, node, log)
        return self._addresses.read(node, path, log)

    def schema(self) -> Schema:
        alone = self._addresses.schema()
        choices = alone["anyOf"]
        assert isinstance(choices, list)
        return {"anyOf": [*choices, BACKEND.schema()]}


WHERE: Shape[Where] = _Where()


def placed(traffic: Traffic, where: Mapping[str, Where]) -> Traffic:
    """The traffic with its versions: as addresses of instances, or as backends of the driver."""
    found = {name: at for name, at in where.items() if isinstance(at, tuple)}
    backends = {name: at for name, at in where.items() if isinstance(at, Backend)}
    return Traffic(
        traffic.listen,
        traffic.route,
        {name: found.get(name, ()) for name in where},
        traffic.initial,
        traffic.tenant_header,
        Sticky.REQUEST if traffic.driver is not None else traffic.sticky,
        traffic.driver,
        backends,
    )


def misfits(values: Values, traffic: Traffic, listen: Field[Address], ours: tuple[Field[Any], ...]) -> None:
    """Tell every reason why driver, listener and versions do not fit together. `ours` are the keys of a gateway of ours."""
    if traffic.driver is None and f"{values.path}.driver" in values.log.places:
        return
    if traffic.driver is None:
        if f"{values.path}.{listen.key}" not in values.log.places:
            what = "traffic needs 'listen', where our gateway listens, or 'driver', an object of a cluster that splits it"
            values.log.error(values.place, "D011", what, "listen: 127.0.0.1:10000")
        for name in traffic.backends:
            what = f"the version {name!r} stands behind a driver, and there is none"
            values.log.error(
                _at(values, name), "D270", what, "driver: {httproute: {namespace: shop, name: pay}}"
            )
        return
    for field in (listen, *ours):
        if values.has(field):
            what = f"{field.key!r} belongs to a gateway of ours, and a driver moves this traffic"
            values.error(field, "D271", what, "keep one of them")
    for name in traffic.versions:
        _fits(values, traffic.driver, name, traffic.backends.get(name))


def _fits(values: Values, driver: Driver, name: str, backend: Backend | None) -> None:
    must, may = NEEDS[driver.kind]
    hint = f"{{{', '.join(f'{key}: ...' for key in must)}}}"
    if backend is None:
        what = f"behind a driver the version {name!r} is no address"
        values.log.error(_at(values, name), "D272", what, hint)
        return
    for key in ("service", "port", "subset", "image", "model"):
        said = bool(getattr(backend, key))
        if key in must and not said:
            what = f"the version {name!r} needs {key!r} behind this kind of driver"
            values.log.error(_at(values, name), "D272", what, hint)
        elif said and key not in (*must, *may):
            what = f"{key!r} means nothing behind this kind of driver"
            values.log.error(_at(values, name), "D272", what, hint)


def _at(values: Values, version: str) -> Place:
    return values.log.places.get(f"{values.path}.versions.{version}", values.place)
