"""`focus export driver`: the first object for a focus whose traffic a cluster splits."""

import json
from pathlib import Path

import click

from focusplane.cli.policy_set import Place, good
from focusplane.kernel.errors import NotFoundError


@click.command("driver")
@click.argument("policies", type=Place)
@click.argument("focus")
@click.option(
    "--parent",
    default="public",
    show_default=True,
    help="the Gateway of an HTTPRoute, the Service for Linkerd",
)
@click.option("--host", default="", help="the host name that clients ask for")
def driver_export(policies: Path, focus: str, parent: str, host: str) -> None:
    """The object with every version and the initial one at 100, for `kubectl apply --server-side --field-manager=focusplane -f -`.

    Of a Rollout only the steps, to be merged into yours.
    """
    from focusplane.edge.kubernetes.manifest import manifest

    found = good(policies).policies.focuses.get(focus)
    if found is None:
        raise NotFoundError(f"{policies} declares no focus {focus!r}")
    click.echo(json.dumps(manifest(found, parent, host), indent=2))
