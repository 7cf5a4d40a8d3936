"""Much at once: a set that takes many flags or routes away is held until somebody says that just this is meant.

Tombstones and edits are intended one by one. A script that writes hundreds of them is as valid, and takes a region down.
"""

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction

from focusplane.define.controls import Flag
from focusplane.define.focus import Focus, PolicySet
from focusplane.kernel.ids import digest

SHARP = Fraction(1, 5)
"""More than this share of the flags, or of the routes, of a region."""
LEAST = 5
"""Fewer than so many are not many, however small the region is."""
REGION = "region"
"""The label of a focus that says where it is."""
MOST_NAMED = 5


def too_much(old: PolicySet, new: PolicySet, said: frozenset[str]) -> str:
    """What `new` takes away at once and `said` does not confirm; empty if it is not much."""
    for kind, had, has in (("flag", _flags(old), _flags(new)), ("route", _routes(old), _routes(new))):
        for region, before in had.items():
            everywhere: frozenset[str] = frozenset().union(*has.values())
            gone = sorted(before - everywhere)
            if len(gone) < LEAST or len(gone) <= SHARP * len(before):
                continue
            name = confirmation(gone)
            if name not in said:
                return _words(kind, region, gone, len(before), name)
    return ""


def confirmation(gone: list[str]) -> str:
    """The name under which exactly this is confirmed."""
    return f"bulk-{digest(list(gone))[:10]}"


def _words(kind: str, region: str, gone: list[str], before: int, name: str) -> str:
    more = len(gone) - MOST_NAMED
    named = ", ".join(gone[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    where = f" of region {region}" if region else ""
    does = "stop serving" if kind == "flag" else "take away"
    return (
        f"the policy set would {does} {len(gone)} of {before} {kind}s{where} at once ({named}): nothing of it is obeyed,"
        f" the set before stays in force; take them in smaller parts, or say `kind: Removed` for {name!r} if that is meant"
    )


def _flags(policies: PolicySet) -> Mapping[str, frozenset[str]]:
    """Region -> the flags of it that serve more than their off variant to somebody."""
    return _by_region(policies, _served)


def _served(focus: Focus) -> Iterator[str]:
    for key, flag in focus.controls.flags.items():
        if serves(flag):
            yield f"{focus.name}/flag.{key}"


def serves(flag: Flag) -> bool:
    """Somebody gets another variant than `off`."""
    rules = any(variant != flag.off and share for rule in flag.rules for variant, share in rule.serve.items())
    steps = any(step.percentage for step in flag.schedule)
    return rules or (flag.default != flag.off and (flag.percentage > 0 or steps))


def _routes(policies: PolicySet) -> Mapping[str, frozenset[str]]:
    """Region -> `service route` of its boundaries; a route that moves to another focus is still there."""
    return _by_region(policies, _answered)


def _answered(focus: Focus) -> Iterator[str]:
    for one in focus.boundary:
        for route in one.routes or ("*",):
            yield f"{one.service} {route}"


def _by_region(policies: PolicySet, of: Callable[[Focus], Iterator[str]]) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for focus in policies.focuses.values():
        found.setdefault(focus.labels.get(REGION, ""), set()).update(of(focus))
    return {region: frozenset(names) for region, names in found.items()}
