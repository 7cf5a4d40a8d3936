"""Matchers of Alertmanager, as far as a silence of the plane can say the same."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from focusplane.act.request import AddSilence
from focusplane.kernel.errors import UsageError
from focusplane.plane.queries import Shown
from focusplane.web.bodies import Name
from focusplane.wire.alerts_json import instant

FOCUS = frozenset({"focus_id", "focus"})
_FILTER = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"?([^"]*)"?')


class MatcherBody(BaseModel):
    model_config = ConfigDict(extra="ignore")
    name: Name
    value: Annotated[str, Field(max_length=200)] = ""
    regex: Annotated[bool, Field(alias="isRegex")] = False
    equal: Annotated[bool, Field(alias="isEqual")] = True


class SilenceV2Body(BaseModel):
    """As `amtool` and other clients of Alertmanager send it; keys of other versions are let through."""

    model_config = ConfigDict(extra="ignore")
    id: Annotated[str, Field(max_length=200)] = ""
    matchers: Annotated[list[MatcherBody], Field(min_length=1, max_length=20)]
    starts: Annotated[str, Field(alias="startsAt", max_length=40)]
    ends: Annotated[str, Field(alias="endsAt", max_length=40)]
    author: Annotated[str, Field(alias="createdBy", max_length=200)] = ""
    comment: Annotated[str, Field(max_length=1_500)] = ""


def wished(body: SilenceV2Body) -> AddSilence:
    """Raises `UsageError` for what a silence of the plane cannot say: it would silence more or less than was asked for."""
    named: dict[str, str] = {}
    for one in body.matchers:
        if one.regex or not one.equal:
            what = f"the matcher of {one.name} is not an equality"
            raise UsageError(what, "a silence here names a focus, or labels that focuses have, with =")
        name = "focus_id" if one.name in FOCUS else one.name
        if not one.value or named.get(name, one.value) != one.value:
            raise UsageError(f"the matcher of {one.name} can match nothing", "one value for each name")
        named[name] = one.value
    focus, tenant, objective = (named.pop(key, "") for key in ("focus_id", "tenant", "objective"))
    try:
        start, until = instant(body.starts, "startsAt"), instant(body.ends, "endsAt")
    except ValueError as error:
        raise UsageError(str(error)) from error
    author = f" (for {body.author})" if body.author else ""
    reason = f"{body.comment}{author}" if body.comment.strip() else ""
    return AddSilence(reason, focus, named, tenant, objective, until=until, start=start)


def selected(rows: Iterable[Shown], wanted: Sequence[str]) -> list[Shown]:
    """The alerts whose labels fit each filter such as `severity="critical"`. Raises `UsageError`."""
    tests = [_test(one) for one in wanted]
    return [row for row in rows if all(_fits(row["labels"], test) for test in tests)]


def silences_selected(rows: Iterable[Shown], wanted: Sequence[str]) -> list[Shown]:
    """The silences that have a matcher like each filter. Raises `UsageError`."""
    tests = [_test(one) for one in wanted]
    return [row for row in rows if all(_has(row, test) for test in tests)]


def _has(row: Shown, test: tuple[str, bool, str]) -> bool:
    held = {one["name"]: one["value"] for one in row["matchers"] if not one["isRegex"]}
    return _fits(held, test)


def _fits(labels: Mapping[str, str], test: tuple[str, bool, str]) -> bool:
    name, equal, value = test
    return (labels.get(name, "") == value) is equal


def _test(text: str) -> tuple[str, bool, str]:
    found = _FILTER.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{text[:100]!r} is no filter", 'such as severity="critical"')
    name, operator, value = found.groups()
    if "~" in operator:
        raise UsageError(f"the filter of {name} is a regular expression", "= and != are understood")
    return name, operator == "=", value
