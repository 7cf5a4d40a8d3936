"""Controls from the command line."""

import json
from typing import Any

import click

from focusplane.cli.output import Shown, table
from focusplane.cli.remote import Remote, asks
from focusplane.kernel.errors import UsageError
from focusplane.kernel.quantity import format_duration
from focusplane.wire.json_door import storable


@click.group("control")
def control_command() -> None:
    """Set, clear and list controls: flag.KEY, traffic, throttle, quota, breaker.NAME, fallback."""


@control_command.command("list")
@click.argument("focus", default="")
@asks
def list_controls(remote: Remote, focus: str) -> None:
    """What each control is set to, overridden ones first."""
    list_controls_of(remote, remote.get("/api/v1/controls", focus=focus, limit=1000))


@control_command.command("set", context_settings={"ignore_unknown_options": True})
@click.argument("focus")
@click.argument("control")
@click.argument("state")
@click.option("--for", "lasts", help="how long; throttles, quotas and fallbacks need it")
@click.option("--reason", required=True)
@asks
def set_control(remote: Remote, focus: str, control: str, state: str, lasts: str | None, reason: str) -> None:
    """STATE as policies write it: 100/s, off, on, open, v1=95%,v2=5%, or JSON."""
    body = {"state": read_state(control, state), "reason": reason, "for": lasts}
    tell_control(remote, remote.put(f"/api/v1/controls/{focus}/{control}", body))


@control_command.command("clear")
@click.argument("focus")
@click.argument("control")
@click.option("--reason", default="")
@asks
def clear_control(remote: Remote, focus: str, control: str, reason: str) -> None:
    """Back to what the policy declares."""
    tell_control(remote, remote.delete(f"/api/v1/controls/{focus}/{control}", reason=reason))


def read_state(control: str, text: str) -> dict[str, Any]:
    """`100/s` of a throttle -> `{"rate": "100/s"}`. Raises `UsageError` for what no control of that name takes."""
    if text.startswith("{"):
        try:
            state = dict(json.loads(text))
        except (ValueError, RecursionError) as error:
            raise UsageError(
                f"{text[:80]!r} is not JSON: {error}", """such as '{"rate": "100/s"}'"""
            ) from error
        storable(state, "STATE")
        return state
    kind = control.partition(".")[0]
    match kind:
        case "flag":
            return {"variant": text}
        case "throttle" | "quota":
            return {"rate": text}
        case "breaker":
            return {"forced": text}
        case "fallback":
            return {"on": text in ("on", "true", "yes")}
        case "traffic":
            return {"weights": dict(_weight(part) for part in text.split(","))}
        case _:
            raise UsageError(
                f"there is no control {control!r}",
                "flag.KEY, traffic, throttle, quota, breaker.NAME, fallback",
            )


def _weight(text: str) -> tuple[str, str]:
    version, equals, share = text.partition("=")
    if not equals:
        raise UsageError(f"{text!r} is not VERSION=SHARE", "such as v1=95%,v2=5%")
    return version.strip(), share.strip()


def tell_control(remote: Remote, shown: Shown) -> None:
    remote.output.show(shown, lambda: click.echo(f"{shown['id']}  {shown['reason']}"))


def list_controls_of(remote: Remote, shown: Shown) -> None:
    def human() -> None:
        table(
            ["CONTROL", "STATE", "STANDING", "GENERATION", "REASON"],
            [
                [
                    one["target"],
                    _said(one["state"]),
                    one["standing"],
                    str(one["generation"]),
                    one["reason"],
                ]
                for one in shown["items"]
            ],
        )

    remote.output.show(shown, human)


def _said(state: Shown) -> str:
    """`on for 5%`, `v2 5%, v1 95%`, `100/s`: as people write it."""
    match state["kind"]:
        case "flag":
            whole = state["percentage"] == "100%"
            rest = f", {state['rest']} for the rest" if state.get("rest") else ""
            some = f"{state['variant']} for {state['percentage']}{rest}"
            return str(state["variant"]) if whole else some
        case "traffic":
            return ", ".join(f"{version} {share}" for version, share in state["weights"].items())
        case "throttle":
            return _rate(state["rate"]) + (f", burst {state['burst']}" if state["burst"] else "")
        case "quota":
            others = [f"{tenant} {_rate(rate)}" for tenant, rate in state["overrides"].items()]
            return ", ".join([f"{_rate(state['rate'])} each", *others])
        case "breaker":
            return state["forced"] or "its data plane decides"
        case "fallback":
            return "on" if state["on"] else "off"
        case _:
            return "off"


def _rate(rate: Shown) -> str:
    per = format_duration(rate["per_ms"])
    return f"{rate['count']}/{_PER.get(per, per)}"


_PER = {"1s": "s", "1m": "min", "1h": "h", "1d": "d"}
