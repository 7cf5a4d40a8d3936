"""What every flag service is to us: a flag that is on for a percentage, read and written."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from focusplane.control.state import FlagState
from focusplane.define.controls import Flag
from focusplane.define.flag_driver import FlagDriver
from focusplane.kernel.errors import RefusedError


@dataclass(frozen=True, slots=True)
class Wanted:
    """So many whole percents of whoever asks get it on. `moved` means that somebody asked for it, not the policy."""

    focus: str
    flag: Flag
    driver: FlagDriver
    state: FlagState
    moved: bool = False
    reason: str = ""

    @property
    def percent(self) -> int:
        """Raises `RefusedError` for what another service cannot be told."""
        flag, state = self.flag, self.state
        if state.variant not in flag.variants or state.variant == flag.off:
            return 0
        if state.pinned:
            raise RefusedError(f"{self.driver} splits by percentage only, and tenants are named")
        share = state.percentage if state.rest in ("", flag.off) else Fraction(1)
        exact = share * 100
        if exact.denominator != 1 or not 0 <= exact <= 100:
            raise RefusedError(
                f"{self.driver} takes whole percents from 0 to 100, and this is {float(exact):g}%"
            )
        return int(exact)

    @property
    def comment(self) -> str:
        return f"focus {self.focus}: {self.reason}"[:500]


@dataclass(frozen=True, slots=True)
class Found:
    """What it serves now. `percent` is -1 where that is no percentage, and `why` says what it is."""

    percent: int
    why: str = ""

    def __str__(self) -> str:
        return self.why or ("off" if self.percent == 0 else f"on for {self.percent}%")


class Service(Protocol):
    """One flag service."""

    async def read(self, driver: FlagDriver) -> Found: ...

    async def write(self, wanted: Wanted) -> None:
        """Once. Raises `RefusedError` where its own rules decide more than a percentage."""
        ...

    async def close(self) -> None: ...
