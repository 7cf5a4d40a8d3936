"""Looking: status, watch, explain, doctor, login."""

import functools
import time
from pathlib import Path

import click

from focusplane.cli.ailments import findings, tell_findings
from focusplane.cli.output import Shown, clock, counted, in_words, pairs, span, table
from focusplane.cli.path import LIMIT, show_path
from focusplane.cli.policy_set import Place, good
from focusplane.cli.remote import Data, Remote, asks
from focusplane.kernel.errors import NotFoundError, UsageError
from focusplane.kernel.quantity import parse_rate


@click.command("status")
@click.argument("focus", default="")
@asks
def status_command(remote: Remote, focus: str) -> None:
    """How every focus does, or one of them in full. Exit status 1 if one burns, is exhausted or blind."""
    if focus:
        shown = remote.get(f"/api/v1/focuses/{focus}")
        remote.output.show(shown, lambda: _one(shown))
        healths = [shown["health"]]
    else:
        shown = remote.get("/api/v1/status")
        remote.output.show(shown, lambda: _all(shown))
        healths = [one["health"] for one in shown["focuses"]]
    raise click.exceptions.Exit(int(any(health != "ok" for health in healths)))


@click.command("watch")
@click.argument("focus", default="")
@click.option("--every", type=click.FloatRange(min=0.1), default=1.0, show_default=True, help="seconds")
@click.option(
    "--times", type=click.IntRange(min=0), default=0, help="stop after so many looks; 0 means never"
)
@asks
def watch_command(remote: Remote, focus: str, every: float, times: int) -> None:
    """How every focus does, or one of them, again and again, until Ctrl-C; with --json one document a look."""
    looks = 0
    while True:
        shown = remote.get(f"/api/v1/focuses/{focus}" if focus else "/api/v1/status")
        if not remote.output.as_json:
            click.clear()
        remote.output.show(shown, functools.partial(_one if focus else _all, shown))
        looks += 1
        if times and looks >= times:
            return
        time.sleep(every)


@click.command("explain")
@click.argument("key", metavar="ID")
@Data
@click.option(
    "--policy", type=Place, help="a policy instead of a plane: how soon FOCUS/OBJECTIVE would tell somebody"
)
@click.option(
    "--traffic", default="10/s", show_default=True, help="of that policy: requests of the objective"
)
@asks
def explain_command(remote: Remote, key: str, data: Path | None, policy: Path | None, traffic: str) -> None:
    """Why: of an action, decision, incident, rollout or focus its rule, inputs, reasons and transitions; of a focus or
    FOCUS/OBJECTIVE why it fires or not, with the counts, and how soon it would tell of an outage, of 10 % and of 2 % errors.
    """
    if policy is not None:
        tables = _tables(policy, key, traffic)
        return remote.output.show({"items": tables, "next": None}, lambda: _soon(tables))
    shown = _stored(data, key) if data else remote.get(f"/api/v1/explain/{key}")
    return remote.output.show(shown, lambda: _why(shown))


def _tables(policy: Path, key: str, traffic: str) -> list[Shown]:
    from focusplane.plane.queries.detection import detection_table

    name, _, objective = key.partition("/")
    focus = good(policy).policies.focuses.get(name)
    chosen = [one for one in focus.objectives if objective in ("", one.name)] if focus is not None else []
    if not chosen:
        raise NotFoundError(f"{policy} declares no {key!r}", "give FOCUS or FOCUS/OBJECTIVE")
    try:
        rate = parse_rate(traffic).per_second
    except ValueError as error:
        raise UsageError(str(error), "--traffic 20/s") from error
    if not rate:
        raise UsageError("without traffic nothing can be told", "--traffic 20/s")
    return [
        {"objective": f"{name}/{one.name}", **detection_table(one, rate, f"at {traffic}")} for one in chosen
    ]


def _soon(tables: list[Shown]) -> None:
    from focusplane.plane.queries.detection import detection_lines

    for one in tables:
        click.echo(one["objective"])
        for line in detection_lines(one):
            click.echo(f"  {line}")


_EXAMINED = ("nodes", "policies", "unused", "channels", "undelivered", "boardless", "unknown_tokens")


@click.command("doctor")
@asks
def doctor_command(remote: Remote) -> None:
    """Which telemetry arrives, which nodes follow the board, which policies were refused. Exit 1 with findings."""
    shown = remote.get("/api/v1/status")
    found = findings(shown)
    report = {"findings": found, **{key: shown[key] for key in _EXAMINED if key in shown}}
    remote.output.show(report, lambda: tell_findings(found))
    raise click.exceptions.Exit(int(any(one["severity"] == "warning" for one in found)))


@click.command("login")
@click.option(
    "--role", type=click.Choice(["operator", "approver", "viewer"]), default="operator", show_default=True
)
@asks
def login_command(remote: Remote, role: str) -> None:
    """Print a link that opens the pages once, within five minutes."""
    made = remote.post("/api/v1/login-ticket", {"role": role})
    link = remote.server.rstrip("/") + made["path"]
    remote.output.show({**made, "link": link}, lambda: click.echo(link))


def _stored(data: Path, key: str) -> Shown:
    from focusplane.cli.stopped import open_world
    from focusplane.plane import queries

    journal, world = open_world(data)
    return queries.explain(world, [one.fact for one in journal.facts(0, 1_000_000)], key)


def _all(shown: Shown) -> None:
    """Every objective is a row; what belongs to the focus stands on its first."""
    rows = [row for one in shown["focuses"] for row in _rows(one)]
    table(
        ["FOCUS", "HEALTH", "OBJECTIVE", "SLI", "TARGET", "BUDGET LEFT", "SEEN", "ROLLOUT", "INCIDENT"], rows
    )
    for name, why in shown["frozen"].items():
        click.echo(f"frozen ({'everything' if name == '*' else name}): {why}", err=True)
    _wait(shown["waiting"])


def _rows(one: Shown) -> list[list[str]]:
    rollout, incident = one["rollout"], one["incident"]
    moving = f"{rollout['version']} {rollout['phase']} {rollout['weight']:.0%}" if rollout else ""
    rows = [
        [
            "",
            each["state"],
            each["name"],
            each["sli_text"],
            each["target"],
            each["budget"]["left_text"],
            each["seen_text"],
            "",
            "",
        ]
        for each in one["objectives"]
    ] or [["", one["health"], "–", "–", "–", "–", "", "", ""]]
    rows[0][0], rows[0][-2], rows[0][-1] = one["id"], moving, (incident or {}).get("id", "")
    return rows


def _wait(waiting: list[Shown]) -> None:
    """What waits for a yes, and how to say it."""
    for one in waiting:
        until = f" until {clock(one['approve_by'])}" if one["approve_by"] else ""
        click.echo(f"\nwaits for a yes{until}: {one['what']} of {one['focus']}, because {one['reason']}")
        click.echo(f"  focus approve {one['id']}  |  focus deny {one['id']}")


def _one(shown: Shown) -> None:
    rollout = shown["rollout"]
    pairs(
        [
            ("focus", shown["id"]),
            ("health", shown["health"]),
            ("why", shown["reason"]),
            ("owner", shown["owner"]),
            ("environment", shown["environment"]),
            ("counted from", f"{shown['source']['counted']} (source: {shown['source']['declared']})"),
            ("data age", span(shown["data_age_ms"])),
            *((f"  {one['source']}", _source(one)) for one in shown["sources"]),
            ("trace coverage", _measured(shown["measures"]["M5"])),
            *((dimension, why) for dimension, why in shown["untold"].items()),
            ("stable", shown["stable"]),
            (
                "rollout",
                f"{rollout['version']} {rollout['phase']} at {rollout['weight']:.0%}" if rollout else "",
            ),
            ("incident", (shown["incident"] or {}).get("id", "")),
            ("actions", shown["measures"]["M4"]["noisy"]),
            ("frozen", shown["frozen"] or ""),
        ]
    )
    click.echo()
    table(
        ["OBJECTIVE", "STATE", "WINDOW", "SLI", "TARGET", "SEEN", "BUDGET LEFT", "RUNS OUT"],
        [row for one in shown["objectives"] for row in _windows(one)],
    )
    _spending(shown)
    _wait(shown["waiting"])


def _windows(objective: Shown) -> list[list[str]]:
    """A row for each window; the first, which leads, says how the objective does."""
    rows = [
        [
            "",
            "",
            one["window"],
            one["sli_text"],
            objective["target"],
            _seen(one),
            one["budget"]["left_text"],
            clock(one["budget"]["exhausts_at"]),
        ]
        for one in objective.get("windows") or [objective]
    ]
    rows[0][:2] = [objective["name"], objective["state"]]
    return rows


def _spending(shown: Shown) -> None:
    """When budgets end, and who burnt them: a line for each window in which something failed."""
    for objective in shown["objectives"]:
        for one in objective.get("spending", ()):
            if one["burnt_by"]["failures"]:
                ends = one["forecast"]["text"]
                by = "; ".join(_most(dimension, rows) for dimension, rows in one["burnt_by"]["by"].items())
                budget = "" if ends == "unknown" else f"budget {ends}; "
                click.echo(
                    f"{objective['name']} over {one['window']}: {budget}burnt by {by or 'nobody named'}"
                )


def _most(dimension: str, rows: list[Shown]) -> str:
    return f"{dimension} " + ", ".join(f"{one['value']} {one['share_text']}" for one in rows[:3])


def _seen(one: Shown) -> str:
    """How much of the window is known, and what of it is left out."""
    seen = one["seen_text"] or ("nothing yet" if one.get("no_data") else f"all of {one['window']}")
    out = one.get("left_out_ms")
    return f"{seen}, {span(out)} left out" if out else seen


def _source(one: Shown) -> str:
    speaking = f"{one['speaking']} of {counted(one['reporters'], 'instance')} speaking"
    each = f", each {span(one['interval_ms'])}" if one["interval_ms"] else ""
    return f"{span(one['data_age_ms'])} old; {speaking}{each}; {one['may']}"


def _measured(one: Shown) -> str:
    return f"unknown: {one['no_data']}" if one["value"] is None else f"{one['value']:.1%}: {one['text']}"


def _why(shown: Shown) -> None:
    pairs([(shown["kind"], shown["id"]), ("rule", shown["rule"]), ("reason", shown["reason"])])
    for row in shown.get("present", []):
        click.echo(f"\n{row['what']}  {row['state']}  {row['reason']}")
        for line in row["lines"]:
            click.echo(f"  {line}")
    told = in_words({key: value for key, value in shown["inputs"].items() if key != "rule"})
    if told:
        click.echo("\ninputs")
        for line in told:
            click.echo(f"  {line}")
    now = shown.get("now") or {}
    path = shown.get("path") or (now.get("verdict") or {}).get("path")
    show_path(path, (now.get("thresholds") or {}).get("e") or LIMIT)
    for title, rows in (
        ("what happened", "transitions"),
        ("why nothing happened", "nothing_happened_because"),
    ):
        if shown[rows]:
            click.echo(f"\n{title}")
            for one in shown[rows]:
                click.echo(f"  {clock(one['at'])}  {one['kind']}  {one['subject']}  {one['reason']}")
