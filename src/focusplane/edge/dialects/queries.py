"""PromQL of other tools as our SLIs; read once, so that what would be refused later is refused here with its place."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from focusplane.define.promql import WINDOW as SLOT
from focusplane.define.promql import Matcher, PromqlError, Selector, read_counter, read_histogram, read_ratio
from focusplane.define.yaml_nodes import Place
from focusplane.edge.dialects.notes import UNUSABLE, RefusedError
from focusplane.edge.dialects.operands import bare, sides

WINDOW = "{{window}}"
MOST_QUERY = 2_000
_SLICES = {
    "tenant": "tenant",
    "tenant_id": "tenant",
    "region": "region",
    "cloud_region": "region",
    "version": "version",
    "service_version": "version",
    "route": "route",
    "handler": "route",
    "path": "route",
    "http_route": "route",
    "client": "client",
}
"""Labels of Prometheus that we judge apart, by the name of our dimension."""


def counts(place: Place, *, total: str, bad: str = "", good: str = "") -> dict[str, Any]:
    """`{prometheus: {bad|good, total}}` of counters or of expressions over a window."""
    part = {"bad": bad} if bad else {"good": good}
    for text in (*part.values(), total):
        _checked(read_counter, text, place)
    return {"prometheus": {key: tidy(text) for key, text in {**part, "total": total}.items()}}


def bad_ratio(text: str, place: Place) -> dict[str, Any]:
    """`{prometheus: {ratio}}` of the share that fails."""
    _checked(read_ratio, text, place)
    return {"prometheus": {"ratio": tidy(text)}}


def histogram(buckets: str, under_ms: int, place: Place) -> dict[str, Any]:
    """Buckets of a classic histogram without `le`, and the time that is still good."""
    _checked(read_histogram, buckets, place)
    return {"prometheus": {"histogram": tidy(buckets)}, "latency": {"under": f"{under_ms}ms", "of": "all"}}


def success(text: str, place: Place) -> dict[str, Any]:
    """Of an expression for the share that is good: its two sums if it divides them, else one minus it."""
    parts = divided(text)
    if parts is not None:
        return of_good(parts[0], parts[1], place)
    return bad_ratio(f"1 - ({text.strip()})", place)


def failure(text: str, place: Place) -> dict[str, Any]:
    """Of an expression for the share that fails: its two sums if it divides them, else as it is."""
    parts = divided(text)
    if parts is not None:
        return of_bad(parts[0], parts[1], place)
    return bad_ratio(text, place)


def divided(text: str) -> tuple[str, str] | None:
    """Both sides of a division that stands on top, if both are counted over the window; None for anything else."""
    found = sides(text, "/")
    return found if found is not None and all(SLOT.search(side) for side in found) else None


@dataclass(frozen=True, slots=True)
class Buckets:
    """A classic histogram cut at one bound: `good` is its bucket, `base` the metric without `_bucket` and without `le`."""

    base: str
    matchers: str
    bound: str

    @property
    def under_ms(self) -> int:
        """The bound in whole milliseconds if it is a metric in seconds and that fits; else 0."""
        try:
            span = Fraction(self.bound) * 1000
        except ValueError:
            return 0
        return int(span) if self.base.endswith("_seconds") and span.denominator == 1 and span > 0 else 0


def buckets(good: str, total: str) -> Buckets | None:
    """`x_bucket{le="0.3",...}` of `x_count{...}` with the same matchers; None for anything else."""
    cut, whole = counter(good), counter(total)
    if cut is None or whole is None:
        return None
    base = cut.metric.removesuffix("_bucket")
    bound = [_bound(one) for one in cut.matchers if one.label == "le"]
    rest = sorted(map(str, (one for one in cut.matchers if one.label != "le")))
    if whole.metric != f"{base}_count" or base == cut.metric or len(bound) != 1 or not bound[0]:
        return None
    if rest != sorted(map(str, whole.matchers)):
        return None
    return Buckets(base, f"{{{','.join(rest)}}}" if rest else "", bound[0])


def counter(text: str) -> Selector | None:
    """The one counter that is added up without being told apart by labels; None for anything else."""
    try:
        found = read_counter(text)
    except PromqlError:
        return None
    whole = isinstance(found, Selector) and found.keeps in (None, ()) and not found.drops
    return found if whole and isinstance(found, Selector) else None


def of_good(good: str, total: str, place: Place) -> dict[str, Any]:
    """Good of total; a bucket of a histogram of all becomes its threshold."""
    cut = buckets(good, total)
    if cut is not None and cut.under_ms:
        return histogram(f"{cut.base}_bucket{cut.matchers}", cut.under_ms, place)
    return counts(place, good=good, total=total)


def of_bad(bad: str, total: str, place: Place) -> dict[str, Any]:
    """Bad of total; `total - good` says good."""
    good = _remainder(bad, total)
    return of_good(good, total, place) if good else counts(place, bad=bad, total=total)


def _remainder(bad: str, total: str) -> str:
    """`good` if `bad` is written as `total - good`."""
    found = sides(bad, "-")
    same = found is not None and found[0].strip() == bare(total)
    return found[1] if found is not None and same else ""


def _bound(matcher: Matcher) -> str:
    """`le` as a number: `0.3`, or the pattern that fits both `1` and `1.0`."""
    found = _EITHER.fullmatch(matcher.value)
    if matcher.op == "=~" and found is not None:
        return found[1]
    return matcher.value if matcher.op == "=" else ""


_EITHER = re.compile(r"([0-9]+)\(\\\.0\)\?")


def tidy(text: str) -> str:
    """Without white space around it; several lines stay several lines."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def dimension(label: str) -> str:
    """Our name of what a label tells apart; empty if it is none of ours."""
    return _SLICES.get(label, "")


def _checked(read: Callable[[str], object], text: str, place: Place) -> None:
    if len(text) > MOST_QUERY:
        raise RefusedError(
            place, UNUSABLE, f"a query of {len(text)} characters; at most {MOST_QUERY} are read"
        )
    try:
        read(text)
    except PromqlError as error:
        raise RefusedError(place, UNUSABLE, f"the query cannot be used: {error}", error.hint) from None
