"""What changes cost: a rollout until it was taken back, any other change and what stayed for its first hour; on the record
once everything of that time has been said.
"""

from collections.abc import Iterator
from fractions import Fraction

from focusplane.act.change import ChangeEvent
from focusplane.act.fact import Kind
from focusplane.act.price import Price
from focusplane.control.rollout import Phase, Rollout
from focusplane.kernel.quantity import format_duration, format_percent
from focusplane.kernel.tick import HOUR, SECOND
from focusplane.observe.counters import LATE_AFTER_MS
from focusplane.observe.health import Budget
from focusplane.observe.reading import NoData
from focusplane.observe.spending import cost
from focusplane.plane.arrows import sight
from focusplane.plane.draft import Draft
from focusplane.plane.world import World

FIRST_MS = HOUR
LINGER_MS = 2 * SECOND
"""Requests that a version had before it was taken back are counted until then."""
STILL_MS = 3 * HOUR
"""A change that could not be priced for so long never is: its focus was not measured."""
KEPT = 500
PRICED = frozenset({"deploy", "flag", "config", "migration", "control"})
"""Kinds of changes; rollouts are priced as a whole, and an edit of a policy changes no service."""


def changes(draft: Draft) -> Draft:
    """Price what is over since the last look, once a second."""
    if draft.world.judged[0] == draft.world.priced:
        return draft
    draft = draft.but(priced=draft.world.judged[0])
    for key, focus, span, what in _due(draft.world):
        found = price(draft.world, focus, span, what)
        if found is not None:
            kept = dict(list(draft.world.prices.items())[-KEPT + 1 :])
            draft = draft.but(prices={**kept, key: found})
            draft = draft.say(Kind.CHANGE_PRICED, focus, key, said(found), **_told(found))
    return draft


def _due(world: World) -> Iterator[tuple[str, str, tuple[int, int], str]]:
    """What is over and has no price yet: its id, focus, span, and what it was."""
    for rollout in world.rollouts.values():
        span = of_rollout(rollout)
        if span is not None and _said(world, rollout.focus, span) and rollout.id not in world.prices:
            yield rollout.id, rollout.focus, span, f"the rollout of {rollout.what}"
    for change in reversed(world.changes):
        if change.at < world.tick.at - STILL_MS:
            return
        if change.kind in PRICED and change.focus and change.id not in world.prices:
            span = of_change(world, change)
            if _said(world, change.focus, span):
                yield change.id, change.focus, span, change.what


def _said(world: World, focus: str, span: tuple[int, int]) -> bool:
    mark = world.counters.watermark(focus)
    return not isinstance(mark, NoData) and span[1] + LATE_AFTER_MS <= mark < span[1] + STILL_MS


def of_rollout(rollout: Rollout) -> tuple[int, int] | None:
    """From its start until it was taken back, else its first hour; None for one that never began."""
    if not rollout.started_at:
        return None
    if rollout.phase in (Phase.ROLLED_BACK, Phase.ABORTED):
        return rollout.started_at, (rollout.ended_at or rollout.step_since) + LINGER_MS
    return rollout.started_at, rollout.started_at + FIRST_MS


def of_change(world: World, change: ChangeEvent) -> tuple[int, int]:
    """Its first hour, or until the next change of the same kind took its place."""
    later = [
        each.at
        for each in world.changes
        if each.focus == change.focus and each.kind == change.kind and each.at > change.at
    ]
    return change.at, min([change.at + FIRST_MS, *later])


def price(world: World, name: str, span: tuple[int, int], what: str) -> Price | None:
    """What failed in that span beyond what was usual before, up to the watermark; None where nothing is known."""
    focus, mark = world.policies.set.focuses.get(name), world.counters.watermark(name)
    if focus is None or not focus.objectives or isinstance(mark, NoData) or mark <= span[0]:
        return None
    objective = focus.objective(sight.leading(focus))
    health = world.health.get(f"{name}/{objective.name}")
    budget = health.budget if health is not None else None
    allowed = budget.allowed if isinstance(budget, Budget) else Fraction(0)
    found = cost(world.counters, name, objective, (span[0], min(span[1], mark)), allowed)
    if isinstance(found, NoData):
        return None
    return Price(
        name,
        objective.name,
        what,
        found.since,
        found.until,
        found.failures,
        found.total,
        found.usual,
        found.excess,
        found.share,
    )


def said(one: Price) -> str:
    """`the rollout of v2 cost 1.3% of the budget: 131 of 4,000 requests failed in 2m, 127 more than usual`."""
    share = "an unknown part" if one.share is None else _readable(max(Fraction(0), one.share))
    more = max(0, round(one.excess))
    lasted = format_duration(one.until - one.since)
    return (
        f"{one.what} cost {share} of the budget of {one.objective}: {one.failures:,} of {one.total:,} failed in {lasted},"
        f" {more:,} more than usual"
    )


def _readable(share: Fraction) -> str:
    """Two decimals; what is less, and not nothing, is not shown as nothing."""
    text = format_percent(share, 2)
    return "less than 0.01%" if share and text == "0%" else text


def _told(one: Price) -> dict[str, int | str]:
    return {
        "objective": one.objective,
        "since": one.since,
        "until": one.until,
        "failures": one.failures,
        "total": one.total,
        "usual": f"{one.usual.numerator}/{one.usual.denominator}",
        "excess": f"{one.excess.numerator}/{one.excess.denominator}",
        "share": "" if one.share is None else f"{one.share.numerator}/{one.share.denominator}",
    }
