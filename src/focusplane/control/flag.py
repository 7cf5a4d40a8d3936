"""Flag evaluation: a kill, a sticky percentage, and always the reason."""

from focusplane.control.flags.answer import Evaluated, Reason
from focusplane.control.flags.bucketing import bucket, prefix_of
from focusplane.control.flags.declared import others
from focusplane.control.flags.declared import wanted as wanted_state
from focusplane.control.split import TOTAL, integer_weights
from focusplane.control.state import ControlState, FlagState, Off
from focusplane.define.controls import Flag

__all__ = ["Evaluated", "Lamp", "Reason", "evaluate"]


class Lamp:
    """One flag under one board state, with every possible answer made beforehand. Never changes."""

    __slots__ = ("_inside", "_limit", "_named", "_nobody", "_outside", "_pinned", "_prefix")

    def __init__(self, focus: str, flag: Flag, state: ControlState) -> None:
        wanted = wanted_state(flag, None) if isinstance(state, Off) else state
        self._prefix = prefix_of(focus, flag.key, wanted.salt if isinstance(wanted, FlagState) else "")
        self._limit, self._pinned = TOTAL, frozenset[str]()
        self._inside = self._outside = self._nobody = _served(
            flag, flag.off, Reason.ERROR, "not a flag's state"
        )
        if not isinstance(wanted, FlagState):
            return
        if wanted.variant not in flag.variants:
            self._inside = _served(flag, flag.off, Reason.ERROR, f"variant {wanted.variant} is not declared")
        elif wanted.variant == flag.off:
            killed = Reason.DISABLED if flag.default != flag.off else Reason.STATIC
            self._inside = _served(flag, flag.off, killed, "the off variant is set")
        elif wanted.percentage == 1:
            self._inside = _served(flag, wanted.variant, Reason.STATIC, "everybody has it")
        else:
            self._split(flag, wanted)

    def _split(self, flag: Flag, state: FlagState) -> None:
        rest, self._pinned = others(flag, state), frozenset(state.pinned)
        self._limit = integer_weights({"on": state.percentage, "off": 1 - state.percentage})["on"]
        self._inside = _served(flag, state.variant, Reason.SPLIT, "inside the percentage")
        self._named = _served(flag, state.variant, Reason.SPLIT, "first by name")
        self._outside = _served(flag, rest, Reason.SPLIT, "outside the percentage")
        self._nobody = _served(flag, rest, Reason.DEFAULT, "no tenant to split by")

    def evaluate(self, tenant: str) -> Evaluated:
        """The same tenant gets the same answer on every instance; a growing percentage takes it from nobody."""
        if self._limit == TOTAL:
            return self._inside
        if not tenant:
            return self._nobody
        if tenant in self._pinned:
            return self._named
        return self._inside if bucket(self._prefix + tenant, TOTAL) < self._limit else self._outside


def evaluate(focus: str, flag: Flag, state: ControlState, tenant: str) -> Evaluated:
    """One evaluation. `Lamp` keeps the preparations for many."""
    return Lamp(focus, flag, state).evaluate(tenant)


def _served(flag: Flag, variant: str, reason: Reason, why: str) -> Evaluated:
    return Evaluated(flag.variants.get(variant), variant, reason, why)
