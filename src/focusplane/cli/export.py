"""Configuration for other programs."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from focusplane.define.controls import Address
from focusplane.kernel.errors import PolicyError, UsageError


@click.group("export")
def export_command() -> None:
    """Configuration for other programs."""


@export_command.command("envoy")
@click.option("--id", "name", default="envoy-1", show_default=True, help="the name of this node")
@click.option(
    "--admin", default="127.0.0.1:9901", show_default=True, help="its admin address; must be loopback"
)
@click.option("--xds", default="127.0.0.1:7601", show_default=True, help="where the plane serves xDS")
@click.option(
    "--otlp", default="127.0.0.1:4318", show_default=True, help="where it reports its counts (OTLP over HTTP)"
)
@click.option("--environment", default="production", show_default=True)
@click.option(
    "--token", default="", envvar="FOCUS_INGEST_TOKEN", help="of the role ingest, for a plane beyond loopback"
)
@click.option("--files", metavar="DIR", help="read configuration from files instead: starts without a plane")
@click.option(
    "--policies",
    type=click.Path(exists=True, path_type=Path),
    help="policies whose latency thresholds Envoy must count exactly",
)
def envoy(**options: Any) -> None:
    """The bootstrap an Envoy must be started with: envoy -c <(focus export envoy --policies DIR)."""
    from focusplane.edge.envoy.bootstrap import Node, file_bootstrap, rest_bootstrap

    addresses = (_address(options["admin"]), _address(options["otlp"]))
    node = Node(options["name"], *addresses, options["environment"], token=options["token"])
    thresholds = _thresholds(options["policies"]) if options["policies"] else ()
    files = options["files"]
    made = (
        file_bootstrap(node, files, thresholds)
        if files
        else rest_bootstrap(node, _address(options["xds"]), thresholds)
    )
    click.echo(json.dumps(made, indent=2))


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
