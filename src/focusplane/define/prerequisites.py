"""Prerequisites of flags: declared, met by a variant that there is, in no ring, and few enough to be spelt out."""

from collections.abc import Iterator, Mapping

from focusplane.define.controls import Flag
from focusplane.define.focus import Focus, PolicySet
from focusplane.define.log import Places, did_you_mean
from focusplane.define.problem import Problem

MOST_SPELT_OUT = 50
"""Flags that one flag spells out as its prerequisites, theirs among them."""
DEEPEST = 8


def prerequisite_problems(policies: PolicySet, places: Places) -> Iterator[Problem]:
    """Prerequisites that are declared nowhere, lack a variant, run in a ring, or are too many to spell out."""
    every = {
        f"{focus.name}/{flag.key}": flag
        for focus in policies.focuses.values()
        for flag in focus.controls.flags.values()
    }
    for focus in policies.focuses.values():
        for flag in focus.controls.flags.values():
            path = f"{focus.name}.controls.flags.{flag.key}.requires"
            for name, enough in flag.requires.items():
                yield from _prerequisite(focus, name, enough, policies, (every, f"{path}.{name}", places))
            own = f"{focus.name}/{flag.key}"
            ring = _ring(own, every)
            if ring:
                what = f"the flag {flag.key!r} requires itself: {' -> '.join(ring)}"
                yield places.error(path, "D354", what, "take one of these prerequisites away")
            elif _spelt_out(own, every) > MOST_SPELT_OUT or _depth(own, every) > DEEPEST:
                what = f"the prerequisites of {flag.key!r} are more than can be spelt out"
                hint = f"{DEEPEST} deep and {MOST_SPELT_OUT} flags in all, each as often as it is named"
                yield places.error(path, "D354", what, hint)


def _prerequisite(
    focus: Focus,
    name: str,
    enough: tuple[str, ...],
    policies: PolicySet,
    at: tuple[Mapping[str, Flag], str, Places],
) -> Iterator[Problem]:
    every, path, places = at
    full = name if "/" in name else f"{focus.name}/{name}"
    flag = every.get(full)
    if flag is None:
        known = [own.removeprefix(f"{focus.name}/") for own in every]
        yield places.error(path, "D354", f"no focus declares the flag {name!r}", did_you_mean(name, known))
        return
    there = policies.focuses[full.partition("/")[0]]
    if there.environment != focus.environment:
        what = f"{name!r} is of the environment {there.environment!r}, not of {focus.environment!r}"
        yield places.error(path, "D354", what, "a prerequisite is evaluated where the flag is")
    for variant in enough:
        if variant not in flag.variants:
            what = f"{variant!r} is none of the variants of the flag {name!r}"
            yield places.error(path, "D107", what, did_you_mean(variant, list(flag.variants)))


def _needed(own: str, every: Mapping[str, Flag]) -> list[str]:
    focus = own.partition("/")[0]
    flag = every.get(own)
    names = [] if flag is None else [name if "/" in name else f"{focus}/{name}" for name in flag.requires]
    return [name for name in names if name in every]


def _ring(own: str, every: Mapping[str, Flag]) -> list[str]:
    """The way from a flag back to itself; empty if there is none."""
    waiting, seen = [[own, name] for name in _needed(own, every)], set[str]()
    while waiting:
        way = waiting.pop()
        if way[-1] == own:
            return way
        if way[-1] not in seen:
            seen.add(way[-1])
            waiting += [[*way, name] for name in _needed(way[-1], every)]
    return []


def _spelt_out(own: str, every: Mapping[str, Flag]) -> int:
    """How many flags are spelt out for this one; stops counting where it is too many, and in a ring."""
    count, waiting = 0, _needed(own, every)
    while waiting and count <= MOST_SPELT_OUT:
        count += 1
        waiting += _needed(waiting.pop(), every)
    return count


def _depth(own: str, every: Mapping[str, Flag]) -> int:
    level, depth = {own}, 0
    while level and depth <= DEEPEST:
        level = {name for one in level for name in _needed(one, every)}
        depth += bool(level)
    return depth
