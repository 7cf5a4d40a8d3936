"""What the driver of a flag can carry out: on and off, shares that its service can tell, and each flag moved by one focus only."""

from collections.abc import Iterator
from fractions import Fraction

from focusplane.define.controls import Flag
from focusplane.define.flag_driver import FlagDriver
from focusplane.define.focus import Focus
from focusplane.define.log import Places
from focusplane.define.problem import Problem
from focusplane.define.targeting import TENANT


def flag_driver_problems(focus: Focus, flag: Flag, path: str, places: Places) -> Iterator[Problem]:
    """Every mistake about the driver that shows only when the keys of a flag are seen together."""
    if flag.driver is None:
        return
    on = [value for variant, value in flag.variants.items() if variant != flag.off]
    if len(on) != 1 or on[0] is not True or flag.variants.get(flag.off) is not False:
        what = f"{flag.driver} can be on or off, and the variants of {flag.key!r} are more than that"
        yield places.error(
            f"{path}.variants", "D276", what, "variants: {on: true, off: false}, with `off: off`"
        )
    yield from _more_than_a_share(flag, path, places)
    yield from _beside(focus, flag, path, places)
    yield from _told(flag.driver, flag.percentage, f"{path}.percentage", places)
    for number, step in enumerate(flag.schedule):
        yield from _told(flag.driver, step.percentage, f"{path}.schedule.{number}.percentage", places)
    yield from _steps(focus, flag, flag.driver, path, places)


def _more_than_a_share(flag: Flag, path: str, places: Places) -> Iterator[Problem]:
    """Steps of a schedule that the budget bounds are taken by the plane: each is a share like any other."""
    for key, said in (
        ("rules", flag.rules),
        ("requires", flag.requires),
        ("schedule", flag.schedule and not flag.exposure),
        ("by", flag.by != TENANT),
    ):
        if said:
            what = f"{key!r} is not carried to {flag.driver}: it splits by percentage only"
            hint = "say it there, or take the driver away"
            if key == "schedule":
                hint = f"with `exposure` the plane takes the steps; else {hint}"
            yield places.error(f"{path}.{key}", "D277", what, hint)


def _beside(focus: Focus, flag: Flag, path: str, places: Places) -> Iterator[Problem]:
    """Another flag of the same focus, declared before it, moves the same one."""
    before = list(focus.controls.flags.values())
    for other in before[: [one.key for one in before].index(flag.key)]:
        if other.driver == flag.driver:
            what = f"{flag.driver} is already moved by the flag {other.key!r}"
            yield places.error(f"{path}.driver", "D278", what, "one flag here moves one flag there")


def _steps(focus: Focus, flag: Flag, driver: FlagDriver, path: str, places: Places) -> Iterator[Problem]:
    spec = focus.rollout_of(flag.key)
    if spec is None:
        return
    own = f"{path}.rollout" if flag.rollout is not None else f"{focus.name}.rollout"
    hotfix = spec.hotfix.steps if spec.hotfix is not None else ()
    for steps, where in ((spec.steps, f"{own}.steps"), (hotfix, f"{own}.hotfix.steps")):
        for number, step in enumerate(steps):
            if step.tenants or step.ring:
                what = f"{driver} splits by percentage only, and the step {step.words} names tenants"
                yield places.error(f"{where}.{number}", "D277", what, "steps of a share: 5%, 25%, 100%")
            yield from _told(driver, step.weight, f"{where}.{number}", places)


def _told(driver: FlagDriver, share: Fraction, path: str, places: Places) -> Iterator[Problem]:
    what = driver.too_fine(share)
    if what:
        yield places.error(path, "D277", what, f"{driver.nearest(share)}: nothing is rounded in silence")


def moved_twice(one: Focus, other: Focus, places: Places) -> Iterator[Problem]:
    """Two flags that move the same flag would undo each other's work for ever."""
    mine = {flag.driver: flag.key for flag in one.controls.flags.values() if flag.driver is not None}
    for flag in other.controls.flags.values():
        key = mine.get(flag.driver) if flag.driver is not None else None
        if key is not None and (one.name, key) != (other.name, flag.key):
            what = f"{flag.driver} is already moved by the flag {key!r} of {one.name!r}"
            where = f"{other.name}.controls.flags.{flag.key}.driver"
            yield places.error(where, "D278", what, "one flag here moves one flag there")
