"""Flags from the command line: what they serve, why, to whom; and which of them are to go."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from focusplane.cli.control import list_controls_of, tell_control
from focusplane.cli.flag_end import prune_command, stale_command
from focusplane.cli.flag_lint import lint_flags
from focusplane.cli.policy_set import Place, good
from focusplane.cli.remote import Remote, asks
from focusplane.control.board import Board
from focusplane.control.flag import Lamps
from focusplane.control.flags.context import context_of
from focusplane.control.flags.declared import Declared, declared_of
from focusplane.control.reasons import Asked, reasons
from focusplane.define.form_targeting import INSTANT
from focusplane.define.log import did_you_mean
from focusplane.kernel.errors import NotFoundError, UsageError
from focusplane.kernel.tick import SECOND
from focusplane.wire.board_json import decode
from focusplane.wire.clock import SystemClock


@click.group("flag")
def flag_command() -> None:
    """List, set, clear and kill flags, explain what they serve, and find those that are to go."""


flag_command.add_command(lint_flags)
flag_command.add_command(stale_command)
flag_command.add_command(prune_command)


@flag_command.command("list")
@click.argument("focus", default="")
@asks
def list_flags(remote: Remote, focus: str) -> None:
    """Every flag with the variant it serves."""
    shown = remote.get("/api/v1/controls", focus=focus, limit=1000)
    shown["items"] = [one for one in shown["items"] if one["control"].startswith("flag.")]
    list_controls_of(remote, shown)


@flag_command.command("set")
@click.argument("focus")
@click.argument("key")
@click.argument("variant")
@click.option("--percentage", help="of the tenants, such as 5%")
@click.option("--reason", required=True)
@asks
def set_flag(remote: Remote, focus: str, key: str, variant: str, percentage: str | None, reason: str) -> None:
    """Serve a variant, to everybody or to a percentage of the tenants; its rules still come first."""
    state = {"variant": variant, **({"percentage": percentage} if percentage else {})}
    tell_control(
        remote, remote.put(f"/api/v1/controls/{focus}/flag.{key}", {"state": state, "reason": reason})
    )


@flag_command.command("kill")
@click.argument("focus")
@click.argument("key")
@click.option("--reason", default="killed by hand", show_default=True)
@click.option("--force", is_flag=True, help="also where you have killed many within a minute")
@asks
def kill_flag(remote: Remote, focus: str, key: str, reason: str, force: bool) -> None:
    """Serve the variant that its policy calls `off` to everybody, whatever rules say, until somebody brings it back."""
    board = remote.get("/api/v1/board")
    flags = {part["name"]: part.get("flags", {}) for part in board["focuses"]}
    _known(flags, focus, key)
    state = {"variant": flags[focus][key]["off"], **({"force": True} if force else {})}
    body = {"state": state, "reason": reason}
    tell_control(remote, remote.put(f"/api/v1/controls/{focus}/flag.{key}", body))


@flag_command.command("clear")
@click.argument("focus")
@click.argument("key")
@click.option("--reason", default="")
@asks
def clear_flag(remote: Remote, focus: str, key: str, reason: str) -> None:
    """Back to what the policy declares, its schedule too."""
    tell_control(remote, remote.delete(f"/api/v1/controls/{focus}/flag.{key}", reason=reason))


@flag_command.command("explain")
@click.argument("focus")
@click.argument("key")
@click.option("--tenant", default="", help="whom it is evaluated for")
@click.option("--with", "said", multiple=True, metavar="ATTRIBUTE=VALUE", help="what rules may ask for")
@click.option("--at", default="", help="an instant such as 2026-12-01T08:00:00Z; now if left out")
@click.option(
    "--policies", type=Place, help="ask these files instead of a plane: nobody has moved anything there"
)
@click.option("--steps", is_flag=True, help="every step of the compiled rule, too")
@asks
def explain_flag(  # noqa: PLR0913  whom, when and where it is asked
    remote: Remote,
    focus: str,
    key: str,
    tenant: str,
    said: Sequence[str],
    at: str,
    policies: Path | None,
    steps: bool,
) -> None:
    """Why a tenant gets a variant: the rules in order, what they saw, and which of them decided."""
    declared, board = _there(remote, policies)
    _known(declared, focus, key)
    at_s = (_instant(at) if at else SystemClock().now_ms()) // SECOND
    asked = Asked(declared, board, context_of(tenant, dict(map(_pair, said))), at_s)
    lamp = Lamps.of(declared, board).lamps[focus][key]
    answer = lamp.evaluate(asked.context, at_s)
    lines = list(reasons(asked, focus, key))
    lines += list(lamp.explain(asked.context, at_s).lines()) if steps else []
    shown = {
        "focus": focus,
        "flag": key,
        "variant": answer.variant,
        "value": answer.value,
        "reason": str(answer.reason),
        "why": answer.why,
        "lines": lines,
    }
    remote.output.show(shown, lambda: click.echo("\n".join(lines)))


def _there(remote: Remote, policies: Path | None) -> tuple[Declared, Board]:
    if policies is not None:
        return declared_of(good(policies).policies.focuses), Board()
    snapshot = decode(remote.get("/api/v1/board"))
    return {name: part.flags for name, part in snapshot.focuses.items()}, snapshot.board


def _known(flags: Mapping[str, Mapping[str, Any]], focus: str, key: str) -> None:
    if focus not in flags:
        raise NotFoundError(f"there is no focus {focus!r}", did_you_mean(focus, list(flags)))
    if key not in flags[focus]:
        hint = did_you_mean(key, list(flags[focus]))
        raise NotFoundError(f"{focus} declares no flag {key!r}", hint)


def _pair(text: str) -> tuple[str, Any]:
    """`age=7` is a number, `beta=true` a truth; everything else is text."""
    attribute, equals, value = text.partition("=")
    if not equals or not attribute:
        raise UsageError(f"{text!r} is not ATTRIBUTE=VALUE", "such as region=eu")
    try:
        found = json.loads(value)
    except ValueError:
        return attribute, value
    return attribute, found if isinstance(found, bool | int) else value


def _instant(text: str) -> int:
    try:
        return INSTANT.parse(text)[0]
    except ValueError as error:
        raise UsageError(str(error), INSTANT.hint) from error
