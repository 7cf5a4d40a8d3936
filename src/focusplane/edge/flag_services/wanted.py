"""What every flag service is to us: a flag that is on for a share, read and written."""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Protocol

from focusplane.control.state import FlagState
from focusplane.define.controls import Flag
from focusplane.define.flag_driver import FlagDriver
from focusplane.kernel.errors import RefusedError
from focusplane.kernel.quantity import format_percent
from focusplane.plane.followed import Writer


@dataclass(frozen=True, slots=True)
class Wanted:
    """A share of whoever asks gets it on. `moved` means that somebody asked for it, not the policy."""

    focus: str
    flag: Flag
    driver: FlagDriver
    state: FlagState
    moved: bool = False
    reason: str = ""

    @property
    def node(self) -> str:
        return str(self.driver)

    @property
    def serves(self) -> "Wanted":
        return replace(self, moved=False, reason="")

    @property
    def share(self) -> Fraction:
        """From 0 to 1. Raises `RefusedError` for what another service cannot be told."""
        flag, state = self.flag, self.state
        if state.variant not in flag.variants or state.variant == flag.off:
            return Fraction(0)
        if state.pinned:
            raise RefusedError(f"{self.driver} splits by percentage only, and tenants are named")
        share = state.percentage if state.rest in ("", flag.off) else Fraction(1)
        why = self.driver.too_fine(share)
        if why:
            raise RefusedError(why, f"{self.driver.nearest(share)}: nothing is rounded in silence")
        return share

    @property
    def comment(self) -> str:
        return f"focus {self.focus}: {self.reason}"[:500]


NOBODY = Writer()


@dataclass(frozen=True, slots=True)
class Found:
    """What it serves now. `share` is None where that is no share, and `why` says what it is."""

    share: Fraction | None
    why: str = ""
    writer: Writer = NOBODY
    """whose board moved it last, where a mark there says so"""

    def __str__(self) -> str:
        return self.why or said(self.share or Fraction(0))


def said(share: Fraction) -> str:
    """`off`, `on for 25%`."""
    return f"on for {format_percent(share)}" if share else "off"


class Service(Protocol):
    """One flag service."""

    async def read(self, driver: FlagDriver) -> Found: ...

    async def write(self, wanted: Wanted, mark: str) -> None:
        """Once, with the mark of our board where there is a place for it. Raises `RefusedError` where its own rules decide more than a percentage."""
        ...

    async def close(self) -> None: ...
