"""PromQL engines: how they answer is remembered, a change of that is a fact, and a blind focus says what its engine said."""

from dataclasses import replace

from focusplane.act.fact import Kind
from focusplane.define.focus import Focus
from focusplane.define.promql import estimate_of
from focusplane.define.slo import Objective
from focusplane.observe.health import Health, State
from focusplane.plane.arrival import EngineSaid
from focusplane.plane.draft import Draft
from focusplane.plane.world import EngineState, World

MOST = 200


def said(draft: Draft, arrival: EngineSaid) -> Draft:
    """Take in how an engine answered; what changes about its problems is a fact."""
    before = draft.world.engines.get(arrival.url)
    problems = dict(sorted(arrival.problems.items()))
    had = before.problems if before is not None else {}
    since = (before.since if before is not None and had else draft.at) if problems else 0
    state = EngineState(draft.at, arrival.asked, problems, arrival.notes, arrival.newest, since)
    draft = draft.put("engines", arrival.url, state)
    for url in list(draft.world.engines)[: max(0, len(draft.world.engines) - MOST)]:
        draft = draft.drop("engines", url)
    if problems == had:
        return draft
    first = next(iter(problems.values()), "")
    words = (
        f"the engine is trouble for {len(problems)} focuses: {first}"
        if problems
        else "the engine answers all again"
    )
    return draft.say(Kind.SOURCE_CHANGED, "", arrival.url, words, focuses=list(problems)[:50])


def explained(world: World, focus: Focus, objective: Objective, health: Health) -> Health:
    """The same health, with what the engine behind it said, and whether the counts are an estimate."""
    if focus.engine is None:
        return health
    reason = health.reason
    if objective.sli.promql is not None and health.state is not State.BLIND:
        why = estimate_of(objective.sli.promql)
        reason += f"; {why}" if why else ""
    trouble = trouble_of(world, focus)
    if trouble:
        reason += f"; the engine: {trouble}"
    return health if reason == health.reason else replace(health, reason=reason)


def trouble_of(world: World, focus: Focus) -> str:
    """What is wrong now with what the engine of a focus answers about it; empty if nothing is."""
    state = world.engines.get(focus.engine.url) if focus.engine is not None else None
    return state.problems.get(focus.name, "") if state is not None else ""
