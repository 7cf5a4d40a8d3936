"""Counts -> Reading -> Health, for every objective, every turn."""

from focusplane.act.fact import Kind
from focusplane.kernel.tick import SECOND
from focusplane.observe.health import Health, State
from focusplane.observe.judge_health import judge
from focusplane.plane.arrows.words import said_reading
from focusplane.plane.draft import Draft


def health(draft: Draft) -> Draft:
    """Look at every objective once a second, or after a policy change; a change of state or level is a fact."""
    draft.world.counters.settle(draft.at)
    judged = (draft.at // SECOND, draft.world.policies.set.digest)
    if judged == draft.world.judged:
        return draft
    found: dict[str, Health] = {}
    for focus in draft.world.policies.set.focuses.values():
        for objective in focus.objectives:
            found[f"{focus.name}/{objective.name}"] = judge(
                objective, draft.world.counters, focus.name, draft.at
            )
    before, draft = draft.world.health, draft.but(health=found, judged=judged)
    for key, now in found.items():
        draft = _say(draft, before.get(key), now)
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
        now.reason,
        before=str(before.state) if before else "",
        state=str(now.state),
        level=now.level.name.lower(),
        **said_reading(now.reading),
    )
