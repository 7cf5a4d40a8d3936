"""Backtest: how often a policy would have paged, acted and frozen on what was really counted, how fast, and how wrongly."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import click

from focusplane.cli.output import Output, clock, counted, span, table
from focusplane.cli.policy_set import Place, good, read
from focusplane.define.focus import PolicySet
from focusplane.kernel.errors import UsageError
from focusplane.kernel.quantity import format_percent, parse_duration
from focusplane.kernel.tick import DAY, SECOND
from focusplane.learn.backtest import Alarm, Incident, Summary, Tally, Truth, against, summaries

if TYPE_CHECKING:
    from focusplane.testing.past import Past

Shown = dict[str, Any]
MOST_LOOKS = 600_000
"""Judgements in one backtest: 400 days, each minute."""
SHOWN = 20
"""Episodes that are printed; `--json` has all."""


@click.command("backtest")
@click.argument("policy", type=Place)
@click.option("--csv", "table_", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="counts: time,focus,good,bad[,objective,tenant,version,route,region,seconds]")  # fmt: skip
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), help="what a plane counted, running or stopped")  # fmt: skip
@click.option("--from", "since", default="", help="2026-01-01, 2026-01-01T12:00Z or Unix seconds; default: as far as the past goes")  # fmt: skip
@click.option("--to", "until", default="", help="the same")
@click.option("--every", default="1m", show_default=True, help="how often it is judged")
@click.option("--incidents", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="what really happened: focus,from,to[,name]")  # fmt: skip
@click.option("--json", "as_json", is_flag=True)
def backtest_command(policy: Path, as_json: bool, incidents: Path | None, **said: Any) -> None:
    """What POLICY would have said of a past: from --csv, or from --data of a plane. Exit 1 if a real incident was missed."""
    from focusplane.testing.past import live_again

    policies = good(policy).policies
    every_ms = every_of(said["every"])
    rows = past_of(policies, said)
    truth = incidents_of(policies, incidents)
    tally = live_again(read(policy), rows, every_ms)
    found = against(tally.episodes, truth)
    shown = {**_shown(tally, found if truth else None, rows), "uncounted": _uncounted(policies, rows)}
    Output(as_json).show(shown, lambda: _tell(shown))
    raise click.exceptions.Exit(int(bool(found.missed)))


def every_of(text: str) -> int:
    try:
        every = parse_duration(text)
    except ValueError as error:
        raise UsageError(str(error), "--every 1m") from error
    if not SECOND <= every <= DAY or every % SECOND:
        raise UsageError(f"{text} is no whole number of seconds up to a day", "--every 1m")
    return every


def past_of(policies: PolicySet, said: Shown) -> Sequence["Past"]:
    """The counts, in order. Raises `UsageError` if there are none."""
    since, until = _time("--from", said["since"]) or 0, _time("--to", said["until"])
    chosen = [name for name in ("table_", "data") if said[name] is not None]
    if len(chosen) != 1:
        raise UsageError("say where the past comes from, once", "--csv FILE or --data DIR")
    rows = _from_csv(policies, said["table_"]) if said["table_"] else _from_data(policies, said["data"])
    kept = [row for row in rows if row.start >= since and (until is None or row.end <= until)]
    if not kept:
        raise UsageError("there are no counts in that time", _reach(rows))
    looks = (max(row.end for row in kept) - kept[0].start) // every_of(said["every"])
    if looks > MOST_LOOKS:
        raise UsageError(f"{looks:,} judgements are too many", "a shorter time, or a longer --every")
    return kept


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


def _from_csv(policies: PolicySet, path: Path) -> Sequence["Past"]:
    from focusplane.edge.history_csv import read_history
    from focusplane.testing.past import Past

    rows: list[Past] = []
    for row in read_history(path):
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


def incidents_of(policies: PolicySet, path: Path | None) -> Sequence[Incident]:
    from focusplane.edge.history_csv import read_incidents

    found = [Incident(*row) for row in read_incidents(path)] if path is not None else []
    for incident in found:
        if incident.focus not in policies.focuses:
            raise UsageError(f"{path} names {incident.focus!r}, which the policy does not declare")
        if incident.ended < incident.began:
            raise UsageError(f"{path}: {incident.name or incident.focus} ends before it begins")
    return found


def _shown(tally: Tally, truth: Truth | None, rows: Iterable["Past"]) -> Shown:
    requests = sum(row.good + row.bad for row in rows)
    return {
        "from": tally.since,
        "to": tally.until,
        "requests": requests,
        "objectives": [_objective(one) for one in summaries(tally)],
        "mitigations": [
            {"mitigation": name, "acts": tally.acted.get(name, 0), "would_act_or_ask": tally.held.get(name, 0)}
            for name in sorted({*tally.acted, *tally.held})
        ],
        "frozen_ms": dict(sorted(tally.frozen_ms.items())),
        "episodes": [
            {
                "objective": one.objective,
                "alarm": str(one.alarm),
                "onset": one.onset,
                "began": one.began,
                "ended": one.ended,
                "delay_ms": one.delay_ms,
                "budget_spent": _number(one.spent),
                "why": one.why,
            }
            for one in sorted(tally.episodes, key=lambda one: (one.began, one.objective, one.alarm))
        ],
        "incidents": _truth(truth) if truth is not None else None,
    }  # fmt: skip


def _objective(one: Summary) -> Shown:
    return {
        "objective": one.objective,
        **{str(alarm): one.alarms[alarm] for alarm in Alarm},
        "slight_pages": one.slight,
        "delay_ms": {str(alarm): median(times) if times else None for alarm, times in one.delays_ms.items()},
        "budget_left": _number(one.budget_left),
        "blind_ms": one.blind_ms,
    }


def _uncounted(policies: PolicySet, rows: Iterable["Past"]) -> list[str]:
    """Objectives of which the past says nothing: they were not judged."""
    told = {(row.focus, row.objective) for row in rows}
    return [
        f"{focus.name}/{one.name}"
        for focus in policies.focuses.values()
        for one in focus.objectives
        if (focus.name, one.name) not in told and one.sli.composite is None
    ]


def _truth(truth: Truth) -> Shown:
    return {
        "told": [{**_incident(one), "after_ms": after} for one, after in truth.told],
        "missed": [_incident(one) for one in truth.missed],
        "idle_pages": [{"objective": one.objective, "began": one.began} for one in truth.idle],
    }


def _incident(one: Incident) -> Shown:
    return {"focus": one.focus, "from": one.began, "to": one.ended, "name": one.name}


def _number(share: Fraction | None) -> float | None:
    return None if share is None else round(float(share), 6)


def _tell(shown: Shown) -> None:
    click.echo(f"{clock(shown['from'])} to {clock(shown['to'])}, {counted(shown['requests'], 'request')}\n")
    table(
        ["OBJECTIVE", "PAGES", "SLIGHT", "TOLD AFTER", "ACTS", "TOLD AFTER", "REVIEWS", "TICKETS", "BUDGET LEFT", "BLIND"],
        [_row(one) for one in shown["objectives"]],
    )  # fmt: skip
    if shown["uncounted"]:
        click.echo(f"\nnot judged, for want of counts: {', '.join(shown['uncounted'])}")
    if shown["mitigations"]:
        click.echo()
        table(
            ["MITIGATION", "ACTS", "WOULD ACT, OR ASK"],
            [[one["mitigation"], str(one["acts"]), str(one["would_act_or_ask"])] for one in shown["mitigations"]],
        )  # fmt: skip
    for focus, frozen in shown["frozen_ms"].items():
        click.echo(f"\nrollouts of {focus} would have stood still for {span(frozen)}")
    loud = [one for one in shown["episodes"] if one["alarm"] in (Alarm.PAGE, Alarm.ACT)]
    for one in loud[:SHOWN]:
        spent = "" if one["budget_spent"] is None else f", {one['budget_spent']:.1%} of the budget"
        lasted = f"for {span(one['ended'] - one['began'])}" if one["ended"] else "until the end"
        click.echo(
            f"\n{clock(one['began'])}  {one['alarm']}  {one['objective']}  {lasted}{spent}\n  {one['why']}"
        )
    if len(loud) > SHOWN:
        click.echo(f"\nand {len(loud) - SHOWN} more: --json has all")
    _tell_truth(shown["incidents"])


def _row(one: Shown) -> list[str]:
    left = "" if one["budget_left"] is None else format_percent(Fraction(one["budget_left"]), 2)
    return [
        one["objective"],
        str(one["page"]),
        str(one["slight_pages"]),
        span(one["delay_ms"]["page"]),
        str(one["act"]),
        span(one["delay_ms"]["act"]),
        str(one["review"]),
        str(one["ticket"]),
        left,
        span(one["blind_ms"] or None),
    ]


def _tell_truth(found: Shown | None) -> None:
    if found is None:
        return
    told, missed, idle = found["told"], found["missed"], found["idle_pages"]
    click.echo(f"\n{len(told)} of {counted(len(told) + len(missed), 'incident')} told; {counted(len(idle), 'page')} or acts belong to none")  # fmt: skip
    for one in told:
        after = one["after_ms"]
        when = f"{span(after)} after it began" if after >= 0 else f"{span(-after)} before it began"
        click.echo(f"  told    {one['name'] or clock(one['from'])}  {when}")
    for one in missed:
        click.echo(f"  missed  {one['name'] or clock(one['from'])} of {one['focus']}")
