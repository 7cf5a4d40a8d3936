"""Running: a plane, or the demo."""

import logging
import sys
from pathlib import Path

import click

from focusplane.cli.settings import settings_options
from focusplane.plane.settings import Settings


@click.command("serve")
@settings_options
@click.option("--verbose", is_flag=True, help="log what the libraries say, too")
def serve_command(settings: Settings, verbose: bool) -> None:
    """Run a plane on a directory of policies, until SIGTERM or Ctrl-C."""
    from focusplane.assembly import serve

    logging.basicConfig(
        stream=sys.stderr, level=logging.DEBUG if verbose else logging.INFO, format="%(message)s"
    )
    raise click.exceptions.Exit(serve(settings))


SCENARIOS = {
    "s1": "versions behind an Envoy: one is bad, one is good, one dies",
    "u1": "a payment provider fails in one region alone",
    "u4": "a schema migration that hurts (needs a PostgreSQL)",
    "u6": "a mobile feature that crashes, mended and launched again",
    "u8": "a search ranking that is worse for one language",
    "u10": "models: one predicts badly, one is too dear, one is good",
    "s2": "a serverless parser: too dear, then broken, then good",
}
_WORDS = """A scenario on real traffic; s1, a bad version taken back and a good one promoted, if you name none.

Exit 0 only if everything that it promises was held. With a fault: a minute in which that breaks in the middle of
s1, what was promised for it, and what happened.

\b
""" + "\n".join(f"{name:<4} {what}" for name, what in SCENARIOS.items())
FAULTS = ("kill-plane", "kill-envoy", "telemetry-stops", "disk-full")


@click.command("demo", help=_WORDS)
@click.argument("scenario", type=click.Choice(list(SCENARIOS)), default="s1")
@click.option("--fault", type=click.Choice(FAULTS), help="break this in the middle of a rollout instead")
@click.option("--keep", is_flag=True, help="leave everything running, with a link to the page")
@click.option("--json", "as_json", is_flag=True, help="the record as JSON")
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), help="where to work (default: a new folder)"
)
def demo_command(scenario: str, fault: str | None, keep: bool, as_json: bool, data: Path | None) -> None:
    from focusplane.demo.play import Options, play
    from focusplane.demo.scenarios import scenario_of

    raise click.exceptions.Exit(play(scenario_of(scenario, fault), Options(keep, as_json, data)))
