"""Calibrate: what a past says about the targets and alarms of a policy, as a diff that keeps every comment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path
from typing import Any

import click

from focusplane.cli.backtest import incidents_of
from focusplane.cli.output import Output, table
from focusplane.cli.past import ENGINE, Known, every_of, past_of, progress
from focusplane.cli.policy_set import Place, good, read, today
from focusplane.define.amend import Amendment, amend
from focusplane.define.burn import period_ms
from focusplane.define.focus import PolicySet
from focusplane.define.load import load
from focusplane.define.slo import Objective
from focusplane.kernel.quantity import format_duration, format_percent
from focusplane.learn.backtest import Incident, Tally, against
from focusplane.learn.calibration import attainable, higher, loud, too_loud

Shown = dict[str, Any]


@click.command("calibrate")
@click.argument("policy", type=Place)
@click.option("--csv", "table_", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="counts, as for `focus backtest`")  # fmt: skip
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), help="what a plane counted, running or stopped")  # fmt: skip
@ENGINE
@click.option("--from", "since", default="", help="2026-01-01, 2026-01-01T12:00Z or Unix seconds; default: as far as the past goes")  # fmt: skip
@click.option("--to", "until", default="", help="the same")
@click.option("--every", default="1m", show_default=True, help="how often it is judged")
@click.option("--most", type=click.IntRange(min=0), default=4, show_default=True, help="alarms of an objective in thirty days that are bearable")  # fmt: skip
@click.option("--incidents", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="what really happened: focus,from,to[,name]; an alarm that tells one is kept")  # fmt: skip
@click.option("--write", is_flag=True, help="change the files; without it nothing is written")
@click.option("--json", "as_json", is_flag=True)
def calibrate_command(policy: Path, most: int, write: bool, as_json: bool, incidents: Path | None, **said: Any) -> None:  # fmt: skip
    """What a past says about the targets and alarms of POLICY, as a diff with its reasons. Exit 1 if it proposes something."""
    policies = good(policy).policies
    every_ms, past = every_of(said["every"]), past_of(policies, said)
    study = _Study(dict(read(policy)), past, every_ms, most, incidents_of(policies, incidents))
    before = study.lived
    for key in sorted(before.last):
        study.look(policies, *key.split("/", 1))
    shown = study.told(policy, read(policy), before, write)
    if write:
        for name, text in study.files.items():
            if text != read(policy)[name]:
                _path(policy, name).write_text(text, encoding="utf-8")
    Output(as_json).show(shown, lambda: _tell(shown))
    raise click.exceptions.Exit(int(bool(shown["proposals"]) and not write))


@dataclass(slots=True)
class _Study:
    """Files that change as proposals come; each is tried on the whole past before it is made."""

    files: dict[str, str]
    past: Known
    every_ms: int
    most: int
    incidents: Sequence[Incident]
    proposals: list[Shown] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    lived: Tally = field(init=False)

    def __post_init__(self) -> None:
        self.lived = self._live(self.files)

    def look(self, policies: PolicySet, focus: str, name: str) -> None:
        objective = policies.focuses[focus].objective(name)
        mine = [row for row in self.past.rows if (row.focus, row.objective) == (focus, name)]
        served, failed = sum(row.good for row in mine), sum(row.bad for row in mine)
        if served + failed and not objective.sli.unit_ms:
            self._target(focus, objective, served, failed)
            self._quiet(focus, objective)

    def _target(self, focus: str, objective: Objective, served: int, failed: int) -> None:
        fits = attainable(objective, served, failed)
        if fits is not None:
            why = f"{failed:,} of {served + failed:,} failed, more than {format_percent(objective.budget)}: the target was not kept; {format_percent(fits)} would have been{self._little(objective)}"  # fmt: skip
            self._try(Amendment(focus, objective.name, "target", format_percent(fits)), why)

    def _little(self, objective: Objective) -> str:
        """How much of the objective's window the past holds, where that is not all of it."""
        known = self.lived.until - (self.lived.since or 0)
        whole = period_ms(objective.window)
        return f". Only {format_duration(known)} of {format_duration(whole)} are known" if known < whole else ""  # fmt: skip

    def _quiet(self, focus: str, objective: Objective) -> None:
        key = f"{focus}/{objective.name}"
        if not too_loud(self.lived, key, self.most):
            return
        for step in higher(objective.min_bad):
            wanted = Amendment(focus, objective.name, "minBad", str(step))
            files = self._with(wanted)
            tally = self._live(files) if files is not None else self.lived
            if not too_loud(tally, key, self.most):
                why = f"{loud(self.lived, key)} alarms, more than {self.most} in thirty days; with {step} failures as the least, {loud(tally, key)}"  # fmt: skip
                self._take(wanted, why, files, tally)
                return
        self.notes.append(f"{key}: {loud(self.lived, key)} alarms, and no minBad makes them bearable: its failures are many")  # fmt: skip

    def _try(self, wanted: Amendment, why: str) -> None:
        files = self._with(wanted)
        self._take(wanted, why, files, self._live(files) if files is not None else self.lived)

    def _take(self, wanted: Amendment, why: str, files: dict[str, str] | None, tally: Tally) -> None:
        """Unless the file cannot carry it, or an incident that was told would no longer be."""
        key = f"{wanted.focus}/{wanted.objective}"
        lost = set(self._missed(tally)) - set(self._missed(self.lived))
        if files is None:
            self.notes.append(f"{key}: {wanted.key} {wanted.value} would fit, but does not hold in its file")
        elif lost:
            names = ", ".join(sorted(one.name or one.focus for one in lost))
            self.notes.append(f"{key}: {wanted.key} {wanted.value} is not proposed, it would have missed {names}")  # fmt: skip
        else:
            self.proposals.append({"objective": key, "key": wanted.key, "value": wanted.value, "why": why})
            self.files, self.lived = files, tally

    def told(self, policy: Path, were: Mapping[str, str], before: Tally, written: bool) -> Shown:
        diff = [
            line
            for name, text in self.files.items()
            for line in unified_diff(
                were[name].splitlines(),
                text.splitlines(),
                str(_path(policy, name)),
                str(_path(policy, name)),
                lineterm="",
            )
        ]
        rows = [
            {"objective": key, "alarms_before": loud(before, key), "alarms_after": loud(self.lived, key)}
            for key in sorted(before.last)
        ]
        return {"proposals": self.proposals, "notes": self.notes, "objectives": rows, "diff": diff, "written": written}  # fmt: skip

    def _missed(self, tally: Tally) -> Sequence[Incident]:
        return against(tally.episodes, self.incidents).missed

    def _live(self, files: Mapping[str, str]) -> Tally:
        from focusplane.testing.past import live_again

        return live_again(files, self.past.rows, self.every_ms, self.past.span, progress("judged"))

    def _with(self, wanted: Amendment) -> dict[str, str] | None:
        for name, text in self.files.items():
            changed = amend(name, text, wanted)
            if changed is not None:
                files = {**self.files, name: changed}
                return None if load(files, today()).refused else files
        return None


def _path(policy: Path, name: str) -> Path:
    return policy / name if policy.is_dir() else policy


def _tell(shown: Shown) -> None:
    for one in shown["proposals"]:
        click.echo(f"{one['objective']}  {one['key']}: {one['value']}\n  {one['why']}")
    for note in shown["notes"]:
        click.echo(note, err=True)
    if not shown["proposals"]:
        click.echo("nothing to change")
        return
    click.echo("\n" + "\n".join(shown["diff"]) + "\n")
    table(
        ["OBJECTIVE", "ALARMS BEFORE", "AFTER"],
        [
            [one["objective"], str(one["alarms_before"]), str(one["alarms_after"])]
            for one in shown["objectives"]
        ],
    )
    if not shown["written"]:
        click.echo("\nnothing is written without --write; a lower target is a promise taken back", err=True)
