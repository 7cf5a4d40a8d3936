"""The whole loop on one page: step(world, arrivals, tick) -> the next world, facts, effects, answers.

Pure but for the window counters, which belong to the world: the same arrivals at the same ticks give the same facts.
Tests, simulate, backtest, replay and production all run this function.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from focusplane.act.effect import Effect
from focusplane.act.fact import Fact
from focusplane.act.request import Answer
from focusplane.kernel.tick import Tick
from focusplane.plane.arrival import (
    Arrival,
    Asked,
    Counted,
    EngineSaid,
    Notified,
    Observed,
    PolicyRead,
    Probed,
    Reported,
    SetAside,
    Started,
    Stood,
    Supplemented,
    Visited,
)
from focusplane.plane.arrows import (
    answer,
    compare,
    confirm,
    contain,
    correct,
    count,
    declare,
    depart,
    drift,
    engines,
    escalate,
    expose,
    foreign,
    hear,
    hotfix,
    judge,
    lapse,
    price,
    raises,
    read,
    ready,
    route,
    self_test,
    silences,
    supplement,
    tell,
    tickets,
    together,
    visit,
    worse,
)
from focusplane.plane.draft import Draft
from focusplane.plane.world import World


@dataclass(frozen=True, slots=True)
class Step:
    world: World
    facts: tuple[Fact, ...]
    effects: tuple[Effect, ...]
    answers: Mapping[str, Answer]


def step(world: World, arrivals: Sequence[Arrival], tick: Tick) -> Step:
    """One turn: take in what arrived, see how things stand, decide, move the board, say so."""
    draft = Draft(replace(world, tick=tick), tick)

    judge.names(draft)  # who is on a new version by name is compared with nobody
    self_test.stable_versions(draft.world)  # the version that everybody knows is tested against itself
    for arrival in arrivals:  # what came in, each kind by its own arrow
        draft = _TAKE[type(arrival)](draft, arrival)

    draft = correct.all_of_them(draft)  # planned work, and spans that people judge otherwise
    draft = read.health(draft)  # counts -> Reading -> Health, per objective
    draft = depart.asked_again(draft)  # a rollout that was asked for just before the plane died
    draft = judge.rollouts(draft)  # closed buckets of both arms -> Verdict, per rollout
    draft = self_test.run(draft)  # how often it would have been wrong
    draft = compare.pairs(draft)  # the same of what pipelines ask about
    draft = expose.rollouts(draft)  # Verdict -> the rollout's next move -> Command
    draft = together.follow(draft)  # one of a release that went back takes the others along
    draft = raises.flags(draft)  # what a policy wants of flags that are bound by the budget
    draft = worse.variants(draft)  # the same for flags that a mitigation would take away
    draft = contain.mitigations(draft)  # Health x rules -> Decision -> guard -> Command
    draft = lapse.containments(draft)  # what has an expiry ends by itself
    draft = hotfix.watch(draft)  # a yes that did not come is a no
    draft = confirm.actions(draft)  # read back -> applied, verified, failed
    draft = drift.traffic(draft)  # what runs outside against what the Board wants
    draft = price.changes(draft)  # what rollouts and other changes cost of the budget
    draft = foreign.watch(draft)  # alerts of other systems that nobody says any more
    draft = tell.troubles(draft)  # open, grow, resolve; page, unless hushed
    draft = tickets.tickets(draft)  # what can wait, with a beginning and an end
    draft = escalate.unanswered(draft)  # nobody has acknowledged it: the next ones
    draft = silences.watch(draft)  # what hushes ends, and that is said before
    draft = visit.due(draft)  # what the plane itself asks is asked again
    draft = supplement.due(draft)  # both versions get synthetic requests while users send too few
    draft = route.summaries(draft)  # what was too much to tell one by one
    draft = hear.overdue(draft)  # what reached nobody is sent again

    return Step(draft.world, draft.facts, draft.effects, draft.answers)


_TAKE: Mapping[type[Arrival], Callable[[Draft, Any], Draft]] = {
    Counted: count.telemetry,
    Started: declare.started,
    PolicyRead: declare.policies,
    Asked: answer.request,
    Reported: hear.reported,
    Observed: hear.observed,
    Visited: visit.visited,
    Supplemented: supplement.supplemented,
    Probed: ready.probed,
    Notified: hear.notified,
    SetAside: hear.set_aside,
    Stood: hear.stood,
    EngineSaid: engines.said,
}
