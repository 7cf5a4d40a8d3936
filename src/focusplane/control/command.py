"""Command: the only vocabulary that may change a control."""

from dataclasses import dataclass

from focusplane.control.state import ControlState


@dataclass(frozen=True, slots=True)
class ControlId:
    """`control` is `flag.KEY`, `traffic`, `throttle`, `quota`, `breaker.NAME` or `fallback`."""

    focus: str
    control: str

    def __str__(self) -> str:
        return f"{self.focus}/{self.control}"


@dataclass(frozen=True, slots=True)
class Set:
    """Move the control to `state`; `expires_at` (Unix ms) None means that it sticks until somebody moves it."""

    target: ControlId
    state: ControlState
    reason: str
    cause: str
    """The key of the action or request behind it."""
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class Clear:
    """Back to the declared state."""

    target: ControlId
    reason: str
    cause: str


Command = Set | Clear
