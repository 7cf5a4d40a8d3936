"""Whom a flag is evaluated for: the tenant under the two names that rules know, and what is said beside it."""

from collections.abc import Mapping
from typing import Any

from focusplane.control.flags.logic import TARGETING_KEY
from focusplane.define.targeting import TENANT


def context_of(tenant: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """`client.id` is also `id` inside `client`: that is how a rule looks a dotted attribute up."""
    context: dict[str, Any] = {TARGETING_KEY: tenant, TENANT: tenant} if tenant else {}
    for key, value in said.items():
        context[key] = value
        if "." in key:
            _nest(context, key.split("."), value)
    return context


def _nest(context: dict[str, Any], path: list[str], value: Any) -> None:
    """What already stands there is left as it is."""
    inner = context
    for step in path[:-1]:
        inside = inner.get(step)
        if inside is None:
            inside = {}
        elif not isinstance(inside, dict):
            return
        inner[step] = inside = dict(inside)
        inner = inside
    inner.setdefault(path[-1], value)
