"""slo-generator: `ServiceLevelObjective` of `sre.google.com/v2` with its shared configuration -> drafts.

An SLO has no window of its own: an error budget policy looks at several, and the longest is the budget's. Each step has one
window and one threshold. (google/slo-generator v2.6, docs/providers/prometheus.md, slo_generator/backends/prometheus.py.)
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from focusplane.define.engine import parse_url
from focusplane.define.yaml_nodes import Place
from focusplane.edge.dialects.draft import DraftFocus, DraftObjective, Drafts, Row, labels_of
from focusplane.edge.dialects.notes import (
    ASSUMED,
    CHANGED,
    NOT_THEIRS,
    REFERENCE,
    UNUSABLE,
    Notes,
    RefusedError,
)
from focusplane.edge.dialects.quantities import named, number, target_of_share, written
from focusplane.edge.dialects.queries import WINDOW, counts, histogram, of_good, success
from focusplane.edge.dialects.source import Part
from focusplane.kernel.tick import DAY, HOUR, SECOND

VERSION, KIND = "sre.google.com/v2", "ServiceLevelObjective"
STEPS = (
    (9, HOUR, True),
    (3, 12 * HOUR, True),
    (Fraction(3, 2), 7 * DAY, False),
    (1, 28 * DAY, False),
)
"""The policy of its documentation, when no configuration was read."""
SHORTER = 12
"""A step has one window; ours need a second: a twelfth, as in the table of the SRE workbook."""
_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?")


@dataclass(frozen=True, slots=True)
class Step:
    burn: Fraction
    window_ms: int
    pages: bool


@dataclass(slots=True)
class Shared:
    """What the shared configuration says: backends by name, policies by name."""

    backends: dict[str, Part] = field(default_factory=dict)
    policies: dict[str, tuple[Step, ...]] = field(default_factory=dict)


def read(parts: Iterable[Part], drafts: Drafts) -> None:
    documents = list(parts)
    shared = Shared()
    for part in documents:
        if part.text("kind") != KIND and (part.has("error_budget_policies") or part.has("backends")):
            _guarded(part, drafts, lambda one: _configuration(one, shared))
    for part in documents:
        if part.text("kind") == KIND:
            _guarded(part, drafts, lambda one: _document(one, shared, drafts))
        elif not part.has("error_budget_policies") and not part.has("backends"):
            hint = "`slo-generator migrate` brings files of version 1 up to date"
            what = f"this is neither an SLO of slo-generator ({VERSION}) nor its shared configuration"
            drafts.notes.say(part.place, NOT_THEIRS, what, hint)
            part.give_up()
    for part in documents:
        part.close()


def _guarded(part: Part, drafts: Drafts, take: Any) -> None:
    try:
        take(part)
    except RefusedError as refused:
        drafts.refuse(refused, part)


def _configuration(part: Part, shared: Shared) -> None:
    part.ignore("default_exporters", "the plane keeps what it measured, and serves it itself")
    part.ignore("exporters", "the plane keeps what it measured, and serves it itself")
    backends = part.part("backends")
    shared.backends.update({word.text: backends.part(word.text) for word, _ in backends.table.entries})
    policies = part.part("error_budget_policies")
    for word, _ in policies.table.entries:
        steps = policies.part(word.text).parts("steps")
        shared.policies[word.text] = tuple(_step(one) for one in steps)


def _step(part: Part) -> Step:
    part.ignore("name", "rows of an alert table have no name")
    for key in ("message_alert", "message_ok"):
        part.ignore(key, "an incident says what burns; what to do stands in a runbook")
    window = number(part.need("window"), part.at("window"), "the window (seconds)")
    burn = number(part.need("burn_rate_threshold"), part.at("burn_rate_threshold"), "the threshold")
    if window.denominator != 1 or not 0 < window <= 3660 * 86_400:
        raise RefusedError(
            part.at("window"), UNUSABLE, "the window should be whole seconds, at most ten years"
        )
    return Step(burn, int(window) * SECOND, part.truth("alert", False))


def _document(part: Part, shared: Shared, drafts: Drafts) -> None:
    if part.text("apiVersion") != VERSION:
        raise RefusedError(
            part.at("apiVersion"), NOT_THEIRS, f"`apiVersion: {VERSION}` is read, nothing else"
        )
    metadata, spec = part.part("metadata"), part.part("spec")
    labels = metadata.texts("labels")
    whole = metadata.text("name")
    service = "-".join(filter(None, (labels.pop("service_name", ""), labels.pop("feature_name", ""))))
    slo = labels.pop("slo_name", "") or whole
    focus = drafts.focus(service or whole, metadata.place, part.place)
    focus.labels.update(labels_of(labels, metadata.at("labels"), drafts.notes))
    drafts.describe(focus, spec.text("description").strip(), spec.at("description"))
    spec.ignore("exporters", "the plane keeps what it measured, and serves it itself")
    spec.ignore("frequency", "the plane asks at its own pace: source.prometheus.every")
    target = target_of_share(spec.need("goal"), spec.at("goal"))
    _engine(spec, shared, focus, drafts.notes)
    sli = _indicator(spec.part("service_level_indicator"), spec, drafts.notes)
    period, rows = _policy(spec, shared, drafts)
    name = named(slo, metadata.place, "the SLO", drafts.notes)
    drafts.add(focus, DraftObjective(name, part.place, target, written(period), period, sli, rows))


def _engine(spec: Part, shared: Shared, focus: DraftFocus, notes: Notes) -> None:
    """The backend must be a Prometheus; its address and headers become the source."""
    name = spec.need("backend")
    if name.partition("/")[0].lower() != "prometheus":
        what = f"the backend {name[:60]!r} is no Prometheus: its queries cannot be asked here"
        raise RefusedError(spec.at("backend"), UNUSABLE, what)
    if name not in shared.backends:
        return
    backend = shared.backends[name]
    focus.url = focus.url or _url(backend, notes)
    for header in backend.texts("headers"):
        _header(header, backend.at("headers"), focus, notes)


def _url(backend: Part, notes: Notes) -> str:
    text, place = backend.text("url"), backend.at("url")
    if not text:
        return ""
    if _VARIABLE.search(text):
        what = "the address comes from a variable, which a policy cannot have"
        notes.say(place, CHANGED, what, "--url URL says which")
        return ""
    try:
        return parse_url(text)
    except ValueError as error:
        hint = "--url URL says which"
        raise RefusedError(place, UNUSABLE, f"the address cannot be used: {error}", hint) from None


def _header(name: str, place: Place, focus: DraftFocus, notes: Notes) -> None:
    """Values of headers may be secrets: none is written, each is asked of the environment."""
    if name.lower() == "content-type" or name in focus.headers:
        return
    variable = f"PROMETHEUS_{re.sub('[^A-Z0-9]+', '_', name.upper())}"
    focus.headers[name] = f"env:{variable}"
    notes.say(
        place, CHANGED, f"the value of the header {name!r} is not copied: the plane reads it from {variable}"
    )


def _indicator(part: Part, spec: Part, notes: Notes) -> dict[str, Any]:
    method = spec.need("method")
    match method:
        case "good_bad_ratio":
            return _good_bad(part, notes)
        case "distribution_cut":
            return _cut(part)
        case "query_sli":
            return success(_windowed(part.need("expression")), part.place)
    what = f"the method {method[:40]!r} is none of good_bad_ratio, distribution_cut and query_sli"
    raise RefusedError(spec.at("method"), UNUSABLE, what)


def _good_bad(part: Part, notes: Notes) -> dict[str, Any]:
    operators = part.words("operators") or ["increase", "sum"]
    good = _applied(part.need("filter_good"), operators)
    if part.has("filter_valid"):
        part.ignore("filter_bad", "`filter_valid` says the same, and both cannot be used")
        return of_good(good, _applied(part.need("filter_valid"), operators), part.place)
    bad = _applied(part.need("filter_bad"), operators)
    what = "the total is the sum of good and bad: while one of both has no series, it counts as nothing"
    notes.say(
        part.place, CHANGED, what, "name `filter_valid`, or `total`, if there is one counter of everything"
    )
    return counts(part.place, bad=bad, total=f"({good} or vector(0)) + ({bad} or vector(0))")


def _cut(part: Part) -> dict[str, Any]:
    """The bucket whose `le` is the threshold, of all."""
    expression, text = part.need("expression"), part.need("threshold_bucket")
    selector = re.sub(r"\[window[^\]]*\]$", "", expression.strip())
    limit = number(text, part.at("threshold_bucket"), "the threshold") * 1000
    if limit.denominator == 1 and limit > 0 and "_seconds_bucket" in selector:
        return histogram(selector, int(limit), part.place)
    inside = selector[:-1] + "," if selector.endswith("}") else selector + "{"
    good = f'{inside}le="{text}"}}'
    return counts(part.place, good=good, total=selector.replace("_bucket", "_count"))


def _applied(text: str, operators: list[str]) -> str:
    found = _windowed(text)
    for operator in operators:
        found = f"{operator}({found})"
    return found


def _windowed(text: str) -> str:
    """`[window]` is its placeholder; without one, it appends one."""
    found = text.strip()
    return found.replace("[window", f"[{WINDOW}") if "[window" in found else f"{found}[{WINDOW}]"


def _policy(spec: Part, shared: Shared, drafts: Drafts) -> tuple[int, list[Row]]:
    """The longest window is the budget's; each step is a row."""
    name = spec.text("error_budget_policy") or "default"
    steps = shared.policies.get(name)
    if steps is None and (shared.policies or spec.has("error_budget_policy")):
        what = f"the error budget policy {name!r} is in none of the files"
        raise RefusedError(
            spec.at("error_budget_policy"), REFERENCE, what, "name its shared configuration, too"
        )
    if not steps:
        what = "no error budget policy was read: 28 days and the steps of its documentation are taken"
        drafts.notes.say(spec.place, ASSUMED, what, "name its shared configuration, too")
        steps = tuple(Step(Fraction(burn), window, pages) for burn, window, pages in STEPS)
    period = drafts.wanted.window_ms or max(step.window_ms for step in steps)
    what = f"a step looks at one window; a second one, {SHORTER} times shorter, makes its alert end sooner"
    drafts.notes.say(spec.place, CHANGED, what)
    return period, [_row(step) for step in steps]


def _row(step: Step) -> Row:
    return Row("page" if step.pages else "ticket", step.burn, step.window_ms, step.window_ms // SHORTER)
