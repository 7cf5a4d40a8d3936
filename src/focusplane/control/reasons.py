"""Why somebody gets a variant, step by step and in the words of the policy."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from focusplane.control.board import Board, Entry
from focusplane.control.flag import Lamps
from focusplane.control.flags.bucketing import bucket, key_of
from focusplane.control.flags.declared import Declared, killed, others, wanted
from focusplane.control.flags.drawing import Generation
from focusplane.control.flags.entry import Part, entry
from focusplane.control.flags.logic import TARGETING_KEY, condition
from focusplane.control.flags.operators import look_up
from focusplane.control.flags.trace import shown
from focusplane.control.split import TOTAL
from focusplane.control.state import FlagState
from focusplane.define.controls import Flag
from focusplane.define.targeting import TENANT, When
from focusplane.kernel.quantity import format_percent
from focusplane.kernel.tick import SECOND

_PART = Part(Generation.V2, {})


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: who, and when (Unix seconds)."""

    declared: Declared
    board: Board
    context: Mapping[str, Any]
    at_s: int


def reasons(asked: Asked, focus: str, key: str) -> Iterator[str]:
    """Each thing that was looked at, up to the one that decided; then the answer. Raises `KeyError` for no such flag."""
    flag = asked.declared[focus][key]
    control = asked.board.entries.get(f"{focus}/flag.{key}")
    state = wanted(flag, control.state if control is not None else None)
    yield _standing(focus, flag, control)
    yield from (f"  {line}" for line in _way(asked, focus, flag, state, control))
    lamp = Lamps.of(asked.declared, asked.board).lamps[focus][key]
    answer = lamp.evaluate(asked.context, asked.at_s)
    yield f"{answer.variant} = {shown(answer.value)}  ({answer.reason}: {answer.why})"


def fits(when: When, context: Mapping[str, Any]) -> bool:
    """Whether a condition holds."""
    rule = {"if": [condition(when), "yes", "no"]}
    made = {
        "state": "ENABLED",
        "variants": {"yes": True, "no": False},
        "defaultVariant": "no",
        "targeting": rule,
    }
    return entry("condition", made, _PART).evaluate(context, None).value is True


def _standing(focus: str, flag: Flag, control: Entry | None) -> str:
    if control is None:
        return f"flag {focus}/{flag.key}, as the policy declares it"
    whose = f"set by {control.cause}: {control.reason}" if control.overridden else "as the policy declares it"
    return f"flag {focus}/{flag.key}, revision {control.generation}, {whose}"


def _way(asked: Asked, focus: str, flag: Flag, state: FlagState, control: Entry | None) -> Iterator[str]:
    if killed(flag, state):
        yield f"killed: everybody gets {flag.off}"
        return
    met = yield from _needs(asked, focus, flag)
    ruled = met and (yield from _rules(asked, focus, flag))
    if met and not ruled:
        moved = control is not None and control.overridden
        timed = yield from _schedule(asked, focus, flag, moved)
        if not timed:
            yield from _stands(asked, focus, flag, state)


def _needs(asked: Asked, focus: str, flag: Flag) -> Generator[str, None, bool]:
    """Whether every prerequisite is met."""
    for name, enough in flag.requires.items():
        there, _, key = name.rpartition("/")
        lamp = Lamps.of(asked.declared, asked.board).lamp(there or focus, key)
        has = lamp.evaluate(asked.context, asked.at_s).variant if lamp is not None else "nothing"
        yield f"requires {name} {' or '.join(enough)}: it is {has}"
        if has not in enough:
            return False
    return True


def _rules(asked: Asked, focus: str, flag: Flag) -> Generator[str, None, bool]:
    """Whether a rule decided."""
    for number, rule in enumerate(flag.rules, start=1):
        found = fits(rule.when, asked.context)
        yield f"rule {number}, {rule.when}: {'fits' if found else 'no'}{_saw(rule.when, asked.context)}"
        if found and len(rule.serve) > 1:
            yield _bucket(asked, focus, flag, rule.served, "")
        if found:
            return True
    return False


def _schedule(asked: Asked, focus: str, flag: Flag, moved: bool) -> Generator[str, None, bool]:
    """Whether the clock decided; where the budget has a say it never does, the board then says what holds."""
    if flag.exposure:
        return False
    begun = [step for step in flag.schedule if step.at <= asked.at_s * SECOND]
    if begun and not moved:
        yield f"schedule: {begun[-1]}"
        yield _bucket(asked, focus, flag, f"{flag.default} {format_percent(begun[-1].percentage)}", "")
        return True
    if flag.schedule:
        waits = "it waits while somebody has set the flag" if moved else f"begins {flag.schedule[0].said}"
        yield f"schedule: {waits}"
    return False


def _stands(asked: Asked, focus: str, flag: Flag, state: FlagState) -> Iterator[str]:
    if state.variant != flag.off:
        said = f"{state.variant} {format_percent(state.percentage)}, else {others(flag, state)}"
        yield _bucket(asked, focus, flag, said, state.salt)
    if asked.context.get(TARGETING_KEY) in state.pinned:
        yield f"{asked.context[TARGETING_KEY]} is named: it gets {state.variant} first"


def _saw(when: When, context: Mapping[str, Any]) -> str:
    names = dict.fromkeys(test.attribute for test in when.tests)
    seen = [f"{name} {_value(name, context)}" for name in names]
    return f" ({', '.join(seen)})" if seen else ""


def _value(name: str, context: Mapping[str, Any]) -> str:
    found = look_up(context, TARGETING_KEY if name == TENANT else name)
    return "is missing" if found is None or found == "" else f"is {shown(found)}"


def _bucket(asked: Asked, focus: str, flag: Flag, said: str, salt: str) -> str:
    who = look_up(asked.context, TARGETING_KEY if flag.by == TENANT else flag.by)
    if not who:
        return f"percentage by {flag.by}: {said}; {flag.by} is missing"
    key = key_of(focus, flag.key, str(who), salt)
    at = bucket(key, TOTAL)
    return f"percentage by {flag.by}: {said}; {shown(who)} stands at {at / 100:g}% of the way"
