"""Draft: what an importer understood, on its way to focusplane documents. One focus for each service that users notice."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from focusplane.define.burn import ceiling, unreachable
from focusplane.define.yaml_nodes import Place
from focusplane.edge.dialects.notes import ASSUMED, CHANGED, UNUSABLE, Notes, RefusedError
from focusplane.edge.dialects.quantities import decimal, named, percent, written
from focusplane.edge.dialects.source import Part
from focusplane.kernel.tick import DAY, SECOND

API_VERSION = "focusplane/v1"
DEFAULT_URL = "http://127.0.0.1:9090"
EVERY_MS = 15 * SECOND
SHORTEST_MS = 4 * EVERY_MS
"""A window holds four samples at least: of one sample nothing can be said."""
LONGEST_MS = 400 * DAY
LONGEST_LABEL = 200
PAGER, TRACKER = "pager", "tracker"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of an alert table; `burn` is the factor, windows are long and short in milliseconds."""

    level: str
    burn: Fraction
    long_ms: int
    short_ms: int
    spends: Fraction | None = None
    """As it is written when the source says a share of the budget; `burn` follows from it."""


@dataclass(slots=True)
class DraftObjective:
    """`window` and `sli` as they are written; `period_ms` is the length that the budget is spread over."""

    name: str
    place: Place
    target: Fraction
    window: Any
    period_ms: int
    sli: dict[str, Any]
    rows: list[Row] = field(default_factory=list)
    by: str = ""
    quiet: bool = False
    """Its alerts were off: it has rules here, and nobody is told."""


@dataclass(slots=True)
class DraftFocus:
    name: str
    place: Place
    description: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    objectives: list[DraftObjective] = field(default_factory=list)
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    page: list[str] = field(default_factory=list)
    ticket: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the person who imports says: whose focuses these are, which server is asked, how long a budget lasts."""

    owner: str = "my-team"
    url: str = ""
    window_ms: int = 0


@dataclass(slots=True)
class Drafts:
    """The focuses by name; SLOs of one service come together."""

    notes: Notes
    wanted: Wanted
    by_name: dict[str, DraftFocus] = field(default_factory=dict)
    called: dict[str, str] = field(default_factory=dict)
    """Our name -> how it was written there."""

    def focus(self, called: str, at: Place, place: Place) -> DraftFocus:
        """The focus of what is called like that there; two names that become one here are refused."""
        name = named(called, at, "the service", self.notes)
        first = self.called.setdefault(name, called)
        if first != called:
            what = f"{called[:80]!r} and {first[:80]!r} would both be called {name!r} here"
            raise RefusedError(at, UNUSABLE, what, "rename one of them")
        return self.by_name.setdefault(name, DraftFocus(name, place))

    def refuse(self, refused: RefusedError, part: Part) -> None:
        """Tell why this part is not imported; the others are."""
        self.notes.say(refused.place, refused.code, str(refused), refused.hint)
        part.give_up()

    def describe(self, focus: DraftFocus, text: str, place: Place) -> None:
        """A focus has one description; the first stays."""
        focus.description = focus.description or text
        if text and text != focus.description:
            what = "an objective has no description; that of the first SLO of its service is kept"
            self.notes.say(place, CHANGED, what)

    def add(self, focus: DraftFocus, objective: DraftObjective) -> None:
        """The objective with the rows that it can have; one of the same name is refused."""
        first = next((one for one in focus.objectives if one.name == objective.name), None)
        if first is not None:
            what = f"{focus.name!r} has an objective {objective.name!r} already"
            hint = f"the first stands in {first.place.path}:{first.place.line}"
            self.notes.say(objective.place, UNUSABLE, what, hint)
            return
        if objective.period_ms > LONGEST_MS:
            what = f"a window of {written(objective.period_ms)} is longer than what is remembered"
            self.notes.say(objective.place, UNUSABLE, what, f"{written(LONGEST_MS)} is the most")
            return
        objective.rows = list(_possible(objective, self.notes))
        focus.objectives.append(objective)


def _possible(objective: DraftObjective, notes: Notes) -> Iterable[Row]:
    """Rows that can fire and do not cry wolf; every other is told."""
    for row in objective.rows:
        shown = f"the alert over {written(row.long_ms)} and {written(row.short_ms)} at {decimal(row.burn)}x"
        why = ""
        if unreachable(row.burn, 1 - objective.target):
            why = f"it could never fire: {ceiling(1 - objective.target)}"
        elif row.burn < 1:
            why = "it would fire on a service that keeps its objective"
        elif row.long_ms > objective.period_ms:
            why = f"its window is longer than the objective's {written(objective.period_ms)}"
        if why:
            notes.say(objective.place, CHANGED, f"{shown} is left out: {why}")
            continue
        yield _long_enough(row, objective.place, notes)


def _long_enough(row: Row, place: Place, notes: Notes) -> Row:
    short = max(row.short_ms, SHORTEST_MS)
    long = max(row.long_ms, 2 * short if short != row.short_ms else 0)
    if (short, long) != (row.short_ms, row.long_ms):
        was = f"{written(row.long_ms) if row.long_ms else '0s'} and {written(row.short_ms)}"
        what = f"the alert windows {was} become {written(long)} and {written(short)}: four samples at least"
        notes.say(place, CHANGED, what, f"the server is asked each {written(EVERY_MS)}")
    return replace(row, long_ms=long, short_ms=short)


def _told(focus: DraftFocus, notes: Notes) -> None:
    """Who is told stands in no file of tools that leave it to an Alertmanager."""
    if focus.page or focus.ticket or all(one.quiet for one in focus.objectives):
        return
    levels = {row.level for one in focus.objectives for row in one.rows}
    usual = any(not one.rows and not one.quiet for one in focus.objectives)
    focus.page = [PAGER] if usual or "page" in levels else []
    focus.ticket = [TRACKER] if usual or "ticket" in levels else []
    channels = " and ".join(focus.page + focus.ticket)
    notes.say(focus.place, ASSUMED, f"no file says who is told: alerts of {focus.name!r} go to {channels}")


def documents(drafts: Drafts) -> dict[str, list[dict[str, Any]]]:
    """File name -> documents: one for each focus, and one for their team."""
    wanted = [focus for focus in drafts.by_name.values() if focus.objectives]
    for focus in wanted:
        _told(focus, drafts.notes)
    files = {f"{focus.name}.yaml": [_focus(focus, drafts)] for focus in wanted}
    channels = sorted({name for one in wanted for name in (*one.page, *one.ticket)})
    if files:
        first = next(iter(drafts.by_name.values())).place
        variables = ", ".join(_variable(name) for name in channels) or "none"
        what = f"the team {drafts.wanted.owner!r} answers for all of it; its channels come from {variables}"
        drafts.notes.say(Place(first.path), ASSUMED, what, "--owner NAME")
        files[f"{drafts.wanted.owner}.team.yaml"] = [_team(drafts.wanted.owner, channels)]
    return files


def _focus(focus: DraftFocus, drafts: Drafts) -> dict[str, Any]:
    engine: dict[str, Any] = {"url": _url(focus, drafts)}
    if focus.headers:
        engine["headers"] = focus.headers
    spec: dict[str, Any] = {"description": focus.description} if focus.description else {}
    spec |= {"owner": drafts.wanted.owner, "source": {"prometheus": engine}}
    spec["objectives"] = [_objective(one) for one in focus.objectives]
    alerts = {key: names for key, names in (("page", focus.page), ("ticket", focus.ticket)) if names}
    if alerts:
        spec["alerts"] = alerts
    metadata: dict[str, Any] = {"name": focus.name}
    if focus.labels:
        metadata["labels"] = focus.labels
    return {"apiVersion": API_VERSION, "kind": "Focus", "metadata": metadata, "spec": spec}


def _url(focus: DraftFocus, drafts: Drafts) -> str:
    found = drafts.wanted.url or focus.url
    if not found:
        what = f"no file says which Prometheus counts for {focus.name!r}: {DEFAULT_URL} is taken"
        drafts.notes.say(focus.place, ASSUMED, what, "--url URL")
    return found or DEFAULT_URL


def _objective(one: DraftObjective) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": one.name, "target": percent(one.target), "window": one.window}
    if one.by:
        shown["by"] = one.by
    if one.rows:
        shown["rules"] = [_row(row) for row in one.rows]
    return {**shown, "sli": one.sli}


def _row(row: Row) -> dict[str, Any]:
    amount = {"burn": _plain(row.burn)} if row.spends is None else {"spends": percent(row.spends)}
    return {"level": row.level, **amount, "windows": [written(row.long_ms), written(row.short_ms)]}


def _plain(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else float(decimal(value))


def _team(name: str, channels: list[str]) -> dict[str, Any]:
    spec: dict[str, Any] = {"members": ["you@example.org"]}
    if channels:
        spec["channels"] = {channel: {"url": f"env:{_variable(channel)}"} for channel in channels}
    return {"apiVersion": API_VERSION, "kind": "Team", "metadata": {"name": name}, "spec": spec}


def _variable(channel: str) -> str:
    return f"{channel.upper().replace('-', '_')}_URL"


def labels_of(found: dict[str, str], place: Place, notes: Notes) -> dict[str, str]:
    """Labels as we keep them; a value that is too long is cut, and that is told."""
    for key, value in found.items():
        if len(value) > LONGEST_LABEL or len(key) > LONGEST_LABEL:
            notes.say(place, CHANGED, f"the label {key[:40]!r} is cut to {LONGEST_LABEL} characters")
    return {
        key[:LONGEST_LABEL]: value[:LONGEST_LABEL] for key, value in found.items() if value.strip() and key
    }
