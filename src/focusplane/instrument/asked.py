"""Which attributes the policies ask about: only these are taken from telemetry, and only the values that they name.

A match compares a value with those that it names, so that all others mean the same: `OTHERWISE`. What is kept of a request
is thereby bounded by the policies, however many values its attributes have.
"""

from collections.abc import Iterable, Mapping

from focusplane.define.focus import Focus
from focusplane.instrument.conventions import COST, HOST, TENANT_CLASS
from focusplane.instrument.cost import cost_said
from focusplane.instrument.tagging import Attributes, Value

Asked = Mapping[str, frozenset[str]]
"""Key -> the values that some match of a focus names."""
OTHERWISE = ""
"""The attribute was there, and its value is none that anybody asked for."""
MOST_VALUE = 128
"""Characters of a value of `TENANT_CLASS`, which is kept as it is."""
_NOTHING: Mapping[str, str] = {}


def asked_by(focus: Focus) -> Asked:
    """What the matches of its objectives ask for, and its judge: cost is no value of a list but an amount."""
    found: dict[str, frozenset[str]] = {}
    for objective in focus.objectives:
        for match in objective.sli.matches:
            for key, values in match.attributes:
                found[key] = found.get(key, frozenset()) | frozenset(values)
    rollouts = (focus.rollout, *(flag.rollout for flag in focus.controls.flags.values()))
    if any(each.cap for one in rollouts if one is not None for each in one.judge.extras):
        found[COST] = frozenset()
    return found


def keys_of(focuses: Iterable[Focus]) -> frozenset[str]:
    """Every key that somebody asks for."""
    every = tuple(focuses)
    hosts = HOST if any(mirrors(focus) for focus in every) else ()
    return frozenset((*(key for focus in every for key in asked_by(focus)), *hosts))


def mirrors(focus: Focus) -> bool:
    """Its policy has requests copied, by whatever gateway."""
    return focus.rollout is not None and focus.rollout.mirror is not None


def told(asked: Asked, resource: Attributes, attributes: Attributes) -> Mapping[str, str]:
    """What a request, else its resource, says to what was asked."""
    found = {}
    for key, values in asked.items():
        said = attributes.get(key, resource.get(key))
        if said is not None and key == COST:
            found[key] = cost_said(said)
        elif said is not None:
            value = written(said)
            found[key] = value if value in values else OTHERWISE
    kind = attributes.get(TENANT_CLASS)
    if kind:
        found[TENANT_CLASS] = str(kind)[:MOST_VALUE]
    return found or _NOTHING


def written(value: Value) -> str:
    """A value as a policy writes it: `true`, `1`, `ios`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
