"""What the steps of a rollout mean together: they grow, they end, and they name no more tenants than a gateway should carry."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from focusplane.define.controls import Traffic
from focusplane.define.driver import DriverKind
from focusplane.define.log import Places
from focusplane.define.problem import Problem, Severity
from focusplane.define.rollout import MOST_PINNED, By, Mirror, RolloutSpec, Step
from focusplane.kernel.quantity import format_duration, format_percent


def step_problems(rollout: RolloutSpec, path: str, places: Places) -> Iterator[Problem]:
    """Every mistake of the steps."""
    if rollout.mirror is not None:
        yield from _mirror(rollout, rollout.mirror, f"{path}.mirror", places)
    hotfix = rollout.hotfix.steps if rollout.hotfix is not None else ()
    for steps, own in ((rollout.steps, f"{path}.steps"), (hotfix, f"{path}.hotfix.steps")):
        yield from _growth(steps, own, places)
        yield from _tenants(steps, own, places)
        for number, step in enumerate(steps):
            if step.for_ms > rollout.hold_at_most_ms:
                what = f"the step takes {format_duration(step.for_ms)}, longer than holdAtMost allows"
                hint = f"holdAtMost is {format_duration(rollout.hold_at_most_ms)}"
                yield places.error(f"{own}.{number}", "D115", what, hint)


def instance_problems(rollout: RolloutSpec, traffic: Traffic, path: str, places: Places) -> Iterator[Problem]:
    """A version with fewer instances than a step asks for could never be rolled out."""
    if traffic.driver is not None:
        if rollout.min_instances and traffic.driver.kind in (DriverKind.ROLLOUT, DriverKind.INFERENCESERVICE):
            what = f"{traffic.driver} says whether it is ready, and not by how many instances"
            yield places.error(f"{path}.minInstances", "D253", what, "take it away")
        return
    for version, addresses in traffic.versions.items():
        if len(addresses) < rollout.min_instances:
            what = f"{version} has {len(addresses)} of the {rollout.min_instances} instances that each step asks for"
            yield places.error(f"{path}.minInstances", "D253", what, "declare more, or ask for fewer")


def mirror_problems(mirror: Mirror, traffic: Traffic | None, path: str, places: Places) -> Iterator[Problem]:
    """What moves the traffic cannot copy it; variants of a flag are chosen behind it."""
    if traffic is None:
        what = "only versions can be mirrored: a variant of a flag is chosen in the application"
        yield places.error(path, "D255", what, "declare controls.traffic, or take the mirror out")
    elif traffic.driver is not None and mirror.by is By.GATEWAY:
        what = f"{traffic.driver} is moved by its weights alone: it copies nothing"
        hint = (
            "say `by: others`, mirror by its own means, and tell how the pairs ended: docs/how-to/mirror.md"
        )
        yield places.error(path, "D255", what, hint)


def _mirror(rollout: RolloutSpec, mirror: Mirror, path: str, places: Places) -> Iterator[Problem]:
    if not rollout.steps:
        what = "nothing comes after the mirror: the new version would never get a user"
        yield places.error(path, "D256", what, "steps: [5%, 25%, 100%]")
    if mirror.for_ms > rollout.hold_at_most_ms:
        what = f"the mirror takes {format_duration(mirror.for_ms)}, longer than holdAtMost allows"
        yield places.error(path, "D115", what, f"holdAtMost is {format_duration(rollout.hold_at_most_ms)}")


def _growth(steps: Sequence[Step], path: str, places: Places) -> Iterator[Problem]:
    shares = [(number, step.weight) for number, step in enumerate(steps) if not _names(step)]
    for (_, before), (number, after) in pairwise(shares):
        if after <= before:
            what = f"the step {format_percent(after)} does not grow from {format_percent(before)}"
            yield places.error(f"{path}.{number}", "D112", what, "steps grow up to 100%")
    last = steps[-1] if steps else None
    if last is not None and last.weight < 1:
        shown = format_percent(last.weight) if not _names(last) else last.words
        what = f"the last step is {shown}: the rollout would never be done"
        yield places.problem(path, Severity.WARNING, "D112", what, "let the last step be 100%")


def _tenants(steps: Sequence[Step], path: str, places: Places) -> Iterator[Problem]:
    """Names come before shares: once a share of everybody is exposed, a handful more says nothing."""
    shared = False
    for number, step in enumerate(steps):
        if _names(step) and shared:
            what = f"the step {step.words} comes after a share of the traffic"
            yield places.error(f"{path}.{number}", "D251", what, "tenants and rings come first")
        shared = shared or not _names(step)
    named = {tenant for step in steps for tenant in step.tenants}
    if len(named) > MOST_PINNED:
        what = f"the steps name {len(named)} tenants; at most {MOST_PINNED}"
        yield places.error(path, "D252", what, "name those who agreed to go first; a weight is for the rest")


def _names(step: Step) -> bool:
    return bool(step.tenants or step.ring)
