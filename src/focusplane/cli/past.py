"""Where the past of `focus backtest` and `focus calibrate` comes from: a CSV file, the data of a plane, or a PromQL engine."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from focusplane.cli.output import clock, span
from focusplane.define.engine import Engine, parse_url
from focusplane.define.focus import Focus, PolicySet
from focusplane.kernel.errors import UsageError
from focusplane.kernel.quantity import parse_duration
from focusplane.kernel.tick import DAY, MINUTE, SECOND

if TYPE_CHECKING:
    from focusplane.testing.past import Past

Said = dict[str, Any]
MOST_LOOKS = 600_000
"""Judgements in one backtest: 400 days, each minute."""
OWN = "the policy's own"
ENGINE = click.option("--prometheus", "engine", is_flag=False, flag_value=OWN, metavar="[URL]", help="ask a PromQL engine about --from to --to: this one, or the one that the policy names")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """A past, and what makes it less than the whole, in words. `span`: the time that is judged, also where nothing was heard."""

    rows: Sequence["Past"]
    notes: Sequence[str] = ()
    span: tuple[int, int] | None = None


def progress(what: str) -> Callable[[int, int], None]:
    """Tells people on a terminal how far it is (ms of how many), and nobody else."""
    if not sys.stderr.isatty():
        return lambda done, whole: None
    shown = -1

    def tell(done: int, whole: int) -> None:
        nonlocal shown
        percent = min(100, 100 * done // max(1, whole))
        if percent != shown:
            shown = percent
            click.echo(f"\r{what} {percent:3} % of {span(whole)} ", nl=percent == 100, err=True)

    return tell


def every_of(text: str) -> int:
    try:
        every = parse_duration(text)
    except ValueError as error:
        raise UsageError(str(error), "--every 1m") from error
    if not SECOND <= every <= DAY or every % SECOND:
        raise UsageError(f"{text} is no whole number of seconds up to a day", "--every 1m")
    return every


def past_of(policies: PolicySet, said: Said) -> Known:
    """The counts, in order. Raises `UsageError` if there are none. What is less than the whole is said on stderr."""
    since, until = _time("--from", said["since"]), _time("--to", said["until"])
    chosen = [name for name in ("table_", "data", "engine") if said[name] is not None]
    if len(chosen) != 1:
        raise UsageError("say where the past comes from, once", "--csv FILE, --data DIR or --prometheus [URL]")  # fmt: skip
    if said["engine"] is not None:
        return _from_engine(policies, said)
    rows = _from_csv(policies, said["table_"], since, until) if said["table_"] else _from_data(policies, said["data"])  # fmt: skip
    kept = [
        row for row in rows if (since is None or row.start >= since) and (until is None or row.end <= until)
    ]
    if not kept:
        raise UsageError("there are no counts in that time", _reach(rows))
    _bounded(max(row.end for row in kept) - kept[0].start, said)
    return Known(kept)


def _bounded(length_ms: int, said: Said) -> None:
    looks = length_ms // every_of(said["every"])
    if looks > MOST_LOOKS:
        raise UsageError(f"{looks:,} judgements are too many", "a shorter time, or a longer --every")


def _from_engine(policies: PolicySet, said: Said) -> Known:
    """Each engine by itself, its focuses together. Nothing is judged if one of them does not answer at all."""
    from focusplane.edge.otlp_intake import OtlpIntake, OtlpSettings
    from focusplane.edge.prometheus.history import History, read_engine
    from focusplane.testing.past import Past
    from focusplane.wire.clock import SystemClock

    now = SystemClock()
    whole = _whole_minutes(said, now.now_ms())
    _bounded(whole[1] - whole[0], said)
    asked = _asked(policies, said["engine"])

    settings = OtlpSettings(max_series=1_000_000, max_signals=2_000_000)

    async def each() -> list[History]:
        tell = progress("asked")
        return [
            await read_engine(engine, some, whole, now, lambda to, then: OtlpIntake(to, then, settings), tell)
            for engine, some in asked
        ]

    found = asyncio.run(each())
    notes = [note for history in found for note in history.notes]
    for note in notes:
        click.echo(note, err=True)
    rows = [
        Past(row.start, row.end, row.focus, row.objective, row.good, row.bad, row.part)
        for history in found
        for row in history.rows
    ]
    if not rows:
        raise UsageError("there are no counts in that time", "; ".join(notes) or "the engine has no series of these focuses")  # fmt: skip
    return Known(sorted(rows, key=lambda row: (row.start, row.end, row.focus, row.objective)), notes, whole)


def _whole_minutes(said: Said, now: int) -> tuple[int, int]:
    since, until = _time("--from", said["since"]), _time("--to", said["until"])
    if since is None or until is None:
        raise UsageError("an engine is asked about a time", "--from 2026-01-01 --to 2026-01-08")
    since, until = since // MINUTE * MINUTE, until // MINUTE * MINUTE
    if until > now:
        raise UsageError(f"--to {said['until']!r} has not come yet", f"it is {clock(now)}")
    if until <= since:
        raise UsageError("--to is not after --from", "--from 2026-01-01 --to 2026-01-08")
    return since, until


def _asked(policies: PolicySet, url: str) -> list[tuple[Engine, list[Focus]]]:
    """Engines with the focuses that they are asked for. Another address than the policy's gets none of its headers."""
    focuses = sorted(policies.focuses.values(), key=lambda focus: focus.name)
    if url != OWN:
        try:
            there = parse_url(url)
        except ValueError as error:
            raise UsageError(str(error), "--prometheus http://prometheus:9090") from error
        focuses = [
            focus
            if focus.engine is not None and focus.engine.url == there
            else replace(focus, engine=Engine(there))
            for focus in focuses
            if focus.objectives
        ]
    found: dict[str, tuple[Engine, list[Focus]]] = {}
    for focus in focuses:
        if focus.engine is not None and focus.objectives:
            found.setdefault(repr(focus.engine), (focus.engine, []))[1].append(focus)
    if not found:
        raise UsageError("no focus of this policy names an engine", "--prometheus URL, or spec: {source: {prometheus: {url: ...}}}")  # fmt: skip
    return list(found.values())


def _reach(rows: Sequence["Past"]) -> str:
    if not rows:
        return "the past is empty for the focuses of this policy"
    return f"it goes from {clock(rows[0].start)} to {clock(max(row.end for row in rows))}"


def _time(option: str, text: str) -> int | None:
    from focusplane.edge.history_csv import instant

    if not text:
        return None
    try:
        return instant(text)
    except (ValueError, OverflowError):
        raise UsageError(f"{option} {text!r} is no time", "2026-01-01, 2026-01-01T12:00Z or Unix seconds") from None  # fmt: skip


def _from_csv(policies: PolicySet, path: Path, since: int | None, until: int | None) -> Sequence["Past"]:
    from focusplane.edge.history_csv import read_history
    from focusplane.testing.past import Past

    rows: list[Past] = []
    for row in read_history(path, since, until):
        focus = policies.focuses.get(row.focus)
        if focus is None or not focus.objectives:
            raise UsageError(f"{path} counts for {row.focus!r}, which the policy does not declare with an objective", f"it declares: {', '.join(sorted(policies.focuses))}")  # fmt: skip
        names = [one.name for one in focus.objectives]
        objective = row.objective or names[0]
        if objective not in names:
            raise UsageError(f"{path} counts for {row.focus}/{objective}, which is no objective", f"its objectives: {', '.join(names)}")  # fmt: skip
        rows.append(Past(row.start, row.end, row.focus, objective, row.good, row.bad, row.part))
    return rows


def _from_data(policies: PolicySet, data: Path) -> Sequence["Past"]:
    """Objectives of the same name that count the same are taken; what is coarse is said by `BLOCKS`."""
    from focusplane.cli.stopped import open_world
    from focusplane.testing.past import recorded

    _, world = open_world(data)
    known = world.policies.set.focuses
    shared = [focus for name, focus in policies.focuses.items() if name in known]
    if not shared:
        raise UsageError(f"the plane of {data} knows no focus of this policy", f"it knows: {', '.join(sorted(known)) or 'none'}")  # fmt: skip
    rows = [row for focus in shared for row in recorded(world.counters, focus, 0, world.tick.at)]
    return sorted(rows, key=lambda row: (row.start, row.end, row.focus, row.objective))
