"""Rollouts of versions and of flags' variants from the command line."""

import time

import click

from focusplane.cli import following
from focusplane.cli.output import Shown, clock, number, pairs, table
from focusplane.cli.path import show_path
from focusplane.cli.remote import Remote, asks
from focusplane.cli.rollout_plan import plan_command
from focusplane.cli.together import together_command
from focusplane.kernel.errors import ConflictError, RefusedError, UsageError
from focusplane.plane.arrows.words import gist

WAIT_S = 10.0
"""A probe has an answer after 3 s at most."""
LOOK_S = 0.2
ENDS = {"promoted": 0, "rolled-back": 1, "aborted": 1}
"""What a rollout ends as, and the exit status of who waited for it."""


@click.group("rollout")
def rollout_command() -> None:
    """Start, watch and stop rollouts."""


@rollout_command.command("start")
@click.argument("focus")
@click.argument("version")
@click.option("--flag", default="", metavar="KEY", help="VERSION is a variant of this flag")
@click.option(
    "--hotfix", is_flag=True, help="through a freeze of the focus, if its policy has a lane for that"
)
@click.option("--replace", is_flag=True, help="abort a rollout that runs, first")
@click.option("--why", "reason", default="", help="the reason, for the journal; a hotfix needs one")
@click.option("--no-wait", is_flag=True, help="do not wait until its destination has answered")
@click.option("--wait", is_flag=True, help="until it has ended: one line for each change")
@click.option("--at-most", default="2h", show_default=True, help="how long to --wait; the rollout goes on")
@asks
def start(
    remote: Remote, focus: str, version: str, no_wait: bool, wait: bool, at_most: str, **how: bool | str
) -> None:
    """Expose a version step by step, once its instances are ready; with --flag a variant, to a growing share of the tenants.

    Exit 4 if the gate, the budget or the destination says no, 1 if the destination has not answered within 10 seconds.
    With --wait: 0 when it was promoted, 1 when it was rolled back, aborted, or has not ended in time.
    """
    if wait and no_wait:
        raise UsageError("--wait and --no-wait at once", "one of them")
    seconds = following.seconds_of(at_most, "--at-most")
    path = f"/api/v1/rollouts/{focus}"
    shown = remote.post(path, {"version": version, **{name: said for name, said in how.items() if said}})
    if no_wait or "waits for the yes" in shown["answer"]:
        return _tell(remote, shown)
    if wait or shown.get("waiting"):
        click.echo(shown["answer"], err=True)
    if wait:
        return _followed(remote, version, path, seconds)
    ends = time.monotonic() + WAIT_S
    while shown.get("waiting") and time.monotonic() < ends:
        time.sleep(LOOK_S)
        shown = remote.get(path)
    _became(remote, version, shown)


def _followed(remote: Remote, version: str, path: str, seconds: float) -> None:
    """Until it has ended; whatever else begins meanwhile is not this one."""
    mine, said = "", ("", "", "")
    shown: Shown = {}
    for shown in following.looks(lambda: remote.get(path), seconds):
        _refused(shown, version)
        if shown.get("waiting") == version:
            continue
        mine = mine or shown.get("id", "")
        if shown.get("id", "") != mine or shown["version"] != version:
            raise ConflictError(
                f"a rollout of {shown['version'] or 'nothing'} took its place", "focus explain"
            )
        phase, weight, why = _stands(shown)
        if said != (phase, weight, gist(why)):
            click.echo(f"{phase:<12}{weight:>5}  {why}".rstrip(), err=remote.output.as_json)
        said = phase, weight, gist(why)
        if shown["phase"] in ENDS:
            break
    if remote.output.as_json:
        remote.output.show(shown, lambda: None)
    if shown["phase"] not in ENDS:
        click.echo(f"not over in time; it goes on: focus rollout status {shown['focus']}", err=True)
    raise click.exceptions.Exit(ENDS.get(shown["phase"], 1))


def _stands(shown: Shown) -> tuple[str, str, str]:
    """Phase, weight and why; it is news when more than the numbers of the reason has changed."""
    why = shown.get("hold_reason") if shown["phase"] == "held" else shown.get("reason", "")
    return shown["phase"], shown.get("weight_text", ""), why or ""


def _became(remote: Remote, version: str, shown: Shown) -> None:
    _refused(shown, version)
    remote.output.show(shown, lambda: _show(shown, False))
    if shown.get("waiting"):
        click.echo(
            f"{version} has not been answered for yet: focus rollout status {shown['focus']}", err=True
        )
        raise click.exceptions.Exit(1)
    click.echo(f"the rollout of {shown.get('what') or version} has started", err=True)


def _refused(shown: Shown, version: str) -> None:
    refused = shown.get("refused")
    if refused and refused["version"] == version:
        raise RefusedError(refused["reason"], "no traffic was moved; try again when it is ready")


@rollout_command.command("status")
@click.argument("focus")
@click.option("--why", is_flag=True, help="the evidence of each metric, too")
@asks
def status(remote: Remote, focus: str, why: bool) -> None:
    """Phase, weight, and the evidence on its way to both thresholds."""
    shown = remote.get(f"/api/v1/rollouts/{focus}")
    remote.output.show(shown, lambda: _show(shown, why))


rollout_command.add_command(plan_command)
rollout_command.add_command(together_command)


def _moving(name: str, what: str, with_reason: bool) -> None:
    @rollout_command.command(name, help=what)
    @click.argument("focus")
    @click.option("--why", "reason", default="", help="the reason, for the journal")
    @asks
    def move(remote: Remote, focus: str, reason: str) -> None:
        body = {"reason": reason} if with_reason else None
        _tell(remote, remote.post(f"/api/v1/rollouts/{focus}/{name}", body))


_moving("pause", "Hold where it is; evidence alone does not resume it.", True)
_moving("resume", "Go on after a pause.", False)
_moving("promote", "All traffic to the new version now, on your word.", True)
_moving("abort", "All traffic back to the stable version now.", True)


def _tell(remote: Remote, shown: Shown) -> None:
    remote.output.show(shown, lambda: _said(shown))


def _said(shown: Shown) -> None:
    click.echo(shown["answer"], err=True)
    _show(shown, False)


def _behind(shown: Shown) -> str:
    """That the file does not say what is served, so that whoever reads it is not misled."""
    if not shown.get("declared"):
        return ""
    return f"default: {shown['declared']}; {shown['stable']} is served instead until the file says so or it is cleared"


def _held(shown: Shown) -> str:
    """Why, and what ends it: a pause does not end by itself."""
    if not shown.get("held_since"):
        return ""
    ends = clock(shown["hold_ends_at"])
    until = f"at most until {ends}, {shown['hold_until']}" if ends else shown["hold_until"]
    return f"{shown['hold_reason']} ({until})"


def _lane(shown: Shown) -> str:
    return f"{shown['hotfix']} (until {clock(shown['hotfix_until'])})" if shown.get("hotfix") else ""


def _part(one: Shown) -> str:
    """The worst part of a metric; of pairs also how many failed at both."""
    both = f"{one['both_bad']} failed at both" if one.get("both_bad") else ""
    part, alone = one["worst_stratum"], one.get("alone")
    if alone:
        part = f"{part} alone: {alone['canary']['text']}, against {alone['baseline']['text']}"
    return ", ".join(filter(None, (part or one["no_data"], both)))


def _synthetic(shown: Shown, why: bool) -> list[tuple[str, str]]:
    """What no user sent, so that nobody takes it for evidence of users; with `why`, also what was left out and what goes on."""
    made = shown.get("synthetic")
    if not made:
        return []
    more = [("", made["left"]), ("", made["now"])] if why else []
    return [("synthetic", made["text"]), *((key, text) for key, text in more if text)]


def _show(shown: Shown, why: bool) -> None:
    verdict = shown.get("verdict")
    refused = shown.get("refused")
    pairs(
        [
            ("rollout", shown.get("id", "")),
            ("flag", shown.get("flag", "")),
            ("variant" if shown.get("flag") else "version", shown["version"]),
            ("stable", shown["stable"]),
            ("policy says", _behind(shown)),
            ("phase", shown["phase"]),
            ("weight", shown.get("weight_text", "")),
            ("at this step for", shown.get("step_for", "")),
            (
                "evidence of safety",
                f"none: {shown['unproven']}" if shown.get("evidence_of_safety") is False else "",
            ),
            ("held", _held(shown)),
            ("reason", "" if shown.get("hold_reason") else shown.get("reason", "")),
            ("hotfix", _lane(shown)),
            ("together", shown.get("release", "")),
            ("asked for", shown.get("waits_for", "")),
            (
                "refused",
                f"{refused['version']} at {clock(refused['at'])}: {refused['reason']}" if refused else "",
            ),
            ("cost", (shown.get("price") or {}).get("text", "")),
            ("self-test", (shown.get("self_test") or {}).get("text", "") if why else ""),
            ("seen outside", (shown.get("seen") or {}).get("text", "")),
            *_synthetic(shown, why),
        ]
    )
    if verdict:
        pairs(
            [
                ("verdict", f"{verdict['decision']}: {'; '.join(verdict['reasons'])}"),
                ("e of harm", f"{number(verdict['e_regress'])} of {number(verdict['threshold'])}"),
                ("e of safety", f"{number(verdict['e_safe'])} of {number(verdict['threshold'])}"),
                ("requests", f"{verdict['canary_requests']} against {verdict['baseline_requests']}"),
                ("still to come", number(verdict["eta_requests"])),
            ]
        )
    if verdict and why:
        click.echo()
        table(
            [
                "METRIC",
                "E OF HARM",
                "E OF SAFETY",
                shown["version"].upper(),
                shown["from"].upper(),
                "WORST PART, OR WHY NOTHING",
            ],
            [
                [
                    one["metric"],
                    number(one["e_regress"]),
                    number(one["e_safe"]),
                    one["canary"]["text"],
                    one["baseline"]["text"],
                    _part(one),
                ]
                for one in verdict["metrics"]
            ],
        )
        show_path(verdict.get("path"), verdict["threshold"])
