"""Configuration for other programs."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from focusplane.cli.dialects import grafana_export, openslo_export, sloth_export
from focusplane.cli.remote import DEFAULT_SERVER, Remote, kept_token
from focusplane.define.controls import Address
from focusplane.kernel.errors import FocusplaneError, PolicyError, UsageError

XDS, OTLP = "127.0.0.1:7601", "127.0.0.1:4318"


@click.group("export")
def export_command() -> None:
    """Configuration for other programs."""


export_command.add_command(openslo_export)
export_command.add_command(sloth_export)
export_command.add_command(grafana_export)


@export_command.command("envoy")
@click.option("--id", "name", default="envoy-1", show_default=True, help="the name of this node")
@click.option(
    "--admin", default="127.0.0.1:9901", show_default=True, help="its admin address; must be loopback"
)
@click.option("--xds", help=f"where the plane serves xDS; default: as the running plane says, else {XDS}")
@click.option("--otlp", help=f"where it reports its counts (OTLP over HTTP); default: the same, else {OTLP}")
@click.option("--environment", default="production", show_default=True)
@click.option(
    "--token",
    "ingest",
    default="",
    envvar="FOCUS_INGEST_TOKEN",
    help="of the role ingest, for a plane beyond loopback",
)
@click.option(
    "--server", envvar="FOCUS_SERVER", default=DEFAULT_SERVER, show_default=True, help="which plane"
)
@click.option("--json", "as_json", is_flag=True, help="the same: a bootstrap is JSON")
@click.option("--files", metavar="DIR", help="read configuration from files instead: starts without a plane")
@click.option(
    "--policies",
    type=click.Path(exists=True, path_type=Path),
    help="policies whose latency thresholds Envoy must count exactly",
)
def envoy(**options: Any) -> None:
    """The bootstrap an Envoy must be started with: envoy -c <(focus export envoy --policies DIR)."""
    from focusplane.edge.envoy.bootstrap import Node, file_bootstrap, rest_bootstrap

    xds, otlp = _doors(options["server"], options["xds"], options["otlp"])
    addresses = (_address(options["admin"]), _address(otlp))
    node = Node(options["name"], *addresses, options["environment"], token=options["ingest"])
    thresholds = _thresholds(options["policies"]) if options["policies"] else ()
    files = options["files"]
    made = (
        file_bootstrap(node, files, thresholds) if files else rest_bootstrap(node, _address(xds), thresholds)
    )
    click.echo(json.dumps(made, indent=2))


def _doors(server: str, xds: str | None, otlp: str | None) -> tuple[str, str]:
    """What was not said is asked of the plane; what it cannot tell is assumed, and that is said."""
    if xds and otlp:
        return xds, otlp
    try:
        doors: dict[str, str] = (
            Remote(server, os.environ.get("FOCUS_TOKEN", "") or kept_token())
            .get("/api/v1/status")
            .get("doors", {})
        )
        why = "" if doors else f"{server} does not say"
    except FocusplaneError as error:
        doors, why = {}, error.what
    found = {name: _reachable(doors.get(name, ""), server) for name in ("xds", "otlp_http")}
    if not all(found.values()):
        click.echo(f"assumed  xDS at {xds or XDS}, OTLP at {otlp or OTLP}: {why}", err=True)
    return xds or found["xds"] or XDS, otlp or found["otlp_http"] or OTLP


def _reachable(url: str, server: str) -> str:
    """`http://0.0.0.0:4318` as seen from here: by the name under which the plane was asked."""
    found = urlsplit(url)
    if not found.port:
        return ""
    host = found.hostname or ""
    named = urlsplit(server).hostname if host in ("0.0.0.0", "::") else host
    return f"{named}:{found.port}"


def _thresholds(policies: Path) -> Iterable[int]:
    from focusplane.define.load import load
    from focusplane.edge.envoy.resources import thresholds_ms
    from focusplane.edge.policy_files import PolicyDirectory

    loaded = load(PolicyDirectory(policies).read())
    if loaded.refused:
        raise PolicyError(f"the policies in {policies} have mistakes", f"focus check {policies}")
    return thresholds_ms(loaded.policies.focuses.values())


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise UsageError(f"{text!r} is not HOST:PORT", "such as 127.0.0.1:9901")
    return Address(host, int(port))
