"""The flagd document: every flag as it is served now, made of what is declared and what the board says.

A kill is an enabled flag with its off variant and no targeting: flagd's own DISABLED would serve the caller's default.
The steps of a schedule that the budget bounds are no part of it: the plane takes them. Bucketing keys are spelt out, because clients of different generations do not agree about the short form. Segments and
prerequisites are spelt out too: no client has to look anything up.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from focusplane.control.board import Board, Entry
from focusplane.control.flags.bucketing import prefix_of
from focusplane.control.flags.declared import Declared, killed, others, wanted
from focusplane.control.flags.logic import attribute, condition
from focusplane.control.split import integer_weights
from focusplane.control.state import FlagState
from focusplane.define.controls import Flag
from focusplane.define.targeting import TENANT
from focusplane.kernel.ids import Json
from focusplane.kernel.tick import SECOND

SCHEMA = "https://flagd.dev/schema/v0/flags.json"
SET_ID = "focusplane"
CLOCK = "$flagd.timestamp"
MARK = "#"
"""No name of a variant holds it."""
NEEDS = "needs"
"""The mark of what is served where a prerequisite is not met."""
NAMED = "named"
"""The mark of what a tenant is served whom a rollout names."""
UNNAMED = "unnamed"
"""The mark of what other tenants are served while nobody but named ones has the new variant."""
MOST_MARKED = 256
"""Names of one flag; one with more goes without marks."""
DEEPEST = 8
"""Prerequisites of prerequisites; loading refuses rings and more than this."""


def document(declared: Declared, board: Board, marked: bool = False) -> dict[str, Json]:
    """A flagd flag set. Equal for boards that serve the same; `revision` is the generation of the flag's control.

    For our own evaluation it is `marked`: what a rule serves is named `VARIANT#RULE`, so that the answer knows its reason.
    """
    served = _Served(declared, board, marked)
    flags: dict[str, Json] = {name: served.entry(focus, flag) for name, focus, flag in named(declared)}
    return {"$schema": SCHEMA, "metadata": {"flagSetId": SET_ID}, "flags": flags}


def named(declared: Declared) -> Iterator[tuple[str, str, Flag]]:
    """Each flag under its own key where only one focus declares it, else as `focus.flag`."""
    every = [(focus, flag) for focus, flags in declared.items() for flag in flags.values()]
    times = Counter(flag.key for _, flag in every)
    for focus, flag in every:
        yield (f"{focus}.{flag.key}" if times[flag.key] > 1 else flag.key), focus, flag


@dataclass(frozen=True, slots=True)
class _Served:
    declared: Declared
    board: Board
    marked: bool

    def entry(self, focus: str, flag: Flag) -> dict[str, Json]:
        control = self._control(focus, flag.key)
        metadata: dict[str, Json] = {
            "focus": focus,
            "owner": flag.owner,
            "revision": control.generation if control is not None else 0,
        }
        if killed(flag, _state(flag, control)):
            metadata["killed"] = True
        told: dict[str, Json] = {"state": "ENABLED", "variants": dict(flag.variants)}
        marks = self.marks(flag, control)
        logic = self.logic(focus, flag, None, marked=bool(marks))
        if isinstance(logic, str):
            return {**told, "defaultVariant": logic, "metadata": metadata}
        if marks:
            told["variants"] = {**flag.variants, **marks}
        return {**told, "defaultVariant": flag.off, "targeting": logic, "metadata": metadata}

    def marks(self, flag: Flag, control: Entry | None) -> Mapping[str, Json]:
        """The marked names with their values; none where marks are not asked for, or are too many."""
        if not self.marked:
            return {}
        names = {mark(flag.off, NEEDS): flag.variants[flag.off]} if flag.requires else {}
        state = _state(flag, control)
        if state.pinned:
            rest = others(flag, state)
            names |= {mark(state.variant, NAMED): flag.variants[state.variant]}
            names |= {mark(rest, UNNAMED): flag.variants[rest]}
        for number, rule in enumerate(flag.rules, start=1):
            names |= {mark(variant, number): flag.variants[variant] for variant in rule.serve}
        return names if len(names) + len(flag.variants) <= MOST_MARKED else {}

    def logic(self, focus: str, flag: Flag, nobody: Json, depth: int = 0, marked: bool = False) -> Json:
        """What yields the variant; a text where everybody gets the same. `nobody` is for whom no share can be told."""
        control = self._control(focus, flag.key)
        state = _state(flag, control)
        if killed(flag, state):
            return flag.off
        branches: list[Json] = []
        for name, enough in flag.requires.items():
            gate = self._gate(focus, name, enough, depth)
            if gate is False:
                return flag.off
            if gate is not True:
                branches += [{"!": [gate]}, mark(flag.off, NEEDS) if marked else flag.off]
        for number, rule in enumerate(flag.rules, start=1):
            told = _shares(focus, flag, rule.serve, nobody, mark=f"{MARK}{number}" if marked else "")
            branches += [condition(rule.when), told]
        if not flag.exposure and (control is None or not control.overridden):
            for step in sorted(flag.schedule, key=lambda step: -step.at):
                begun: Json = {">=": [{"var": CLOCK}, -(-step.at // SECOND)]}
                branches += [begun, _percentage(focus, flag, flag.default, step.percentage, nobody)]
        rest = _stands(focus, flag, state, nobody, marked)
        return {"if": [*branches, rest]} if branches else rest

    def _gate(self, focus: str, name: str, enough: tuple[str, ...], depth: int) -> Json:
        """Whether a prerequisite is met; what nobody declares is not."""
        there, _, key = name.rpartition("/")
        flag = self.declared.get(there or focus, {}).get(key)
        if flag is None or depth >= DEEPEST:
            return False
        logic = self.logic(there or focus, flag, flag.off, depth + 1)
        return logic in enough if isinstance(logic, str) else {"in": [logic, list(enough)]}

    def _control(self, focus: str, key: str) -> Entry | None:
        return self.board.entries.get(f"{focus}/flag.{key}")


def mark(variant: str, where: int | str) -> str:
    """What a rule of that number serves, apart from the same variant served elsewhere."""
    return f"{variant}{MARK}{where}"


def _state(flag: Flag, control: Entry | None) -> FlagState:
    return wanted(flag, control.state if control is not None else None)


def _percentage(focus: str, flag: Flag, variant: str, share: Fraction, nobody: Json) -> Json:
    if variant == flag.off:
        return flag.off
    return _shares(focus, flag, {variant: share, flag.off: 1 - share}, nobody)


def _stands(focus: str, flag: Flag, state: FlagState, nobody: Json, marked: bool) -> Json:
    """What the board says: its variant by share, and first of all for those who are named."""
    if state.variant == flag.off:
        return flag.off
    rest = others(flag, state)
    shares = {state.variant: state.percentage, rest: 1 - state.percentage}
    told = _shares(focus, flag, shares, nobody if rest == flag.off else rest, state.salt)
    if not state.pinned:
        return told
    who = attribute(TENANT)
    if not marked:
        return {"if": [{"in": [who, list(state.pinned)]}, state.variant, told]}
    if isinstance(told, str):
        told = {"if": [who, mark(rest, UNNAMED), rest]}
    return {"if": [{"in": [who, list(state.pinned)]}, mark(state.variant, NAMED), told]}


def _shares(
    focus: str, flag: Flag, serve: Mapping[str, Fraction], nobody: Json, salt: str = "", mark: str = ""
) -> Json:
    """A variant by share. The off variant comes last, so that a growing share takes its variant from nobody."""
    shares = {variant: share for variant, share in serve.items() if share}
    if len(shares) == 1:
        return next(iter(shares)) + mark
    ordered = sorted(shares, key=lambda variant: variant == flag.off)
    weights: list[Json] = [
        [variant + mark, weight]
        for variant, weight in integer_weights({variant: shares[variant] for variant in ordered}).items()
    ]
    who = attribute(flag.by)
    return {"if": [who, {"fractional": [{"cat": [prefix_of(focus, flag.key, salt), who]}, *weights]}, nobody]}
