"""`focus rollout plan`: before a rollout, what each split costs and shows."""

from collections.abc import Mapping
from pathlib import Path

import click

from focusplane.cli.output import Shown, counted, pairs, table
from focusplane.cli.policy_set import Place, good
from focusplane.cli.remote import Remote, asks
from focusplane.kernel.errors import NotFoundError, UsageError
from focusplane.kernel.quantity import parse_duration


@click.command("plan")
@click.argument("focus")
@click.option("--traffic", default="", metavar="RATE", help="such as 100/s; default: what the plane observes")
@click.option("--from", "from", default="", metavar="SHARE", help="what fails now; default: as observed")
@click.option("--to", "to", default="", metavar="SHARE", help="what a bad version fails")
@click.option(
    "--flag", default="", metavar="KEY", help="of a variant of this flag, by the requests that evaluate it"
)
@click.option("--within", default="", metavar="SPAN", help="the whole rollout shall not take longer")
@click.option("--policies", type=Place, help="the policy files, instead of asking a running plane")
@asks
def plan_command(remote: Remote, focus: str, policies: Path | None, **asked: str) -> None:
    """Requests and time that each split needs, whom it hurts meanwhile, and the steps that follow. Nothing is started."""
    if policies is None:
        shown = remote.get(f"/api/v1/rollouts/{focus}/plan", **asked)
    else:
        shown = _offline(policies, focus, asked)
    remote.output.show(shown, lambda: _show(shown))


def _offline(policies: Path, focus: str, asked: Mapping[str, str]) -> Shown:
    from focusplane.plane.queries.rollout_plan import Wish, planned

    declared = good(policies).policies.focuses
    if focus not in declared:
        known = f"known: {', '.join(sorted(declared)) or 'none'}"
        raise NotFoundError(f"there is no focus {focus!r} in {policies}", known)
    try:
        within_ms = parse_duration(asked["within"]) if asked["within"] else 0
    except ValueError as error:
        raise UsageError(f"--within: {error}", "such as 30m") from error
    return planned(
        declared[focus], Wish(asked["traffic"], asked["from"], asked["to"], within_ms, asked["flag"])
    )


def _show(shown: Shown) -> None:
    pairs(
        [
            *([("flag", shown["flag"])] if shown["flag"] else []),
            ("traffic", f"{shown['traffic']:,.4g}/s, {shown['traffic_from']}"),
            ("fails now", f"{shown['failing']}, {shown['failing_from']}"),
            ("fails if bad", f"{shown['worse']}, {shown['worse_from']}"),
            ("no worse is up to", shown["allowed"]),
        ]
    )
    click.echo()
    rows = [_row(one, one["split"]) for one in shown["options"]]
    rows += [_row(one, f"{one['split']} (declared)") for one in shown["declared"]]
    table(["SPLIT", "FINDS IT AFTER", "REQUESTS", "AT BEST", "HURT", "SAFE AFTER", "REQUESTS", "ON IT"], rows)
    if any(one["split"] == "mirror" for one in shown["options"]):
        click.echo(f"mirror  {shown['options'][-1]['note']}")
    click.echo()
    if shown["why"]:
        click.echo(shown["why"])
        return
    good = "variant" if shown["flag"] else "version"
    where = "" if shown["belongs"] == "spec" else f" for {shown['belongs']}"
    click.echo(f"# recommended{where}: about {shown['takes']} in all if the {good} is good")
    click.echo(shown["yaml"], nl=False)


def _row(one: Shown, name: str) -> list[str]:
    find, safe = one["find"], one["show"]
    return [
        name,
        find["takes"],
        _requests(find),
        f"{one['least_requests']:,}",
        "–" if one["hurt"] is None else counted(one["hurt"], "request"),
        safe["takes"],
        _requests(safe),
        counted(one["tenants"], "tenant") if one["tenants"] else "",
    ]


def _requests(need: Shown) -> str:
    return need["why"] if need["requests"] is None else f"{need['requests']:,}"
