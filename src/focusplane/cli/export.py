"""Configuration for other programs."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from focusplane.cli.dialects import grafana_export, openslo_export, sloth_export
from focusplane.cli.export_driver import driver_export
from focusplane.cli.remote import DEFAULT_SERVER, Remote, kept_token
from focusplane.define.controls import Address
from focusplane.kernel.errors import FocusplaneError, PolicyError, UsageError

if TYPE_CHECKING:
    from focusplane.learn.rules.groups import Written

NAMED = 3
"""Objectives that one line on the terminal names; the file names them all."""
XDS, OTLP = "127.0.0.1:7601", "127.0.0.1:4318"


@click.group("export")
def export_command() -> None:
    """Configuration for other programs."""


export_command.add_command(openslo_export)
export_command.add_command(sloth_export)
export_command.add_command(grafana_export)
export_command.add_command(driver_export)


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


_METRICS = click.option(
    "--metrics",
    type=click.Choice(["auto", "otel", "focus"]),
    default="auto",
    show_default=True,
    help="whose metrics hold native counts: OpenTelemetry's by boundary, or our SDK's by focus_id",
)
_SCRAPE = click.option(
    "--scrape-interval", default="15s", show_default=True, help="of the targets: the outage pair holds four"
)


@export_command.command("prometheus")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@_METRICS
@_SCRAPE
@click.option("--json", "as_json", is_flag=True, help="the same: a rule file is YAML")
def prometheus(paths: tuple[Path, ...], metrics: str, scrape_interval: str, as_json: bool) -> None:
    """Recording and alerting rules for every objective: focus export prometheus DIR > rules.yml."""
    from focusplane.learn.rules.document import rule_file

    click.echo(rule_file(_written(paths, metrics, scrape_interval)), nl=False)


@export_command.command("prometheusrule")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@_METRICS
@_SCRAPE
@click.option("--name", default="focusplane", show_default=True, help="of the resource")
@click.option(
    "--label", "labels", multiple=True, metavar="KEY=VALUE", help="what your Prometheus selects rules by"
)
@click.option("--json", "as_json", is_flag=True, help="the same: a resource is YAML")
def prometheusrule(paths: tuple[Path, ...], metrics: str, scrape_interval: str, **more: Any) -> None:
    """The same as a PrometheusRule of the Prometheus operator."""
    from focusplane.learn.rules.document import prometheus_rule

    told = dict(label.partition("=")[::2] for label in more["labels"])
    click.echo(prometheus_rule(_written(paths, metrics, scrape_interval), more["name"], told), nl=False)


def _written(paths: tuple[Path, ...], metrics: str, scrape_interval: str) -> "Written":
    from focusplane.cli.policy_set import good
    from focusplane.kernel.quantity import parse_duration
    from focusplane.learn.rules.counting import Metrics
    from focusplane.learn.rules.groups import rules_of

    try:
        every_ms = parse_duration(scrape_interval)
    except ValueError as error:
        raise UsageError(str(error), "such as 15s") from error
    focuses = [focus for path in paths for focus in good(path).policies.focuses.values()]
    written = rules_of(focuses, Metrics(metrics), every_ms)
    for one in written.missing:
        click.echo(f"not carried over  {one.told(NAMED)}", err=True)
    return written
