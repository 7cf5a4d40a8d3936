"""Tokens of people, applications and senders of telemetry: made, listed and removed in the data directory."""

from pathlib import Path

import click

from focusplane.cli.output import Output, table

ROLES = ("admin", "operator", "approver", "viewer", "sdk", "ingest", "judge")
_in_data = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".focus"),
    show_default=True,
    envvar="FOCUS_DATA",
    help="of the plane; it need not run",
)
_json = click.option("--json", "as_json", is_flag=True)


@click.group("token")
def token_command() -> None:
    """Who may ask, and who may send telemetry. A running plane takes changes up at its next request."""


@token_command.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option(
    "--environment", default="", help="what this sender's telemetry is of, whatever it says (ingest, sdk)"
)
@click.option("--tenant", default="", help="whose requests it counts, whatever it says (ingest, sdk)")
@_in_data
@_json
def add_token(name: str, role: str, environment: str, tenant: str, data: Path, as_json: bool) -> None:
    """Print a new token, this once: only its hash is kept."""
    from focusplane.define.people import Role
    from focusplane.edge import token_file

    token = token_file.add(data, name, Role(role), environment, tenant)
    Output(as_json).show({"name": name, "role": role, "token": token}, lambda: click.echo(token))


@token_command.command("list")
@_in_data
@_json
def list_tokens(data: Path, as_json: bool) -> None:
    """Names, roles and bindings; never a token."""
    from focusplane.edge import token_file

    rows = [
        {"name": one.name, "role": one.role.value, "environment": one.environment, "tenant": one.tenant}
        for one in token_file.held(data)
    ]
    columns = ["NAME", "ROLE", "ENVIRONMENT", "TENANT"]
    Output(as_json).show(
        {"items": rows, "next": None}, lambda: table(columns, [list(row.values()) for row in rows])
    )


@token_command.command("remove")
@click.argument("name")
@_in_data
def remove_token(name: str, data: Path) -> None:
    """From the next request on nobody gets in with it; sessions of the pages that it opened end, too."""
    from focusplane.edge import token_file

    token_file.remove(data, name)
    click.echo(f"{name} is removed", err=True)
