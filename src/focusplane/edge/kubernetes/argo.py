"""Argo's Rollout: its steps are its own, so a weight is the step that sets it, 0 % is its abort and 100 % its promotion."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from focusplane.edge.kubernetes.split import (
    Object,
    Shares,
    Wanted,
    Write,
    generation,
    number,
)
from focusplane.kernel.errors import RefusedError
from focusplane.plane.followed import Settled, Status, Unsettled

HASH = "rollouts-pod-template-hash"
ALL = 100


def stable_pods(obj: Object) -> str:
    """The hash of the Pods that are stable; empty before the first."""
    return str((obj.get("status") or {}).get("stableRS") or "")


def read(obj: Object, wanted: Wanted, replica_sets: Object) -> Shares:
    """By what runs: the image of the template is one arm, the image of the stable ReplicaSet the other."""
    coming, weight = _coming(obj, wanted), Fraction(_weight(obj), ALL)
    if weight == 1:
        return {coming: weight}
    return {_stable(obj, wanted, replica_sets): 1 - weight, coming: weight}


def write(obj: Object, wanted: Wanted, replica_sets: Object) -> Write:
    """The patch of its status. Raises `RefusedError` for a split that its two arms or its steps do not have."""
    coming, weights = _coming(obj, wanted), wanted.percents
    weight = weights.get(coming, 0)
    arms = {coming} if _is_whole(obj) else {coming, _stable(obj, wanted, replica_sets)}
    others = sorted(name for name, share in weights.items() if share and name not in arms)
    if others or (_is_whole(obj) and weight != ALL):
        runs = " and ".join(sorted(arms))
        missing = ", ".join(others) or next(name for name in weights if name != coming)
        raise RefusedError(
            f"{wanted.driver} runs {runs}, not {missing}",
            f"deploy its image first: {_image(missing, wanted)}",
        )
    if weight == 0:
        return Write({"status": {"abort": True}}, status=True)
    if weight == ALL:
        return Write({"status": {"abort": False, "promoteFull": True}}, status=True)
    at = _step(obj, wanted, weight)
    fresh = {"abort": False, "currentStepIndex": at, "pauseConditions": None, "controllerPause": False}
    return Write({"status": fresh}, status=True)


def settled(obj: Object, wanted: Wanted) -> Status:
    """The controller has seen this generation, and its traffic has the weight that its step says."""
    status = obj.get("status") or {}
    seen = str(status.get("observedGeneration") or "")
    if seen.isdecimal() and int(seen) < generation(obj):
        return Unsettled(f"Argo still looks at generation {seen}")
    split = ((status.get("canary") or {}).get("weights") or {}).get("canary") or {}
    if "weight" in split and not _is_whole(obj) and number(split["weight"], 0) != _weight(obj):
        return Unsettled(f"its traffic still has {split['weight']}%, its step says {_weight(obj)}%")
    if status.get("promoteFull") and not _is_whole(obj):
        return Unsettled("Argo promotes it")
    return Settled("Argo Rollouts")


def unready(obj: Object, wanted: Wanted, version: str) -> str:
    """Why that version gets no traffic from this Rollout; empty if it may."""
    if _coming(obj, wanted) != version:
        return f"{wanted.driver} runs {_coming(obj, wanted)}: deploy {_image(version, wanted)} first"
    status = obj.get("status") or {}
    if status.get("phase") == "Degraded" and not status.get("abort"):
        return f"Argo says that it is degraded: {status.get('message', '')}"[:300]
    return ""


def _is_whole(obj: Object) -> bool:
    """There is one arm only: what comes is stable."""
    status = obj.get("status") or {}
    return bool(status.get("stableRS")) and status.get("stableRS") == status.get("currentPodHash")


def _weight(obj: Object) -> int:
    """The canary's percent by the rules of the controller (utils/replicaset/canary.go): an abort is 0, past the end is 100,
    else the last `setWeight` at or before the current step.
    """
    status = obj.get("status") or {}
    if _is_whole(obj) or status.get("promoteFull"):
        return ALL
    if status.get("abort"):
        return 0
    steps, at = _steps(obj), number(status.get("currentStepIndex"), 0)
    if at >= len(steps):
        return ALL
    weights = [number(step["setWeight"], 0) for step in steps[: at + 1] if "setWeight" in step]
    return weights[-1] if weights else 0


def _steps(obj: Object) -> list[dict[str, Any]]:
    canary = ((obj.get("spec") or {}).get("strategy") or {}).get("canary")
    if not isinstance(canary, dict):
        raise RefusedError("the Rollout has no canary strategy", "spec.strategy.canary.steps")
    return [step for step in canary.get("steps") or () if isinstance(step, dict)]


def _step(obj: Object, wanted: Wanted, weight: int) -> int:
    """The step that sets this weight and then waits without end: the pace is ours."""
    steps = _steps(obj)
    for at, step in enumerate(steps[:-1]):
        if step.get("setWeight") == weight and steps[at + 1].get("pause") == {}:
            return at
    hint = f"{{setWeight: {weight}}}, then {{pause: {{}}}}"
    raise RefusedError(f"{wanted.driver} has no step that sets {weight}% and waits", hint)


def _coming(obj: Object, wanted: Wanted) -> str:
    return _version_of((obj.get("spec") or {}).get("template"), wanted)


def _stable(obj: Object, wanted: Wanted, replica_sets: Object) -> str:
    for one in replica_sets.get("items") or ():
        if ((one.get("metadata") or {}).get("labels") or {}).get(HASH) == stable_pods(obj):
            return _version_of((one.get("spec") or {}).get("template"), wanted)
    raise RefusedError(
        f"{wanted.driver} has no ReplicaSet of its stable Pods {stable_pods(obj) or '(none yet)'}"
    )


def _version_of(template: object, wanted: Wanted) -> str:
    """The version whose image the template runs; else the image itself, which no version declares."""
    images = list(_images(template))
    for version, backend in wanted.traffic.backends.items():
        if backend.image in images:
            return version
    if not images:
        raise RefusedError(
            f"{wanted.driver} has no Pod template of its own", "a `workloadRef` cannot be read"
        )
    return images[0]


def _images(template: object) -> Iterator[str]:
    spec = template.get("spec") if isinstance(template, dict) else None
    for container in (spec or {}).get("containers") or ():
        yield str(container.get("image", ""))


def _image(version: str, wanted: Wanted) -> str:
    backend = wanted.traffic.backends.get(version)
    return backend.image if backend is not None else version
