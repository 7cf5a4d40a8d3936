"""Whom an edit of a policy gives another variant: counted on many made-up names, and on those that rules name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from focusplane.control.board import Board
from focusplane.control.flag import Lamp, Lamps
from focusplane.control.flags.context import context_of
from focusplane.control.flags.declared import Declared
from focusplane.define.controls import Flag
from focusplane.define.targeting import TENANT
from focusplane.kernel.quantity import format_share

SAMPLE = 10_000
MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Churn:
    """Of `SAMPLE` names so many change their variant, and of those so many lose one that was not `off`."""

    focus: str
    key: str
    by: str
    changed: int
    lost: int
    rehashed: bool
    """Who is inside a percentage is drawn anew."""
    named: tuple[tuple[str, str, str], ...] = ()
    """Tenants that rules name: who, before, after."""

    @property
    def warns(self) -> bool:
        """Somebody who had something loses it."""
        return self.lost > 0 or self.rehashed

    def __str__(self) -> str:
        who = "tenants" if self.by == TENANT else f"values of {self.by}"
        told = f"{self.focus} flag.{self.key}: about {format_share(self.changed, SAMPLE, 1)} of all {who} change their variant"
        if self.lost:
            told += f", about {format_share(self.lost, SAMPLE, 1)} lose one that they have"
        if self.rehashed:
            told += "; who is inside is drawn anew"
        named = [f"{tenant} {before} -> {after}" for tenant, before, after in self.named]
        return f"{told}; by name: {', '.join(named)}" if named else told


def churn(before: Declared, after: Declared, at_s: int) -> Iterator[Churn]:
    """For every flag that both declare, where somebody's variant changes. What a board says besides does not count here."""
    old, new = Lamps.of(before, Board()), Lamps.of(after, Board())
    for focus, flags in after.items():
        for key, flag in flags.items():
            was = before.get(focus, {}).get(key)
            one, other = old.lamp(focus, key), new.lamp(focus, key)
            if was is None or one is None or other is None:
                continue
            if not _same(one, other) and (found := _counted(focus, (was, one), (flag, other), at_s)):
                yield found


def _same(one: Lamp, other: Lamp) -> bool:
    return one.entry.text == other.entry.text


def _counted(focus: str, before: tuple[Flag, Lamp], after: tuple[Flag, Lamp], at_s: int) -> Churn | None:
    (was, old), (flag, new) = before, after
    changed = lost = 0
    for number in range(SAMPLE):
        one, other = _both(f"n{number}", (was.by, flag.by), (old, new), at_s)
        changed += one != other
        lost += one != other and one != was.off
    named = []
    for tenant in _named(was, flag):
        one, other = _both(tenant, (TENANT, TENANT), (old, new), at_s)
        if one != other:
            named.append((tenant, one, other))
    if not changed and not named:
        return None
    lost += sum(one != was.off for _, one, _ in named)
    return Churn(focus, flag.key, flag.by, changed, lost, was.by != flag.by, tuple(named[:MOST_NAMED]))


def _both(who: str, by: tuple[str, str], lamps: tuple[Lamp, Lamp], at_s: int) -> tuple[str, str]:
    said: Mapping[str, str] = {name: f"{name} {who}" for name in by if name != TENANT}
    context = context_of(who, said)
    one, other = (lamp.evaluate(context, at_s).variant for lamp in lamps)
    return one, other


def _named(was: Flag, flag: Flag) -> list[str]:
    """Tenants that a rule of either names in full."""
    rules = (*was.rules, *flag.rules)
    found = {
        value
        for rule in rules
        for test in rule.when.tests
        if test.attribute == TENANT
        for value in test.values
        if not value.startswith((">", "<", "=", "!", "^", "~")) and "*" not in value
    }
    return sorted(found)
