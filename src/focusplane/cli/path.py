"""How the evidence of a rollout went, in a few lines of a terminal."""

import math
from collections.abc import Sequence

import click

from focusplane.cli.output import Shown, clock, number

LIMIT = 20.0
"""1 / alpha, where the policy does not stand beside."""
_BARS = "▁▂▃▄▅▆▇█"
MOST = 60
"""Characters of one line of bars."""


def show_path(path: Shown | None, limit: float) -> None:
    """A bar for each of at most 60 moments: low is no evidence, high is the threshold; on a logarithmic scale."""
    if not path or not path["at"]:
        return
    at = path["at"]
    click.echo(f"\nhow the evidence went, {clock(at[0])} to {clock(at[-1])}; a full bar is {limit:g}")
    rows = [("harm", path["harm"], ""), ("safety", path["safe"], "")]
    for name, one in path["metrics"].items():
        worst = f"most in {one['worst']}" if one["worst"] else ""
        rows.append((f"harm, {name}", one["harm"], worst))
    strata = path["strata"] if any(path["strata"]) else {}
    rows += [(f"errors in {name or 'no route'}", values, "") for name, values in strata.items()]
    width = max(len(name) for name, _, _ in rows)
    for name, values, more in rows:
        last = number(values[-1]) or "over a million"
        click.echo(f"  {name.ljust(width)}  {_bars(values, limit)}  {last}{'  ' + more if more else ''}")
    if path["times"]:
        click.echo(f"  {'times as bad'.ljust(width)}  {path['times']}")


def _bars(values: Sequence[float | None], limit: float) -> str:
    every = -(-len(values) // MOST)
    parts = [values[place : place + every] for place in range(0, len(values), every)]
    return "".join(_bar(max(math.inf if one is None else one for one in part), limit) for part in parts)


def _bar(value: float, limit: float) -> str:
    share = 0.0 if value <= 1 else min(1.0, math.log(value) / math.log(limit)) if value < math.inf else 1.0
    return _BARS[min(len(_BARS) - 1, int(share * (len(_BARS) - 1)))]
