"""What the metrics of a judge mean together with the objectives of its focus."""

from collections.abc import Iterator

from focusplane.define.focus import Focus
from focusplane.define.log import Places, did_you_mean
from focusplane.define.problem import Problem
from focusplane.define.rollout import Extra
from focusplane.define.sli import SliKind
from focusplane.define.slo import leading
from focusplane.kernel.quantity import format_percent


def judge_problems(focus: Focus, places: Places) -> Iterator[Problem]:
    """Of the judge of its versions, and of those of its flags."""
    flags = ((f"controls.flags.{flag.key}.rollout", flag.rollout) for flag in focus.controls.flags.values())
    for path, rollout in (("rollout", focus.rollout), *flags):
        for extra in rollout.judge.extras if rollout is not None else ():
            yield from _judged(extra, focus, f"{focus.name}.{path}.judge.metrics", places)


def _judged(extra: Extra, focus: Focus, path: str, places: Places) -> Iterator[Problem]:
    """An objective that the judge compares counts events, is not what errors are counted by, and can show harm."""
    if not extra.objective:
        return
    events = [each for each in focus.objectives if each.sli.kind is SliKind.EVENTS]
    found = next((each for each in focus.objectives if each.name == extra.objective), None)
    if found is None:
        hint = did_you_mean(extra.objective, [each.name for each in events])
        yield places.error(path, "D107", f"the judge knows no objective {extra.objective!r}", hint)
    elif found not in events:
        what = f"{extra.objective!r} is of the kind {found.sli.kind}; the judge compares events"
        yield places.error(path, "D247", what, "latency is a metric by its own name")
    elif found is leading(focus.objectives):
        what = f"errors are counted by {extra.objective!r} already"
        yield places.error(path, "D247", what, "take it out of the metrics")
    elif not extra.gains and extra.tolerance * found.may_fail + extra.slack >= 1:
        allowed = f"{float(extra.tolerance):g} times {format_percent(found.may_fail)} plus {format_percent(extra.slack)}"
        what = f"no loss of {extra.objective!r} could be called harm: {allowed} is everything"
        yield places.error(path, "D247", what, "say a `slack` and a `tolerance` of its own")
