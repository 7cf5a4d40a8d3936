"""Counts -> Reading -> Health, for every objective, every turn."""

from focusplane.act.fact import Kind
from focusplane.kernel.tick import SECOND
from focusplane.observe.health import Health, State
from focusplane.observe.judge_health import judge, judge_groups
from focusplane.plane.arrows.engines import explained
from focusplane.plane.arrows.words import said_reading
from focusplane.plane.draft import Draft

_CALM = frozenset({State.OK, State.BLIND})


def health(draft: Draft) -> Draft:
    """Look at every objective once a second, or after a policy change; a change of state or level is a fact."""
    draft.world.counters.settle(draft.at)
    judged = (draft.at // SECOND, draft.world.policies.set.digest)
    if judged == draft.world.judged:
        return draft
    found: dict[str, Health] = {}
    groups: dict[str, tuple[Health, ...]] = {}
    counters, before = draft.world.counters, draft.world
    for focus in draft.world.policies.set.focuses.values():
        for objective in focus.objectives:
            key = f"{focus.name}/{objective.name}"
            now = judge(objective, counters, focus.name, draft.at)
            found[key] = explained(draft.world, focus, objective, now)
            if objective.by is not None:
                groups[key] = judge_groups(objective, counters, found[key])
    draft = draft.but(health=found, groups=groups, judged=judged)
    for key, now in found.items():
        draft = _say(draft, before.health.get(key), now)
    for key, each in groups.items():
        draft = _say_groups(draft, before.groups.get(key, ()), each)
    return draft


def _say_groups(draft: Draft, before: tuple[Health, ...], now: tuple[Health, ...]) -> Draft:
    """Of a group it is news that it begins or ceases to fail; that it is blind its objective says for all of them."""
    known = {one.group: one for one in before}
    for one in now:
        then = known.get(one.group)
        was_calm = then is None or then.state in _CALM
        if one.state is not State.BLIND and not (was_calm and one.state in _CALM):
            draft = _say(draft, then, one)
    return draft


def _say(draft: Draft, before: Health | None, now: Health) -> Draft:
    if before is not None and (before.state, before.level) == (now.state, now.level):
        return draft
    if before is None and now.state is State.BLIND:
        return draft
    return draft.say(
        Kind.HEALTH_CHANGED,
        now.focus,
        now.objective,
        f"{now.group}: {now.reason}" if now.group else now.reason,
        before=str(before.state) if before else "",
        state=str(now.state),
        level=now.level.name.lower(),
        **({"group": now.group} if now.group else {}),
        **said_reading(now.reading),
    )
