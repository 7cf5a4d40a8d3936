"""Ticket: one objective degrades within what its budget bears; work for daylight, with a beginning and an end."""

from dataclasses import dataclass

from focusplane.define.slo import Level


@dataclass(frozen=True, slots=True)
class Ticket:
    """One for each objective and episode; times are Unix ms. `level` is the gravest that was reached, `hushed` why nobody
    was told; `calm_since` is 0 while it degrades on, or cannot be seen.
    """

    id: str
    focus: str
    objective: str
    level: Level
    reason: str
    opened_at: int
    calm_since: int = 0
    closed_at: int = 0
    hushed: str = ""
    group: str = ""
    """such as `tenant=acme`; empty for the whole objective"""
