"""Sloth: `prometheus/v1` files, the CRD `PrometheusServiceLevel`, and catalogues of alert windows -> drafts.

Its SLOs have no period of their own: one run has one, 30 days unless told otherwise. (slok/sloth v0.16,
pkg/prometheus/api/v1, pkg/kubernetes/api/sloth/v1, internal/alert/windows.)
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from focusplane.edge.dialects.draft import DraftObjective, Drafts, Row, labels_of
from focusplane.edge.dialects.notes import ASSUMED, CHANGED, LOST, NOT_THEIRS, UNUSABLE, Notes, RefusedError
from focusplane.edge.dialects.quantities import duration, named, number, target_of_percent, written
from focusplane.edge.dialects.queries import failure, of_bad
from focusplane.edge.dialects.source import Part
from focusplane.kernel.tick import DAY, HOUR, MINUTE

VERSION, CRD_VERSION = "prometheus/v1", "sloth.slok.dev/v1"
PERIOD_MS = 30 * DAY


@dataclass(frozen=True, slots=True)
class Spending:
    """One row of a catalogue: the share of the budget that may be gone within the long window, in percent."""

    level: str
    percent: str
    long_ms: int
    short_ms: int


CATALOGUE = (
    Spending("page", "2", HOUR, 5 * MINUTE),
    Spending("page", "5", 6 * HOUR, 30 * MINUTE),
    Spending("ticket", "10", DAY, 2 * HOUR),
    Spending("ticket", "10", 3 * DAY, 6 * HOUR),
)
"""What Sloth has built in, for 28 and 30 days."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The same keys are spelt differently in files and in the CRD."""

    error: str
    total: str
    ratio: str
    page: str
    ticket: str


FILE = Keys("error_query", "total_query", "error_ratio_query", "page_alert", "ticket_alert")
CRD = Keys("errorQuery", "totalQuery", "errorRatioQuery", "pageAlert", "ticketAlert")


def read(parts: Iterable[Part], drafts: Drafts) -> None:
    """Every document; catalogues first, for they say how long a budget lasts."""
    documents = list(parts)
    catalogues = [_catalogue(part) for part in documents if part.text("kind") == "AlertWindows"]
    table = _Table(drafts.wanted.window_ms, catalogues, drafts.notes)
    for part in documents:
        if part.text("kind") == "AlertWindows":
            part.close()
            continue
        _document(part, table, drafts)


@dataclass(slots=True)
class _Table:
    """The period of everything, and its rows."""

    asked_ms: int
    catalogues: list[tuple[int, tuple[Spending, ...]]]
    notes: Notes
    told: bool = False

    def period(self, part: Part) -> int:
        if self.asked_ms:
            return self.asked_ms
        if len(self.catalogues) == 1:
            return self.catalogues[0][0]
        if not self.told:
            what = f"Sloth keeps the period out of its files: {written(PERIOD_MS)} is taken, its default"
            self.notes.say(part.place, ASSUMED, what, "--window 28d, or name its catalogue of windows, too")
            self.told = True
        return PERIOD_MS

    def rows(self, period_ms: int) -> tuple[Spending, ...]:
        found = [rows for length, rows in self.catalogues if length == period_ms]
        return found[0] if found else CATALOGUE


def _document(part: Part, table: _Table, drafts: Drafts) -> None:
    part.silent("status")
    if part.text("apiVersion") == CRD_VERSION and part.text("kind") == "PrometheusServiceLevel":
        _metadata(part.part("metadata"))
        _service(part.part("spec"), CRD, table, drafts)
    elif part.text("version") == VERSION:
        _service(part, FILE, table, drafts)
    else:
        what = f"this is no file of Sloth: neither `version: {VERSION}` nor `apiVersion: {CRD_VERSION}`"
        drafts.notes.say(
            part.place, NOT_THEIRS, what, "focus import openslo, pyrra and slo-generator read others"
        )
        return
    part.close()


def _metadata(part: Part) -> None:
    part.silent("name", "creationTimestamp", "generation", "resourceVersion", "uid", "managedFields")
    for key in ("namespace", "labels", "annotations"):
        part.ignore(key, "it belongs to the cluster, not to the SLO")


def _catalogue(part: Part) -> tuple[int, tuple[Spending, ...]]:
    part.silent("apiVersion", "kind", "metadata")
    spec = part.part("spec")
    rows = []
    for level in ("page", "ticket"):
        for speed in ("quick", "slow"):
            row = spec.part(level).part(speed)
            long = duration(row.need("longWindow"), row.at("longWindow"), "the long window")
            short = duration(row.need("shortWindow"), row.at("shortWindow"), "the short window")
            share = row.need("errorBudgetPercent")
            number(share, row.at("errorBudgetPercent"), "the share of the budget")
            rows.append(Spending(level, share, long, short))
    return duration(spec.need("sloPeriod"), spec.at("sloPeriod"), "the period"), tuple(rows)


def _service(part: Part, keys: Keys, table: _Table, drafts: Drafts) -> None:
    try:
        service = part.need("service")
        focus = drafts.focus(service, part.at("service"), part.place)
        focus.labels.update(labels_of(part.texts("labels"), part.at("labels"), drafts.notes))
        part.ignore("slo_plugins", "plugins are Go code that only Sloth runs")
        part.ignore("sloPlugins", "plugins are Go code that only Sloth runs")
        slos = part.parts("slos")
    except RefusedError as refused:
        drafts.refuse(refused, part)
        return
    if not slos:
        drafts.notes.say(part.at("slos"), UNUSABLE, f"the service {service!r} has no SLO")
    for slo in slos:
        try:
            drafts.add(focus, _slo(slo, keys, table, drafts.notes))
        except RefusedError as refused:
            drafts.refuse(refused, slo)


def _slo(part: Part, keys: Keys, table: _Table, notes: Notes) -> DraftObjective:
    name = named(part.need("name"), part.at("name"), "the SLO", notes)
    target = target_of_percent(part.need("objective"), part.at("objective"))
    part.ignore("description", "an objective has none; the focus has")
    part.ignore("labels", "an objective has none; those of the service are kept")
    part.ignore("plugins", "plugins are Go code that only Sloth runs")
    part.ignore("interval", "the plane asks at its own pace: source.prometheus.every")
    period = table.period(part)
    sli = _sli(part.part("sli"), keys)
    rows = _rows(part.part("alerting"), keys, table.rows(period), period, notes)
    return DraftObjective(name, part.place, target, written(period), period, sli, rows, quiet=not rows)


def _sli(part: Part, keys: Keys) -> dict[str, Any]:
    if part.has("plugin"):
        hint = "`sloth generate` shows the queries it makes; put them into `events`"
        raise RefusedError(
            part.at("plugin"), UNUSABLE, "the SLI is a plugin, Go code that only Sloth runs", hint
        )
    if part.has("raw"):
        raw = part.part("raw")
        return failure(raw.need(keys.ratio), raw.at(keys.ratio))
    if not part.has("events"):
        raise RefusedError(part.place, UNUSABLE, "the SLI has neither `events` nor `raw`")
    events = part.part("events")
    return of_bad(events.need(keys.error), events.need(keys.total), events.place)


def _rows(part: Part, keys: Keys, table: tuple[Spending, ...], period: int, notes: Notes) -> list[Row]:
    part.ignore("name", "alerts are named by focus, objective and level")
    for key in ("labels", "annotations"):
        part.ignore(
            key, "alerts are routed by level to channels of the team", "alerts: {page: [...], ticket: [...]}"
        )
    off = {
        level for level, key in (("page", keys.page), ("ticket", keys.ticket)) if _disabled(part.part(key))
    }
    if len(off) == len({row.level for row in table}):
        what = "both of its alerts are disabled; here an objective always has rules: this one gets the default table"
        notes.say(part.place, CHANGED, what, "without channels in `alerts`, nobody is told")
        return []
    for level in sorted(off):
        notes.say(
            part.place, CHANGED, f"the {level} alert is disabled there: its rows are left out of the table"
        )
    return [
        Row(row.level, share * period / row.long_ms, row.long_ms, row.short_ms, share)
        for row in table
        if row.level not in off
        for share in (number(row.percent, part.place, "the share") / 100,)
    ]


def _disabled(part: Part) -> bool:
    for key in ("labels", "annotations"):
        if part.has(key):
            what = f"`{part.name}.{key}` is left out: alerts are routed by level to channels of the team"
            part.notes.say(part.at(key), LOST, what)
            part.silent(key)
    return part.truth("disable", False)
