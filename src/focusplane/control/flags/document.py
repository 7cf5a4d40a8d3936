"""The flagd document: every flag as it is served now, made of what is declared and what the board says.

A kill is an enabled flag with its off variant and no targeting: flagd's own DISABLED would serve the caller's default.
Bucketing keys are spelt out, because clients of different generations do not agree about the short form.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction

from focusplane.control.board import Board
from focusplane.control.split import integer_weights
from focusplane.control.state import ControlState, FlagState
from focusplane.define.controls import Flag
from focusplane.kernel.ids import Json

SCHEMA = "https://flagd.dev/schema/v0/flags.json"
SET_ID = "focusplane"
Declared = Mapping[str, Mapping[str, Flag]]
"""Focus -> key -> flag."""


def document(declared: Declared, board: Board) -> dict[str, Json]:
    """A flagd flag set. Equal for boards that serve the same; `revision` is the generation of the flag's control."""
    flags: dict[str, Json] = {name: _entry(focus, flag, board) for name, focus, flag in named(declared)}
    return {"$schema": SCHEMA, "metadata": {"flagSetId": SET_ID}, "flags": flags}


def named(declared: Declared) -> Iterator[tuple[str, str, Flag]]:
    """Each flag under its own key where only one focus declares it, else as `focus.flag`."""
    every = [(focus, flag) for focus, flags in declared.items() for flag in flags.values()]
    times = Counter(flag.key for _, flag in every)
    for focus, flag in every:
        yield (f"{focus}.{flag.key}" if times[flag.key] > 1 else flag.key), focus, flag


def _entry(focus: str, flag: Flag, board: Board) -> dict[str, Json]:
    control = board.entries.get(f"{focus}/flag.{flag.key}")
    state = wanted(flag, control.state if control is not None else None)
    metadata: dict[str, Json] = {
        "focus": focus,
        "owner": flag.owner,
        "revision": control.generation if control is not None else 0,
    }
    if killed(flag, state):
        metadata["killed"] = True
    served: dict[str, Json] = {
        "state": "ENABLED",
        "variants": dict(flag.variants),
        "defaultVariant": flag.off,
        "metadata": metadata,
    }
    if state.percentage == 1:
        served["defaultVariant"] = state.variant
    elif state.variant != flag.off:
        served["targeting"] = split(focus, flag, state)
    return served


def wanted(flag: Flag, state: ControlState | None) -> FlagState:
    """The state of a flag: the board's, else the declared one; what makes no sense serves `off` to everybody."""
    if isinstance(state, FlagState):
        return state if state.variant in flag.variants else FlagState(flag.off)
    return FlagState(flag.default, flag.percentage)


def killed(flag: Flag, state: FlagState) -> bool:
    """Its off variant was set although another one is declared."""
    return state.variant == flag.off != flag.default


def split(focus: str, flag: Flag, state: FlagState) -> Json:
    """The wanted variant for a share of the tenants, the off variant for the others and where there is no tenant.

    The wanted variant comes first, so that a growing percentage takes it from nobody.
    """
    shares = {state.variant: state.percentage, flag.off: Fraction(1) - state.percentage}
    weights: list[Json] = [[variant, weight] for variant, weight in integer_weights(shares).items()]
    who: Json = {"var": "targetingKey"}
    key: Json = {"cat": [f"{focus}:{flag.key}:", who]}
    return {"if": [who, {"fractional": [key, *weights]}, None]}
