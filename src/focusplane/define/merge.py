"""Valid is not intended: what vanishes without a tombstone is held (N16)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeVar

from focusplane.define.bulk import too_much
from focusplane.define.controls import Controls, Flag, Traffic
from focusplane.define.focus import Focus, PolicySet
from focusplane.define.items import items_of, sealed, sealed_set
from focusplane.define.log import Places
from focusplane.define.neighbours import set_problems

SHARP = Fraction(1, 5)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Merged:
    """`held` names the items kept from the old set, `alarms` are sentences that must page somebody."""

    policies: PolicySet
    held: tuple[str, ...]
    alarms: tuple[str, ...]
    refused: str = ""
    """why nothing of the new set is obeyed, though it is valid"""


def merge(old: PolicySet, new: PolicySet) -> Merged:
    """The new set, with everything that vanished from the old one without a tombstone.

    Focuses, teams, runbooks, calendars, flags and versions are held; anything else inside a focus is a plain edit.
    A set that takes many flags or routes away at once, by tombstones or edits, is held as a whole.
    A newcomer that claims the listener or the boundary of a held focus waits for the tombstone.
    """
    removed = new.removed
    focuses = {name: _within(old.focuses.get(name), focus, removed) for name, focus in new.focuses.items()}
    kept = {
        name: focus for name, focus in old.focuses.items() if name not in {**focuses} and name not in removed
    }
    waiting = _colliding(kept, {name: one for name, one in focuses.items() if name not in old.focuses})
    focuses = {name: focus for name, focus in focuses.items() if name not in waiting} | kept
    teams = _held("team", old.teams, new.teams, removed)
    runbooks = _held("runbook", old.runbooks, new.runbooks, removed)
    calendars = _held("calendar", old.calendars, new.calendars, removed)
    policies = sealed_set(PolicySet(focuses, teams, runbooks, removed, calendars=calendars))
    much = too_much(old, policies, removed)
    if much:
        return Merged(old, (), (much,), much)
    wanted = items_of(new)
    held = tuple(name for name in items_of(policies) if name not in wanted)
    return Merged(policies, held, (*_alarms(old, new), *waiting.values()))


def _within(before: Focus | None, after: Focus, removed: frozenset[str]) -> Focus:
    if before is None:
        return after
    flags = {
        key: flag
        for key, flag in before.controls.flags.items()
        if key not in after.controls.flags and f"{after.name}/flag.{key}" not in removed
    }
    traffic = _traffic(before.controls.traffic, after.controls.traffic, after.name, removed)
    if not flags and traffic == after.controls.traffic:
        return after
    return sealed(replace(after, controls=_with(after.controls, flags, traffic)))


def _with(controls: Controls, flags: Mapping[str, Flag], traffic: Traffic | None) -> Controls:
    return replace(controls, flags={**controls.flags, **flags}, traffic=traffic)


def _traffic(
    before: Traffic | None, after: Traffic | None, focus: str, removed: frozenset[str]
) -> Traffic | None:
    if before is None:
        return after
    gone = {
        name: addresses
        for name, addresses in before.versions.items()
        if f"{focus}/version.{name}" not in removed and (after is None or name not in after.versions)
    }
    if not gone:
        return after
    base = before if after is None else after
    backends = {name: at for name, at in before.backends.items() if name in gone}
    now = after if after is not None else replace(before, versions={}, backends={})
    return replace(base, versions={**now.versions, **gone}, backends={**now.backends, **backends})


def _held(kind: str, old: Mapping[str, T], new: Mapping[str, T], removed: frozenset[str]) -> dict[str, T]:
    kept = {
        name: item
        for name, item in old.items()
        if name not in new and name not in removed and f"{kind}/{name}" not in removed
    }
    return {**new, **kept}


def _colliding(kept: Mapping[str, Focus], newcomers: Mapping[str, Focus]) -> dict[str, str]:
    """Newcomer -> why it has to wait."""
    waiting: dict[str, str] = {}
    for name, newcomer in newcomers.items():
        for holder in kept.values():
            pair = PolicySet({holder.name: holder, name: newcomer})
            clash = next((problem.what for problem in set_problems(pair, Places({}), {})), "")
            if clash:
                waiting[name] = (
                    f"{name!r} waits: {clash}, which vanished without a tombstone and is held; "
                    f"say `kind: Removed` for {holder.name!r} if that is meant"
                )
    return waiting


def _alarms(old: PolicySet, new: PolicySet) -> tuple[str, ...]:
    before = {name for name in items_of(old) if _is_document(name)}
    lost = {name for name in before - set(items_of(new)) if not _buried(name, new.removed)}
    if old.focuses and not new.focuses and not all(name in new.removed for name in old.focuses):
        return ("the policy set became empty: nothing of it is obeyed, everything is held",)
    if len(lost) > SHARP * len(before):
        return (
            f"the policy set shrank from {len(before)} to {len(before) - len(lost)} documents "
            f"without tombstones: {', '.join(sorted(lost))} held",
        )
    return ()


def _is_document(name: str) -> bool:
    return "/" not in name or name.startswith(("team/", "runbook/", "calendar/"))


def _buried(name: str, removed: frozenset[str]) -> bool:
    return name in removed or name.rpartition("/")[2] in removed
