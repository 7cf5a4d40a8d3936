"""What the matches of one SLI mean together: nothing may be good and bad at once, and something must be left to count."""

from collections.abc import Iterator

from focusplane.define.log import Places
from focusplane.define.problem import Problem
from focusplane.define.sli import Match, Sli


def sli_problems(sli: Sli, path: str, places: Places) -> Iterator[Problem]:
    """Contradictions that would make an objective always or never fail, or count nothing."""
    for key, match in (("good", sli.good), ("total", sli.total)):
        if match is not None and match.empty:
            yield places.error(
                f"{path}.{key}", "D242", f"`{key}: {{}}` fits no answer", "say which ones, or leave it out"
            )
    if sli.total is not None and not sli.total.empty:
        yield from _of_total(sli, sli.total, path, places)
    named = "good" if sli.good is not None else "bad"
    chosen = sli.good if sli.good is not None else sli.bad
    if not chosen.empty and chosen == sli.exclude:
        what = f"`{named}` and `exclude` are the same: what is {named} is never counted"
        yield places.error(f"{path}.exclude", "D244", what, "leave out something else")
    for why in _disjoint(chosen, sli.total) if sli.total is not None else ():
        what = f"`{named}` never fits an answer of `total`: {why}"
        yield places.error(f"{path}.{named}", "D245", what, f"`{named}` is looked for among `total` only")


def _of_total(sli: Sli, total: Match, path: str, places: Places) -> Iterator[Problem]:
    if total == sli.exclude:
        what = "`total` and `exclude` are the same: nothing is left to count"
        yield places.error(f"{path}.total", "D244", what, "take one of them away")
    if total == sli.bad:
        what = "`bad` and `total` are the same: every answer is bad"
        yield places.error(f"{path}.total", "D243", what, "`total` says of which answers `bad` are some")
    if total == sli.good:
        what = "`good` and `total` are the same: no answer can ever be bad"
        yield places.error(f"{path}.good", "D243", what, "`good` says which answers of `total` succeeded")


def _disjoint(chosen: Match, total: Match) -> Iterator[str]:
    """Conditions of both that no answer can meet at once; patterns of routes are left alone, they may overlap."""
    for key in ("errors", "tenants", "clients"):
        mine, theirs = set(getattr(chosen, key)), set(getattr(total, key))
        if mine and theirs and not mine & theirs:
            yield f"{key} {', '.join(sorted(mine))} are not among {', '.join(sorted(theirs))}"
    for key in ("synthetic", "resend"):
        mine, theirs = getattr(chosen, key), getattr(total, key)
        if mine is not None and theirs is not None and mine is not theirs:
            yield f"{key} cannot be true and false"
    asked = dict(total.attributes)
    for key, values in chosen.attributes:
        if key in asked and not set(values) & set(asked[key]):
            yield f"{key} cannot be {' or '.join(values)} and {' or '.join(asked[key])}"
    if (
        chosen.status
        and total.status
        and not any(_same(one, other) for one in chosen.status for other in total.status)
    ):
        yield f"status {', '.join(chosen.status)} is not among {', '.join(total.status)}"


def _same(one: str, other: str) -> bool:
    """Whether a code or class and another may mean one answer."""
    return one == other or (one[0] == other[0] and (one.endswith("xx") or other.endswith("xx")))
