"""Adoption after a data directory was lost or restored: shown first, then done."""

from collections.abc import Sequence

import click

from focusplane.cli.output import Shown, table
from focusplane.cli.remote import Remote, asks
from focusplane.kernel.errors import UsageError


@click.command("adopt")
@click.option("--reason", required=True, help="what happened to the data; it goes into the journal")
@click.option(
    "--stable", "chosen", multiple=True, metavar="FOCUS=VERSION", help="the version that gets the traffic"
)
@click.option("--yes", is_flag=True, help="do not ask")
@asks
def adopt_command(remote: Remote, reason: str, chosen: Sequence[str], yes: bool) -> None:
    """Take over the nodes that run another plane's board, or a later one of this plane. For admins.

    Without --stable the traffic of a focus goes to what this plane holds to be stable: after a loss, `initial`.
    """
    stable = dict(_pair(one) for one in chosen)
    _warn(remote, stable)
    if not yes:
        click.confirm("Let them follow this plane?", abort=True, err=True)
    shown = remote.post("/api/v1/adopt", {"reason": reason, "stable": stable})
    remote.output.show(shown, lambda: click.echo(f"{shown['id']}  {shown['reason']}"))


def _warn(remote: Remote, stable: dict[str, str]) -> None:
    """Who objects, and where the traffic of each focus will go; on stderr where the answer is JSON."""
    objecting = [node for node in remote.get("/api/v1/status")["nodes"] if node["plane"]]
    rows = [[f"{node['dataplane']}:{node['node']}", node["plane"], node["detail"]] for node in objecting]
    if rows and not remote.output.as_json:
        table(["NODE", "RUNS A BOARD OF", "WHY IT IS NOT ANSWERED"], rows)
    for one in remote.get("/api/v1/controls", limit=1000)["items"]:
        if one["control"] == "traffic":
            click.echo(_destination(one, stable.get(one["focus"], "")), err=True)


def _destination(traffic: Shown, chosen: str) -> str:
    name = traffic["focus"]
    if chosen:
        return f"{name}: all traffic goes to {chosen}"
    now = traffic["state"]
    weights = ", ".join(f"{version} {weight}" for version, weight in now["weights"].items())
    hint = f"; --stable {name}=VERSION if that is not what served before"
    return f"warning  {name}: traffic goes to {weights}{hint}"


def _pair(text: str) -> tuple[str, str]:
    focus, equals, version = text.partition("=")
    if not (focus and equals and version):
        raise UsageError(f"{text!r} is not FOCUS=VERSION", "--stable checkout=v2")
    return focus, version
