"""Flags ready to be evaluated: compiled from the document that is served, with every possible answer worded beforehand."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from focusplane.control.board import Board, apply, declare
from focusplane.control.command import ControlId, Set
from focusplane.control.flags.answer import Evaluated, Reason
from focusplane.control.flags.declared import Declared, declared_state, killed, others, wanted
from focusplane.control.flags.document import NAMED, NEEDS, UNNAMED, document, mark, named
from focusplane.control.flags.entry import Entry
from focusplane.control.flags.logic import TARGETING_KEY
from focusplane.control.flags.ruleset import NO_CONTEXT, Ruleset
from focusplane.control.flags.trace import Explanation, explained
from focusplane.control.state import ControlState, FlagState, Off
from focusplane.define.controls import Flag, kind_of
from focusplane.define.targeting import TENANT

LONGEST_WHY = 200
"""Characters of a reason that is sent along."""
__all__ = ["Evaluated", "Lamp", "Lamps", "Reason", "by_tenant", "lamp_of"]


@dataclass(frozen=True, slots=True)
class Lamp:
    """One flag under one board. Never changes."""

    name: str
    """Its key in the served document."""
    entry: Entry
    off: Evaluated
    """What is served where the rule fails."""
    revision: str
    """The generation of its control; empty while no board knows it."""

    static: bool
    """Everybody gets the same."""
    timed: bool
    """What it serves changes with the clock alone."""

    def evaluate(self, context: Mapping[str, Any] = NO_CONTEXT, at_s: int | None = None) -> Evaluated:
        """The same who gets the same answer on every instance; a growing percentage takes it from nobody.

        `at_s` is Unix time; a flag with a schedule needs it.
        """
        found = self.entry.evaluate(context, at_s)
        if found.reason is Reason.ERROR and not found.variant:
            return replace(self.off, why=found.why)
        return found

    def explain(self, context: Mapping[str, Any] = NO_CONTEXT, at_s: int | None = None) -> Explanation:
        """The same with every step of its rule."""
        return explained(self.entry, context, at_s)


@dataclass(frozen=True, slots=True)
class Lamps:
    """Every flag of some focuses, as it is served now. Never changes."""

    ruleset: Ruleset = field(default_factory=Ruleset)
    lamps: Mapping[str, Mapping[str, Lamp]] = field(default_factory=dict)
    """Focus -> key -> lamp."""

    @staticmethod
    def of(declared: Declared, board: Board, previous: "Lamps | None" = None) -> "Lamps":
        """Compiles what is not the same as in `previous`."""
        told = _evaluable(document(declared, board, marked=True), declared)
        ruleset = Ruleset.of(told, previous.ruleset if previous is not None else None)
        lamps: dict[str, dict[str, Lamp]] = {focus: {} for focus in declared}
        for name, focus, flag in named(declared):
            entry = ruleset.flags.get(name)
            if entry is None or name in ruleset.faults:
                continue
            control = board.entries.get(f"{focus}/flag.{flag.key}")
            answers = _worded(flag, control.state if control is not None else Off(), entry)
            off = Evaluated(flag.variants.get(flag.off), flag.off, Reason.ERROR)
            revision = str(control.generation) if control is not None else ""
            worded = replace(entry, answers=answers)
            lamps[focus][flag.key] = Lamp(name, worded, off, revision, entry.rule is None, entry.timed)
        return Lamps(ruleset, lamps)

    def lamp(self, focus: str, key: str) -> Lamp | None:
        return self.lamps.get(focus, {}).get(key)


def lamp_of(focus: str, flag: Flag, state: ControlState) -> Lamp:
    """One flag under one state, as if no other were declared. Raises `KeyError` for one that cannot be compiled."""
    target = ControlId(focus, f"flag.{flag.key}")
    board = declare(Board(), target, declared_state(flag))
    if not isinstance(state, Off):
        board = apply(board, Set(target, state, "", ""))
    return Lamps.of({focus: {flag.key: flag}}, board).lamps[focus][flag.key]


def by_tenant(focus: str, flag: Flag, state: ControlState) -> Callable[[str], str] | None:
    """The variant of a tenant; None where more than the tenant decides."""
    if flag.by != TENANT or flag.aimed:
        return None
    lamp = lamp_of(focus, flag, state)
    return lambda tenant: lamp.evaluate({TARGETING_KEY: tenant}).variant


def _evaluable(told: dict[str, Any], declared: Declared) -> dict[str, Any]:
    """Variants of several types, or of none that OpenFeature has, go by their names: only our own clients take those."""
    odd = {
        name: flag
        for name, _, flag in named(declared)
        if len({kind_of(value) for value in flag.variants.values()} - {""}) != 1
        or any(not kind_of(value) for value in flag.variants.values())
    }
    if not odd:
        return told
    flags = dict(told["flags"])
    for name, flag in odd.items():
        values = json.dumps(dict(flag.variants), default=str)
        flags[name] = {
            **flags[name],
            "variants": {variant: variant for variant in flags[name]["variants"]},
            "metadata": {**flags[name]["metadata"], "values": values},
        }
    return {**told, "flags": flags}


def _worded(flag: Flag, state: ControlState, entry: Entry) -> Mapping[str | None, Evaluated]:
    """The answers with the reason that holds for this flag under this state."""
    fallback = entry.answers[None].variant
    if isinstance(state, FlagState) and state.variant not in flag.variants:
        return {None: _says(flag, flag.off, Reason.ERROR, f"variant {state.variant} is not declared")}
    if not isinstance(state, FlagState | Off):
        return {None: _says(flag, flag.off, Reason.ERROR, "not a flag's state")}
    now = wanted(flag, state)
    if killed(flag, now):
        return {None: _says(flag, flag.off, Reason.DISABLED, "the off variant is set")}
    if entry.rule is None:
        return {None: _says(flag, fallback, Reason.STATIC, _static(flag, now, fallback))}
    nobody = _says(flag, fallback, Reason.DEFAULT, f"no {flag.by} to split by")
    return {None: nobody, **_by_share(flag, now), **_by_name(flag, now), **_by_rule(flag)}


def _by_share(flag: Flag, now: FlagState) -> dict[str | None, Evaluated]:
    if not (0 < now.percentage < 1 or any(0 < step.percentage < 1 for step in flag.schedule)):
        return {one: _says(flag, one, Reason.STATIC, "no rule is for them") for one in flag.variants}
    inside: dict[str | None, Evaluated] = {
        one: _says(flag, one, Reason.SPLIT, "inside the percentage") for one in flag.variants
    }
    rest = others(flag, now)
    return {**inside, rest: _says(flag, rest, Reason.SPLIT, "outside the percentage")}


def _by_name(flag: Flag, now: FlagState) -> dict[str | None, Evaluated]:
    """A step of tenants by name splits them too: those who are named, and all others who could have been."""
    if not now.pinned:
        return {}
    rest = others(flag, now)
    named = _says(flag, now.variant, Reason.SPLIT, "its rollout names this tenant")
    answers: dict[str | None, Evaluated] = {mark(now.variant, NAMED): replace(named, named=True)}
    answers[mark(rest, UNNAMED)] = _says(flag, rest, Reason.SPLIT, "its rollout names other tenants")
    if not now.percentage:
        answers[rest] = _says(flag, rest, Reason.DEFAULT, "its rollout names tenants, and there is none")
    return answers


def _by_rule(flag: Flag) -> dict[str | None, Evaluated]:
    answers: dict[str | None, Evaluated] = {}
    for number, rule in enumerate(flag.rules, start=1):
        why = f"rule {number}: {rule.when}"[:LONGEST_WHY]
        for variant in rule.serve:
            answers[mark(variant, number)] = _says(flag, variant, Reason.TARGETING_MATCH, why)
    needs = ", ".join(f"{key} {' or '.join(enough)}" for key, enough in flag.requires.items())
    unmet = _says(flag, flag.off, Reason.DEFAULT, f"it requires {needs}"[:LONGEST_WHY])
    return {**answers, mark(flag.off, NEEDS): unmet}


def _says(flag: Flag, variant: str, reason: Reason, why: str) -> Evaluated:
    return Evaluated(flag.variants.get(variant), variant, reason, why)


def _static(flag: Flag, state: FlagState, served: str) -> str:
    if served != flag.off:
        return "everybody has it"
    if flag.requires and state.variant != flag.off and state.percentage:
        return "nobody meets its prerequisites"
    return "the off variant is set" if state.variant == flag.off else "nobody has it yet"
