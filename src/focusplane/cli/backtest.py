"""Backtest: how often a policy would have paged, acted and frozen on what was really counted, how fast, and how wrongly."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import click

from focusplane.cli.output import Output, clock, counted, span, table
from focusplane.cli.past import ENGINE, every_of, past_of, progress
from focusplane.cli.policy_set import Place, good, read
from focusplane.define.focus import PolicySet
from focusplane.kernel.errors import UsageError
from focusplane.kernel.quantity import format_percent
from focusplane.learn.backtest import Alarm, Incident, Summary, Tally, Truth, against, summaries

if TYPE_CHECKING:
    from focusplane.testing.past import Past

Shown = dict[str, Any]
SHOWN = 20
"""Episodes that are printed; `--json` has all."""


@click.command("backtest")
@click.argument("policy", type=Place)
@click.option("--csv", "table_", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="counts: time,focus,good,bad[,objective,tenant,version,route,region,seconds]")  # fmt: skip
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), help="what a plane counted, running or stopped")  # fmt: skip
@ENGINE
@click.option("--from", "since", default="", help="2026-01-01, 2026-01-01T12:00Z or Unix seconds; default: as far as the past goes")  # fmt: skip
@click.option("--to", "until", default="", help="the same")
@click.option("--every", default="1m", show_default=True, help="how often it is judged")
@click.option("--incidents", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="what really happened: focus,from,to[,name]")  # fmt: skip
@click.option("--json", "as_json", is_flag=True)
def backtest_command(policy: Path, as_json: bool, incidents: Path | None, **said: Any) -> None:
    """What POLICY would have said of a past: from --csv, from --data of a plane, or from a --prometheus. Exit 1 if a real incident was missed."""
    from focusplane.testing.past import live_again

    policies = good(policy).policies
    every_ms = every_of(said["every"])
    past = past_of(policies, said)
    truth = incidents_of(policies, incidents)
    tally = live_again(read(policy), past.rows, every_ms, past.span, progress("judged"))
    found = against(tally.episodes, truth)
    shown = {
        **_shown(tally, found if truth else None, past.rows),
        "uncounted": _uncounted(policies, past.rows),
        "notes": past.notes,
    }
    Output(as_json).show(shown, lambda: _tell(shown))
    raise click.exceptions.Exit(int(bool(found.missed)))


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
