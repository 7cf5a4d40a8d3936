"""What a policy says of a flag, and what a state of its control means beside that (decision 11)."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from focusplane.control.state import ControlState, FlagState, Off
from focusplane.define.controls import Flag
from focusplane.define.focus import Focus

Declared = Mapping[str, Mapping[str, Flag]]
"""Focus -> key -> flag."""


def declared_of(focuses: Mapping[str, Focus]) -> Declared:
    """The flags of every focus."""
    return {name: flags_of(focus) for name, focus in focuses.items()}


def flags_of(focus: Focus) -> Mapping[str, Flag]:
    """The flags of a focus; one that names no owner belongs to the owner of the focus."""
    return {
        key: flag if flag.owner else replace(flag, owner=focus.owner)
        for key, flag in focus.controls.flags.items()
    }


def asks(flag: Flag) -> frozenset[str]:
    """The attributes that its rules and its percentage read."""
    return frozenset({flag.by, *(test.attribute for rule in flag.rules for test in rule.when.tests)})


def declared_state(flag: Flag) -> FlagState:
    """What the board says of a flag that nobody moved.

    Rules whose rest gets `off` are no kill: that is `off` for nobody, and the rules stand.
    """
    if flag.aimed and flag.default == flag.off:
        return FlagState(flag.off, Fraction(0))
    return FlagState(flag.default, flag.percentage)


def wanted(flag: Flag, state: ControlState | None) -> FlagState:
    """The state of a flag: the board's, else the declared one. What makes no sense kills."""
    if state is None or isinstance(state, Off):
        return declared_state(flag)
    sound = isinstance(state, FlagState) and state.variant in flag.variants
    return state if sound and isinstance(state, FlagState) else FlagState(flag.off)


def others(flag: Flag, state: FlagState) -> str:
    """What is served outside the percentage."""
    return state.rest if state.rest in flag.variants else flag.off


def killed(flag: Flag, state: FlagState) -> bool:
    """`off` was set for everybody, against what is declared: no rule and no schedule stands."""
    if state.variant != flag.off:
        return False
    return flag.default != flag.off or (flag.aimed and state.percentage > 0)


def already(flag: Flag, state: FlagState, variant: str) -> bool:
    """Setting this variant would change nothing. Of a flag whose rules serve others besides `off`, only a kill is off."""
    if variant == flag.off and flag.aimed:
        return killed(flag, state)
    return state.variant == variant
