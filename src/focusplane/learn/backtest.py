"""Backtest: what a policy would have said of a past: how often, how fast, how wrongly.

In: the health of each objective at each instant of a past. Out: episodes of alarm, and a summary. What it cannot know: whether
somebody would have been glad of a page. It says what is counted: how long after its onset a failure was told, how much of the
budget it spent, and, where real incidents are given, which of them were told and which pages belong to none.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from focusplane.define.slo import Level
from focusplane.kernel.tick import MINUTE
from focusplane.observe.health import Budget, Health, State

SAME_MS = 30 * MINUTE
"""An alarm that comes back within this is the same one."""
LITTLE = Fraction(1, 100)
"""A page about less than this share of the budget is called slight."""
BEFORE_MS, AFTER_MS = 5 * MINUTE, 30 * MINUTE
"""A page belongs to a real incident from so long before its beginning until so long after its end."""


class Alarm(StrEnum):
    PAGE = "page"
    ACT = "act"
    REVIEW = "review"
    TICKET = "ticket"


LEVELS: Mapping[Alarm, Level] = {
    Alarm.PAGE: Level.PAGE,
    Alarm.ACT: Level.ACT,
    Alarm.REVIEW: Level.REVIEW,
    Alarm.TICKET: Level.TICKET,
}
"""From which level on somebody would have been told so. Levels are ordered: whoever is paged need not be asked for review."""


@dataclass(frozen=True, slots=True)
class Episode:
    """An alarm on one objective (`focus/objective`). Times are Unix ms; `onset` None where no failure stands out before it."""

    objective: str
    alarm: Alarm
    began: int
    ended: int | None
    onset: int | None
    spent: Fraction | None
    """the share of the whole budget that went while it lasted; None where nothing was measured"""
    why: str

    @property
    def delay_ms(self) -> int | None:
        return None if self.onset is None else max(0, self.began - self.onset)


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that really happened, as people wrote it down. An empty objective means any of its focus."""

    focus: str
    began: int
    ended: int
    name: str = ""


@dataclass(slots=True)
class _Open:
    began: int
    onset: int | None
    left: Fraction | None
    why: str
    quiet_since: int | None = None
    left_last: Fraction | None = None


@dataclass(slots=True)
class Tally:
    """Takes in the past, instant by instant; `episodes` are those that are over, `finish` ends the others."""

    episodes: list[Episode] = field(default_factory=list)
    last: dict[str, Health] = field(default_factory=dict)
    blind_ms: dict[str, int] = field(default_factory=dict)
    frozen_ms: dict[str, int] = field(default_factory=dict)
    acted: dict[str, int] = field(default_factory=dict)
    """`focus/mitigation` -> how often it would have moved its control"""
    held: dict[str, int] = field(default_factory=dict)
    """`focus/mitigation` -> how often its condition held and it only watched, or asked first"""
    since: int | None = None
    until: int = 0
    _open: dict[tuple[str, Alarm], _Open] = field(default_factory=dict)

    def look(self, at: int, healths: Mapping[str, Health]) -> list[str]:
        """One instant, not before the last one. Objectives that begin to alarm: the caller may say their onset by `began`."""
        passed = at - self.until if self.since is not None else 0
        self.since, self.until = (at if self.since is None else self.since), at
        fresh: list[str] = []
        for key, health in healths.items():
            self.last[key] = health
            if health.state is State.BLIND:
                self.blind_ms[key] = self.blind_ms.get(key, 0) + passed
            for alarm, level in LEVELS.items():
                if self._moves(key, alarm, health, health.level >= level):
                    fresh.append(key)
        return list(dict.fromkeys(fresh))

    def began(self, key: str, onset: int | None) -> None:
        """When the failure began of which `look` just said that it alarms."""
        for alarm in Alarm:
            found = self._open.get((key, alarm))
            if found is not None and found.began == self.until:
                found.onset = onset

    def freeze(self, focus: str, for_ms: int) -> None:
        """So long no rollout would have gone on."""
        self.frozen_ms[focus] = self.frozen_ms.get(focus, 0) + for_ms

    def finish(self) -> None:
        """The past ends here; what still alarms has no end."""
        for (key, alarm), found in list(self._open.items()):
            self._close(key, alarm, found.quiet_since)

    def _moves(self, key: str, alarm: Alarm, health: Health, firing: bool) -> bool:
        """True if a new episode begins."""
        found, left = self._open.get((key, alarm)), _left(health)
        if found is None:
            if firing:
                self._open[key, alarm] = _Open(self.until, None, left, health.reason, None, left)
            return firing
        if firing:
            found.quiet_since, found.left_last = None, left
        elif found.quiet_since is None:
            found.quiet_since, found.left_last = self.until, left
        elif self.until - found.quiet_since >= SAME_MS:
            self._close(key, alarm, found.quiet_since)
        return False

    def _close(self, key: str, alarm: Alarm, ended: int | None) -> None:
        found = self._open.pop((key, alarm))
        spent = None if found.left is None or found.left_last is None else found.left - found.left_last
        self.episodes.append(Episode(key, alarm, found.began, ended, found.onset, spent, found.why))


def _left(health: Health) -> Fraction | None:
    return health.budget.left if isinstance(health.budget, Budget) else None


@dataclass(frozen=True, slots=True)
class Summary:
    """One objective over a past."""

    objective: str
    alarms: Mapping[Alarm, int]
    slight: int
    """pages that spent less than a hundredth of the budget"""
    delays_ms: Mapping[Alarm, tuple[int, ...]]
    """from onset to alarm, sorted; where an onset stands out"""
    budget_left: Fraction | None
    blind_ms: int


@dataclass(frozen=True, slots=True)
class Truth:
    """Pages against what really happened."""

    told: tuple[tuple[Incident, int], ...]
    """incidents with a page, and how long after they began it came (ms; negative: before)"""
    missed: tuple[Incident, ...]
    idle: tuple[Episode, ...]
    """pages that belong to no incident"""


def summaries(tally: Tally) -> tuple[Summary, ...]:
    """One for each objective that was looked at, in the order of their names."""
    return tuple(_summary(tally, key) for key in sorted(tally.last))


def _summary(tally: Tally, key: str) -> Summary:
    mine = [one for one in tally.episodes if one.objective == key]
    by_alarm = {alarm: [one for one in mine if one.alarm is alarm] for alarm in Alarm}
    delays = {
        alarm: tuple(sorted(one.delay_ms for one in some if one.delay_ms is not None))
        for alarm, some in by_alarm.items()
    }
    slight = sum(1 for one in by_alarm[Alarm.PAGE] if one.spent is not None and one.spent < LITTLE)
    return Summary(
        key,
        {alarm: len(some) for alarm, some in by_alarm.items()},
        slight,
        delays,
        _left(tally.last[key]),
        tally.blind_ms.get(key, 0),
    )


def against(episodes: Iterable[Episode], incidents: Sequence[Incident]) -> Truth:
    """Which incidents were paged for, and which pages were for none. Acts tell the on-call, too, and count as pages here."""
    tells = [one for one in episodes if one.alarm in (Alarm.PAGE, Alarm.ACT)]
    told: list[tuple[Incident, int]] = []
    missed: list[Incident] = []
    for incident in incidents:
        mine = [one.began for one in tells if _belongs(one, incident)]
        if mine:
            told.append((incident, min(mine) - incident.began))
        else:
            missed.append(incident)
    idle = tuple(one for one in tells if not any(_belongs(one, incident) for incident in incidents))
    return Truth(tuple(told), tuple(missed), idle)


def _belongs(episode: Episode, incident: Incident) -> bool:
    focus = episode.objective.partition("/")[0]
    until = episode.ended if episode.ended is not None else episode.began
    return (
        focus == incident.focus
        and until >= incident.began - BEFORE_MS
        and episode.began <= incident.ended + AFTER_MS
    )
