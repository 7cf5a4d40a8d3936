"""Follow something on a plane until it has ended: one line for each change, also while the plane is away for a while."""

import time
from collections.abc import Callable, Iterator

import click

from focusplane.cli.output import Shown
from focusplane.kernel.errors import UnavailableError, UnreachableError, UsageError
from focusplane.kernel.quantity import parse_duration

LOOK_S = 1.0
AWAY_S = 300.0
"""A plane that starts anew may be away for so long; what it was told goes on meanwhile."""


def looks(look: Callable[[], Shown], seconds: float) -> Iterator[Shown]:
    """What each look shows, for so long. Raises `UnreachableError` when the plane was never there, or stays away."""
    ends, seen = time.monotonic() + seconds, -AWAY_S
    while True:
        try:
            shown = look()
            seen = time.monotonic()
            yield shown
        except (UnreachableError, UnavailableError) as error:
            if time.monotonic() - seen > AWAY_S:
                raise
            click.echo(f"{error.what}; trying again", err=True)
        if time.monotonic() >= ends:
            return
        time.sleep(LOOK_S)


def seconds_of(text: str, option: str) -> float:
    """`30m` -> 1800.0. Raises `UsageError`."""
    try:
        return parse_duration(text) / 1000
    except ValueError as error:
        raise UsageError(f"{option}: {error}", "such as 30m or 2h") from error
