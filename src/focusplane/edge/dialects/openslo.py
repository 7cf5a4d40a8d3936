"""OpenSLO v1: Service, SLO, SLI, DataSource and the kinds around alerts -> drafts; references across files are followed.

SLOs of one service become the objectives of one focus. An SLO with several indicators is a composite: each indicator becomes
an objective, and one more joins them. (OpenSLO/OpenSLO README at aa5cb78.)
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import gcd, lcm
from typing import Any

from focusplane.edge.dialects.draft import DraftFocus, DraftObjective, Drafts, labels_of
from focusplane.edge.dialects.notes import (
    ASSUMED,
    CHANGED,
    LOST,
    NOT_THEIRS,
    REFERENCE,
    UNIT,
    UNUSABLE,
    RefusedError,
)
from focusplane.edge.dialects.openslo_alerts import alerts_of
from focusplane.edge.dialects.openslo_sli import Asked, indicator, sli_of, slices_of
from focusplane.edge.dialects.openslo_window import Span, window_of
from focusplane.edge.dialects.quantities import (
    named,
    number,
    percent,
    target_of_percent,
    target_of_share,
)
from focusplane.edge.dialects.source import Part

VERSION = "openslo/v1"
KINDS = ("Service", "SLO", "SLI", "DataSource", "AlertPolicy", "AlertCondition", "AlertNotificationTarget")
MOST_WEIGHT = 1_000
METHODS = ("Occurrences", "Timeslices", "RatioTimeslices")


@dataclass(slots=True)
class Library:
    """Every document by kind and name."""

    by_kind: dict[str, dict[str, Part]] = field(default_factory=dict)

    def find(self, kind: str, name: str, part: Part, key: str) -> Part:
        found = self.by_kind.get(kind, {}).get(name)
        if found is None:
            raise RefusedError(part.at(key), REFERENCE, f"the {kind} {name!r} is in none of the files")
        return found


def read(parts: Iterable[Part], drafts: Drafts) -> None:
    documents = list(parts)
    library = Library()
    for part in documents:
        _shelve(part, library, drafts)
    for part in library.by_kind.get("SLO", {}).values():
        try:
            _slo(part, library, drafts)
        except RefusedError as refused:
            drafts.refuse(refused, part)
    for part in documents:
        if part.text("kind") not in ("SLO", "Service") and part.has("spec") and "spec" not in part.known:
            name = part.part("metadata").text("name")
            drafts.notes.say(
                part.place, LOST, f"no SLO uses the {part.text('kind')} {name!r}: it is left out"
            )
            part.give_up()
        part.close()


def _shelve(part: Part, library: Library, drafts: Drafts) -> None:
    version, kind = part.text("apiVersion"), part.text("kind")
    if version != VERSION or kind not in KINDS:
        part.give_up()
        what = f"{kind or 'a document'} of {version or 'no version'} is not read, only {', '.join(KINDS)} of {VERSION}"
        drafts.notes.say(part.place, NOT_THEIRS, what)
        return
    try:
        metadata = part.part("metadata")
        name = metadata.need("name")
        metadata.silent("displayName")
        shelf = library.by_kind.setdefault(kind, {})
        if name in shelf:
            first = shelf[name].place
            hint = f"the first stands in {first.path}:{first.line}"
            raise RefusedError(metadata.at("name"), UNUSABLE, f"a second {kind} is named {name!r}", hint)
        shelf[name] = part
        if kind == "Service":
            part.part("spec").text("description")
            _around(metadata, "SLO")
    except RefusedError as refused:
        drafts.refuse(refused, part)


def _slo(part: Part, library: Library, drafts: Drafts) -> None:
    metadata, spec = part.part("metadata"), part.part("spec")
    whole = metadata.need("name")
    if not spec.has("service"):
        drafts.notes.say(spec.place, ASSUMED, f"{whole!r} names no service: the focus is called like the SLO")
    service = spec.text("service") or whole
    name = named(_own(whole, service), metadata.at("name"), "the SLO", drafts.notes)
    focus = drafts.focus(service, spec.at("service"), part.place)
    _describe(focus, spec, metadata, library.by_kind.get("Service", {}).get(service), drafts)
    method = spec.text("budgetingMethod") or "Occurrences"
    if method not in METHODS:
        raise RefusedError(
            spec.at("budgetingMethod"), UNUSABLE, f"{method[:40]!r} is none of {', '.join(METHODS)}"
        )
    if method == "RatioTimeslices":
        what = "an average of the slices' ratios counts a quiet minute like a busy one; here all events count alike"
        drafts.notes.say(spec.at("budgetingMethod"), CHANGED, what)
    span = window_of(spec, drafts.notes)
    case = _Case(spec, name, method, span, library, drafts)
    made = _objectives(case, focus)
    if not spec.has("alertPolicies"):
        what = f"{name!r} alerts nobody there; here an objective always has rules: it gets the default table"
        drafts.notes.say(spec.place, CHANGED, what, "without channels in `alerts`, nobody is told")
    for objective in made:
        objective.rows = alerts_of(spec, library.find, focus, drafts.notes)
        objective.quiet = not objective.rows
        drafts.add(focus, objective)


def _own(name: str, service: str) -> str:
    """`tickets-search` of the service `tickets` is `search`: an objective is known by its focus anyway."""
    return name.removeprefix(f"{service}-") or name


@dataclass(frozen=True, slots=True)
class _Case:
    """What every objective of one SLO shares."""

    spec: Part
    name: str
    method: str
    span: Span
    library: Library
    drafts: Drafts


def _describe(focus: DraftFocus, spec: Part, metadata: Part, service: Part | None, drafts: Drafts) -> None:
    own = spec.text("description").strip()
    shared = service.part("spec").text("description").strip() if service is not None else ""
    focus.description = shared or focus.description or own
    if own and focus.description != own:
        drafts.notes.say(
            spec.at("description"), CHANGED, "an objective has no description; that of the service is kept"
        )
    _around(metadata, "objective")
    focus.labels.update(
        labels_of(metadata.texts("labels") if _plain(metadata) else {}, metadata.at("labels"), drafts.notes)
    )


def _plain(metadata: Part) -> bool:
    """Labels may be words or lists of words."""
    try:
        metadata.texts("labels")
    except RefusedError:
        metadata.ignore("labels", "only labels with one value each are kept")
        return False
    return True


def _around(metadata: Part, what: str) -> None:
    metadata.silent("displayName")
    metadata.ignore("annotations", f"an {what} has none")


def _objectives(case: _Case, focus: DraftFocus) -> list[DraftObjective]:
    parts = case.spec.parts("objectives")
    if not parts:
        raise RefusedError(case.spec.place, UNUSABLE, "the SLO has no objective")
    composite = any(one.has("indicator") or one.has("indicatorRef") for one in parts)
    if composite and len(parts) > 1:
        return _composite(case, focus, parts)
    for one in parts:
        one.ignore("compositeWeight", "without indicators of their own, objectives make no composite")
    return [
        _objective(case, focus, one, _called(case.name, one, number, len(parts)))
        for number, one in enumerate(parts, 1)
    ]


def _called(name: str, part: Part, number: int, of: int) -> str:
    shown = part.text("displayName")
    if of == 1:
        return name
    tail = "".join(letter if letter.isalnum() else "-" for letter in shown.lower()).strip("-") or str(number)
    return f"{name}-{tail}"[:63].strip("-")


def _objective(case: _Case, focus: DraftFocus, part: Part, name: str) -> DraftObjective:
    target = _target(part)
    holder = part if part.has("indicator") or part.has("indicatorRef") else case.spec
    found = indicator(holder, case.library.find)
    asked = Asked(found, part, case.library.find, focus, case.drafts.notes)
    sli = sli_of(asked) | slices_of(part, case.method, case.drafts.notes)
    name = named(name, part.place, "the objective", case.drafts.notes)
    return DraftObjective(name, part.place, target, case.span.written, case.span.period_ms, sli)


def _target(part: Part) -> Fraction:
    if part.has("target") and part.has("targetPercent"):
        raise RefusedError(
            part.place, UNIT, "`target` and `targetPercent` stand beside each other", "keep one"
        )
    if part.has("targetPercent"):
        return target_of_percent(part.text("targetPercent"), part.at("targetPercent"))
    return target_of_share(part.need("target"), part.at("target"))


def _composite(case: _Case, focus: DraftFocus, parts: list[Part]) -> list[DraftObjective]:
    """Each member, and what joins them: a bad slice of one is a bad slice of all, or an average by weight."""
    weights: dict[str, Fraction] = {}
    members = []
    for place, part in enumerate(parts, 1):
        weight = part.text("compositeWeight") or "1"
        value = number(weight, part.at("compositeWeight"), "the weight")
        member = _objective(case, focus, part, _called(case.name, part, place, len(parts)))
        members.append(member)
        weights[member.name] = value
    sliced = case.method == "Timeslices"
    shares: Mapping[str, Fraction] = dict.fromkeys(weights, Fraction(1)) if sliced else weights
    target = sum((one.target * shares[one.name] for one in members), Fraction(0)) / sum(shares.values())
    if sliced and set(weights.values()) != {Fraction(1)}:
        case.drafts.notes.say(
            case.spec.at("objectives"), CHANGED, "weights have no effect where one bad slice spoils all"
        )
    if not sliced:
        what = "a composite burns by weight at the rate of its members; here it is their average by weight"
        case.drafts.notes.say(case.spec.at("objectives"), CHANGED, what)
    what = f"a composite has no target there: {percent(_rounded(target))} is the average of its members"
    case.drafts.notes.say(case.spec.at("objectives"), ASSUMED, what)
    whole_weights = _whole(weights, case.spec)
    of: list[dict[str, Any]] = [
        {"objective": one.name} if sliced else {"objective": one.name, "weight": whole_weights[one.name]}
        for one in members
    ]
    sli = {"composite": {"rule": "all" if sliced else "weighted", "of": of}}
    whole = replace(
        members[0], name=case.name, place=case.spec.place, target=_rounded(target), sli=sli, rows=[]
    )
    return [*members, whole]


def _rounded(target: Fraction) -> Fraction:
    """Six digits of a percentage: an average need not end."""
    return Fraction(round(target * 10**8), 10**8)


def _whole(weights: Mapping[str, Fraction], spec: Part) -> dict[str, int]:
    """The same proportions in whole numbers."""
    scale = lcm(*(one.denominator for one in weights.values()))
    counts = {name: int(one * scale) for name, one in weights.items()}
    least = gcd(*counts.values())
    found = {name: count // least for name, count in counts.items()} if least else {}
    if not found or not 0 < min(found.values()) <= max(found.values()) <= MOST_WEIGHT:
        what = (
            f"the weights cannot be written as whole numbers from 1 to {MOST_WEIGHT} in the same proportion"
        )
        raise RefusedError(spec.at("objectives"), UNUSABLE, what)
    return found
