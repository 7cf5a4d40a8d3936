"""Pyrra: `ServiceLevelObjective` of `pyrra.dev/v1alpha1` -> drafts, one focus for each.

Its alert windows scale with the period: for four weeks 14x over 1h and 5m, 7x over 6h and 30m, 2x over 1d and 2h, 1x over
4d and 6h; they are rounded to whole minutes. Scaled down to a day the shortest becomes ten seconds, in which nothing can
be measured. (pyrra-dev/pyrra, kubernetes/api/v1alpha1 and slo/rules.go at 1ba95af.)
"""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from focusplane.edge.dialects.draft import DraftObjective, Drafts, Row, labels_of
from focusplane.edge.dialects.notes import CHANGED, NOT_THEIRS, UNUSABLE, Notes, RefusedError
from focusplane.edge.dialects.quantities import duration, named, target_of_percent, written
from focusplane.edge.dialects.queries import counts, dimension, of_good
from focusplane.edge.dialects.source import Part
from focusplane.kernel.tick import DAY, HOUR, MINUTE

VERSION, KIND = "pyrra.dev/v1alpha1", "ServiceLevelObjective"
SCALE_MS = 28 * DAY
TABLE = (
    ("page", 14, HOUR, 5 * MINUTE),
    ("page", 7, 6 * HOUR, 30 * MINUTE),
    ("ticket", 2, DAY, 2 * HOUR),
    ("ticket", 1, 4 * DAY, 6 * HOUR),
)
KINDS = ("ratio", "latency", "latencyNative", "bool_gauge")
PREFIX = "pyrra.dev/"


def read(parts: Iterable[Part], drafts: Drafts) -> None:
    for part in parts:
        if part.text("apiVersion") != VERSION or part.text("kind") != KIND:
            what = f"this is no SLO of Pyrra: `apiVersion: {VERSION}` and `kind: {KIND}` are read"
            drafts.notes.say(part.place, NOT_THEIRS, what)
            continue
        try:
            _document(part, drafts)
        except RefusedError as refused:
            drafts.refuse(refused, part)
        part.close()


def _document(part: Part, drafts: Drafts) -> None:
    part.silent("status")
    metadata, spec = part.part("metadata"), part.part("spec")
    name = named(metadata.need("name"), metadata.at("name"), "the SLO", drafts.notes)
    if name in drafts.by_name:
        first = drafts.by_name[name].place
        what = f"an SLO named {name!r} was read already; namespaces are not kept apart"
        raise RefusedError(
            metadata.at("name"), UNUSABLE, what, f"the first stands in {first.path}:{first.line}"
        )
    labels = _labels(metadata, drafts.notes)
    spec.ignore("partial_response_strategy", "it is for Thanos alone")
    target = target_of_percent(spec.need("target"), spec.at("target"))
    period = duration(spec.need("window"), spec.at("window"), "the window")
    sli, by, objective = _indicator(spec.part("indicator"), drafts.notes)
    rows = _rows(spec.part("alerting"), period, drafts.notes)
    focus = drafts.focus(name, metadata.at("name"), part.place)
    focus.description, focus.labels = spec.text("description").strip(), labels
    drafts.add(
        focus, DraftObjective(objective, part.place, target, written(period), period, sli, rows, by, not rows)
    )


def _labels(metadata: Part, notes: Notes) -> dict[str, str]:
    """Those with its prefix go onto every rule; the others belong to the cluster."""
    metadata.silent("creationTimestamp", "generation", "resourceVersion", "uid", "managedFields")
    found = metadata.texts("labels")
    metadata.ignore("annotations", "rules of Prometheus carry them; incidents here say who, what and why")
    if any(not key.startswith(PREFIX) for key in found):
        what = "labels without the prefix pyrra.dev/ belong to the cluster and are left out"
        notes.say(metadata.at("labels"), CHANGED, what)
    kept = {key.removeprefix(PREFIX): value for key, value in found.items() if key.startswith(PREFIX)}
    if metadata.has("namespace"):
        kept["namespace"] = metadata.text("namespace")
    return labels_of(kept, metadata.at("labels"), notes)


def _indicator(part: Part, notes: Notes) -> tuple[dict[str, Any], str, str]:
    """The SLI, what it is judged apart by, and what the objective is called."""
    found = [kind for kind in KINDS if part.has(kind)]
    if len(found) != 1:
        what = (
            f"the indicator has {' and '.join(found) or 'none'} of {', '.join(KINDS)}; exactly one is needed"
        )
        raise RefusedError(part.place, UNUSABLE, what)
    one = part.part(found[0])
    by = _grouped(one, notes)
    match found[0]:
        case "ratio":
            bad, total = (one.part(key).need("metric") for key in ("errors", "total"))
            return counts(one.place, bad=bad, total=total), by, "availability"
        case "latency":
            return _latency(one), by, "latency"
        case "latencyNative":
            return _native(one, notes), by, "latency"
        case _:
            return _gauge(one, notes), by, "availability"


def _latency(part: Part) -> dict[str, Any]:
    good, total = (part.part(key).need("metric") for key in ("success", "total"))
    return of_good(good, total, part.place)


def _native(part: Part, notes: Notes) -> dict[str, Any]:
    metric = part.part("total").need("metric")
    limit = duration(part.need("latency"), part.at("latency"), "the latency")
    what = (
        "a native histogram is asked by histogram_fraction: within the bucket of the limit it is an estimate"
    )
    notes.say(part.place, CHANGED, what)
    whole = f"histogram_count(sum(increase({metric}[{{{{window}}}}])))"
    share = f"histogram_fraction(0, {limit / 1000:g}, sum(increase({metric}[{{{{window}}}}])))"
    return counts(part.place, good=f"{share} * {whole}", total=whole)


def _gauge(part: Part, notes: Notes) -> dict[str, Any]:
    metric = part.need("metric")
    notes.say(part.place, CHANGED, "each sample of the gauge counts as one event, as often as it is scraped")
    over = f"{metric}[{{{{window}}}}]"
    return counts(part.place, good=f"sum(sum_over_time({over}))", total=f"sum(count_over_time({over}))")


def _grouped(part: Part, notes: Notes) -> str:
    """One dimension of ours for its labels; what has none is judged together, and told."""
    labels = part.words("grouping")
    known = [label for label in labels if dimension(label)]
    for label in labels:
        if label not in known[:1]:
            why = "one dimension can be judged apart" if dimension(label) else "it is no dimension of a focus"
            notes.say(
                part.at("grouping"),
                CHANGED,
                f"grouping by {label!r} is left out: {why}; all is judged together",
            )
    return dimension(known[0]) if known else ""


def _rows(part: Part, period: int, notes: Notes) -> list[Row]:
    for key in ("name", "absentName"):
        part.ignore(key, "alerts are named by focus, objective and level")
    if not part.truth("absent", True):
        notes.say(
            part.at("absent"),
            CHANGED,
            "its alert for absent data is off; here a focus that is blind always pages",
        )
    if part.truth("disabled", False) or not part.truth("burnrates", True):
        what = "its alerts are off; here an objective always has rules: this one gets the default table"
        notes.say(part.place, CHANGED, what, "without channels in `alerts`, nobody is told")
        return []
    notes.say(
        part.place,
        CHANGED,
        "its alerts wait (2m, 15m, 1h, 3h) before they fire; here the short window alone decides",
    )
    return [
        Row(level, Fraction(burn), _scaled(long, period), _scaled(short, period))
        for level, burn, long, short in TABLE
    ]


def _scaled(span: int, period: int) -> int:
    """Whole minutes, as Pyrra rounds: half a minute goes up."""
    return (span * period // SCALE_MS + MINUTE // 2) // MINUTE * MINUTE
