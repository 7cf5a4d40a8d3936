"""A change that somebody tells of: which focuses it touches, once each, in the order in which changes were made."""

from fractions import Fraction

from focusplane.act.change import ChangeEvent
from focusplane.act.request import Done, RecordChange, Refused
from focusplane.define.focus import Boundary, Focus
from focusplane.instrument.tagging import rule_of
from focusplane.kernel.ids import Json, short_id
from focusplane.plane.arrows import known, move
from focusplane.plane.arrows.known import Answered
from focusplane.plane.draft import Draft

MOST_FOCUSES = 50
"""One change may stand for so many focuses: the ledger keeps a few hundred changes in all."""


def take(draft: Draft, ask: RecordChange, by: str) -> Answered:
    """Put it on the ledger for each focus; what stands there already under the same `id` stays as it is."""
    names = _touched(draft, ask)
    if isinstance(names, Refused):
        return draft, names
    at = min(ask.at or draft.at, draft.at)
    who = f"{by} for {ask.author}" if ask.author else by  # who told of it is known, the author is only said
    held = {change.id for change in draft.world.changes}
    keys, new = list[Json](), 0
    for name in names:
        key = _key(draft, ask, name, at)
        keys.append(key)
        if key in held or move.too_old(draft, at):
            continue
        share = Fraction(ask.exposure)
        event = ChangeEvent(key, at, name, ask.kind, ask.what, who, share, ask.version, tuple(ask.touches))
        draft, new = move.record(draft, event), new + 1
    body: dict[str, Json] = {"focuses": list(names), "changes": keys, "added": new}
    return draft, Done(str(keys[0]), _said(draft, new, at), body)


def _said(draft: Draft, new: int, at: int) -> str:
    if new:
        return "on the ledger"
    return "older than all that is kept" if move.too_old(draft, at) else "on the ledger already"


def _key(draft: Draft, ask: RecordChange, name: str, at: int) -> str:
    if ask.id:
        return short_id("chg", "id", ask.id, name)
    return short_id("chg", name, ask.kind, ask.what, at, draft.tick.number)


def _touched(draft: Draft, ask: RecordChange) -> tuple[str, ...] | Refused:
    """The names of the focuses, or one empty name for all of them."""
    if ask.focus:
        found = known.focus(draft, ask.focus)
        return found if isinstance(found, Refused) else (ask.focus,)
    if ask.route and not ask.service:
        return Refused("usage", f"route {ask.route} of which service?", "name the service, or the focus")
    if not (ask.service or ask.labels):
        return ("",)
    focuses = draft.world.policies.set.focuses
    names = tuple(name for name in sorted(focuses) if _fits(focuses[name], ask))
    if not names:
        where = " ".join(part for part in (ask.service, ask.route) if part) or "these labels"
        return Refused(
            "not-found", f"no focus has {where}", "a boundary names the service, or name the focus"
        )
    if len(names) > MOST_FOCUSES:
        what = f"it would touch {len(names)} focuses, more than {MOST_FOCUSES}"
        return Refused("usage", what, "name fewer, or none at all for a change of everything")
    return names


def _fits(focus: Focus, ask: RecordChange) -> bool:
    labelled = all(focus.labels.get(key) == value for key, value in ask.labels.items())
    return labelled and (not ask.service or any(_inside(each, ask) for each in focus.boundary))


def _inside(boundary: Boundary, ask: RecordChange) -> bool:
    if boundary.service != ask.service:
        return False
    if not ask.route or not boundary.routes or ask.route in boundary.routes:
        return True
    method, _, path = ask.route.rpartition(" ")
    return any(rule_of("", route).fits(method, path) for route in boundary.routes)
