"""The life cycles are their tables: every pair that is not listed changes nothing, and every action has an end."""

from dataclasses import replace
from itertools import product

import pytest

from focusplane.act import action as actions
from focusplane.act import incident as incidents
from focusplane.act.action import Action, Phase
from focusplane.act.incident import Incident, Stage
from focusplane.define.slo import Level

ACTION = Action(
    "act-1", "dec-1", "checkout", "kill", "set flag", None, "it burns", "rule", Phase.PLANNED, 1, 1, 9
)
INCIDENT = Incident("inc-1", "checkout", "burn", Stage.OPEN, Level.PAGE, "it fails", "burning", 1, 1, 1)


@pytest.mark.parametrize(("phase", "cause"), [*product(Phase, actions.Cause)])
def test_an_action_moves_by_the_listed_pairs_only(phase: Phase, cause: actions.Cause) -> None:
    before = replace(ACTION, phase=phase)
    after = actions.advance(before, cause, 5, "why")
    if (phase, cause) in actions.NEXT:
        assert (after.phase, after.since, after.detail) == (actions.NEXT[phase, cause], 5, "why")
    else:
        assert after is before


@pytest.mark.parametrize(("stage", "cause"), [*product(Stage, incidents.Cause)])
def test_an_incident_moves_by_the_listed_pairs_only(stage: Stage, cause: incidents.Cause) -> None:
    before = replace(INCIDENT, stage=stage)
    after = incidents.advance(before, cause, 5)
    if (stage, cause) in incidents.NEXT:
        assert (after.stage, after.since) == (incidents.NEXT[stage, cause], 5)
    else:
        assert after is before


def reachable(start: object, table: dict[tuple[object, object], object]) -> set[object]:
    found, before = {start}, set()
    while found != before:
        before = set(found)
        found |= {after for (phase, _), after in table.items() if phase in found}
    return found


def test_every_phase_can_be_reached_and_none_is_a_trap() -> None:
    table = dict(actions.NEXT)
    assert reachable(Phase.PLANNED, table) == set(Phase)  # type: ignore[arg-type]
    ends = {phase for phase in Phase if all(before is not phase for before, _ in table)}
    assert ends == {Phase.REVERTED, Phase.DENIED, Phase.EXPIRED, Phase.SUPERSEDED}
    assert all(reachable(phase, table) & ends for phase in Phase)  # type: ignore[arg-type]


def test_a_phase_that_waits_for_the_outside_has_a_way_on_without_it() -> None:
    without_answer = {
        actions.Cause.UNANSWERED,
        actions.Cause.UNPROVED,
        actions.Cause.UNDO,
        actions.Cause.UNDONE,
    }
    for phase in actions.OPEN:
        assert {cause for before, cause in actions.NEXT if before is phase} & without_answer


def test_every_stage_of_an_incident_can_be_reached_and_only_closed_is_an_end() -> None:
    table = dict(incidents.NEXT)
    assert reachable(Stage.OPEN, table) == set(Stage)  # type: ignore[arg-type]
    assert {stage for stage in Stage if all(before is not stage for before, _ in table)} == {Stage.CLOSED}
