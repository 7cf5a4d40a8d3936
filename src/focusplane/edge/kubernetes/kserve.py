"""KServe's InferenceService: one percentage, for the model that stands in it; the rest stays with what was rolled out before."""

from fractions import Fraction
from typing import Any

from focusplane.edge.kubernetes.split import (
    Object,
    Shares,
    Wanted,
    Write,
    condition,
    generation,
    number,
)
from focusplane.kernel.errors import RefusedError
from focusplane.plane.followed import Settled, Status, Unsettled

ALL = 100


def read(obj: Object, wanted: Wanted) -> Shares:
    """By what is routed: the revision of the model that stands in the spec, and the one that was rolled out before."""
    coming = _coming(obj, wanted)
    share = Fraction(_routed(obj), ALL)
    return {coming: share} if share == 1 else {_before(coming, wanted): 1 - share, coming: share}


def write(obj: Object, wanted: Wanted) -> Write:
    """Raises `RefusedError` for a model that does not stand in the spec."""
    coming, weights = _coming(obj, wanted), wanted.percents
    arms = {coming, wanted.state.stable}
    others = sorted(name for name, weight in weights.items() if weight and name not in arms)
    if others:
        raise RefusedError(
            f"{wanted.driver} holds {coming}, not {', '.join(others)}", "deploy its model first"
        )
    return Write({"spec": {"predictor": {"canaryTrafficPercent": weights.get(coming, 0)}}})


def settled(obj: Object, wanted: Wanted) -> Status:
    """KServe has seen this generation and routes as the spec says."""
    status, now = obj.get("status") or {}, generation(obj)
    if number(status.get("observedGeneration"), now) < now:
        return Unsettled(f"KServe still looks at generation {status['observedGeneration']}")
    asked = number(_predictor(obj).get("canaryTrafficPercent"), ALL)
    if _routed(obj) != asked:
        return Unsettled(f"KServe routes {_routed(obj)}% to it, not {asked}%: is its revision ready?")
    ready = condition(status.get("conditions"), "PredictorReady")
    if ready.get("status") == "False" and asked:
        return Unsettled(f"KServe says that its predictor is not ready: {ready.get('message', '')}"[:300])
    return Settled("KServe")


def unready(obj: Object, wanted: Wanted, version: str) -> str:
    """Why that version gets no traffic; empty if it may: its revision must be the latest, and ready."""
    coming = _coming(obj, wanted)
    if coming != version:
        return f"{wanted.driver} holds {coming}: deploy {wanted.traffic.backends[version].model} first"
    found = _component(obj)
    latest, ready = found.get("latestCreatedRevision"), found.get("latestReadyRevision")
    if not ready or latest != ready:
        return f"its revision {latest or '(none)'} is not ready"
    return ""


def _predictor(obj: Object) -> dict[str, Any]:
    found = (obj.get("spec") or {}).get("predictor")
    return found if isinstance(found, dict) else {}


def _component(obj: Object) -> dict[str, Any]:
    found = ((obj.get("status") or {}).get("components") or {}).get("predictor")
    return found if isinstance(found, dict) else {}


def _routed(obj: Object) -> int:
    """What the latest revision gets by the status; before there is a status, what the spec asks for."""
    targets = [one for one in _component(obj).get("traffic") or () if isinstance(one, dict)]
    if not targets:
        return number(_predictor(obj).get("canaryTrafficPercent"), ALL)
    return sum(number(one.get("percent"), 0) for one in targets if one.get("latestRevision"))


def _coming(obj: Object, wanted: Wanted) -> str:
    """The version whose model stands in the spec; else the model itself, which no version declares."""
    places = [one for one in _predictor(obj).values() if isinstance(one, dict)]
    models = [str(one["storageUri"]) for one in places if one.get("storageUri")]
    for version, backend in wanted.traffic.backends.items():
        if backend.model in models:
            return version
    if not models:
        raise RefusedError(
            f"{wanted.driver} has no model with a storageUri", "spec.predictor.model.storageUri"
        )
    return models[0]


def _before(coming: str, wanted: Wanted) -> str:
    """KServe names the earlier model by its revision only: it is the stable one, unless that stands in the spec."""
    return wanted.state.stable if wanted.state.stable != coming else "an earlier revision"
