"""The stable version against itself -> false alarms of the judge, and a tolerance that is wide enough for the service."""

from collections.abc import Iterator

from focusplane.act.fact import Kind
from focusplane.define.rollout import JudgeSpec
from focusplane.observe.lane import Lane
from focusplane.observe.self_test import Widened
from focusplane.plane.draft import Draft
from focusplane.plane.world import World

AT_ONCE = 10
"""So many focuses a turn at most, those first that have waited longest: ten seconds of each are one fold."""
PAST_MS = 15 * 60_000


def stable_versions(world: World) -> None:
    """Tell the counters which version to test against itself: where versions are rolled out, the stable one."""
    for name, lane in world.counters.lanes.items():
        lane.stable = world.stable.get(name, "") if lane.focus.rollout is not None else ""


def run(draft: Draft) -> Draft:
    """Fold what was closed since the last look."""
    due = sorted(_due(draft.world), key=lambda each: each[0])
    for _, name, lane, spec in due[:AT_ONCE]:
        mark = lane.sources.mark or 0
        begins = lane.self_test.evidence is None or lane.self_test.ends(mark)
        past = lane.arms.latencies(mark - PAST_MS, mark, lane.stable) if begins else None
        changed = lane.self_test.forward(spec, mark, lane.sources.longest(), past)
        if changed is not None:
            draft = _say(draft, name, changed, spec)
    return draft


def _due(world: World) -> Iterator[tuple[int, str, Lane, JudgeSpec]]:
    for name, lane in world.counters.lanes.items():
        spec, mark = lane.focus.rollout, lane.sources.mark
        if lane.stable and spec is not None and mark is not None and lane.self_test.due(mark):
            evidence = lane.self_test.evidence
            yield (0 if evidence is None else evidence.folded_to), name, lane, spec.judge


def _say(draft: Draft, name: str, changed: Widened, spec: JudgeSpec) -> Draft:
    tolerance = float(draft.world.counters.lanes[name].self_test.wide(spec).tolerance)
    way = "widened" if changed.after > changed.before else "narrowed"
    return draft.say(
        Kind.JUDGE_WIDENED,
        name,
        name,
        f"the tolerance of the judge is {way} to {tolerance:.4g}: {changed.why}",
        before=changed.before,
        after=changed.after,
    )
