"""What the keys of a driver mean together: whole percents, versions that differ, one focus for each object."""

from collections.abc import Iterator

from focusplane.define.controls import Traffic
from focusplane.define.focus import Focus
from focusplane.define.log import Places
from focusplane.define.problem import Problem
from focusplane.define.rollout import Step
from focusplane.kernel.quantity import format_percent


def driver_problems(focus: Focus, traffic: Traffic, places: Places) -> Iterator[Problem]:
    """Every mistake about the driver that shows only when the parts of one focus are seen together."""
    if traffic.driver is None:
        return
    path = f"{focus.name}.controls.traffic"
    seen: dict[str, str] = {}
    for version, backend in traffic.backends.items():
        other = seen.setdefault(str(backend), version)
        if other != version:
            what = f"{backend} already is the version {other!r}"
            yield places.error(f"{path}.versions.{version}", "D103", what, "versions must differ")
    if focus.rollout is None:
        return
    hotfix = focus.rollout.hotfix.steps if focus.rollout.hotfix is not None else ()
    for steps, own in ((focus.rollout.steps, "steps"), (hotfix, "hotfix.steps")):
        for number, step in enumerate(steps):
            yield from _driven(traffic, step, f"{focus.name}.rollout.{own}.{number}", places)


def _driven(traffic: Traffic, step: Step, path: str, places: Places) -> Iterator[Problem]:
    if step.tenants or step.ring:
        what = f"{traffic.driver} splits by weight only, and the step {step.words} names tenants"
        yield places.error(path, "D274", what, "steps of whole percents")
    if (step.weight * 100).denominator != 1:
        what = f"{traffic.driver} takes whole percents, and a step is {format_percent(step.weight)}"
        yield places.error(path, "D273", what, "1%, 5%, 25%, 100%")


def same_object(one: Focus, other: Focus, places: Places) -> Iterator[Problem]:
    """Two focuses that move the weights of one rule would undo each other's work for ever."""
    first, second = one.controls.traffic, other.controls.traffic
    if first is None or second is None or first.driver is None or second.driver is None:
        return
    mine, yours = first.driver, second.driver
    whole = (mine.kind, mine.namespace, mine.name) == (yours.kind, yours.namespace, yours.name)
    if whole and (mine.rule == yours.rule or not mine.rule or not yours.rule):
        what = f"{yours} is already moved by {one.name!r}"
        hint = "one focus moves one object, or one `rule` of it"
        yield places.error(f"{other.name}.controls.traffic.driver", "D275", what, hint)
