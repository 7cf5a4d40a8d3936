"""Variants that a mitigation may take away: whether their own requests fail more than those of the other variant.

A flag that stands at a percentage is judged as a rollout is, for as long as it stands there. Evidence begins anew each quarter
of an hour, or what was good for days would have to be outweighed first; the n-th time it has alpha / (n (n + 1)), so that
all of them together are wrong as seldom as one.
"""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from focusplane.act.decide import Act, Blind, Decision, Hold
from focusplane.control.flag import by_tenant
from focusplane.control.flags.declared import already, others
from focusplane.control.state import FlagState
from focusplane.define.controls import Flag
from focusplane.define.focus import Focus
from focusplane.define.mitigation import OnVariant, SetFlag
from focusplane.define.rollout import JudgeSpec, Step, judge_of
from focusplane.instrument.conventions import OTHER
from focusplane.kernel.tick import MINUTE
from focusplane.observe.canary import fold, rule
from focusplane.observe.reading import Measured, NoData
from focusplane.observe.verdict import Ruling
from focusplane.plane.arrows import judge, sight
from focusplane.plane.arrows.compared import Sides
from focusplane.plane.draft import Draft
from focusplane.plane.world import Watch

ANEW_MS = 15 * MINUTE
_WHOLE = Step(Fraction(1))


def variants(draft: Draft) -> Draft:
    """Fold what was closed since the last turn into the evidence on each flag that a mitigation watches."""
    kept: dict[str, Watch] = {}
    for focus in draft.world.policies.set.focuses.values():
        for flag, state in _watched(draft, focus):
            kept[f"{focus.name}/{flag.key}"] = _look(draft, focus, flag, state)
    return draft if kept == draft.world.watches else draft.but(watches=kept)


def decision(draft: Draft, focus: Focus, move: SetFlag) -> Decision:
    """Whether the variant that a mitigation would take away does harm."""
    flag, state = (
        focus.controls.flags.get(move.flag),
        draft.world.board.state(focus.name, f"flag.{move.flag}"),
    )
    if flag is None or not isinstance(state, FlagState):
        return Blind(f"there is no flag {move.flag} on the board")
    other = others(flag, state)
    if already(flag, state, move.variant):
        return Hold(f"flag {flag.key} is already {move.variant}")
    if state.variant == move.variant:
        return Hold(f"flag {flag.key} goes by its rules alone: nobody is drawn by lot to compare them with")
    if state.percentage == 1:
        return Hold(f"everybody has {flag.key}={state.variant}: there is nobody to compare them with")
    watch = draft.world.watches.get(f"{focus.name}/{flag.key}")
    verdict = watch.verdict if watch is not None else None
    if watch is None or verdict is None:
        return Blind(watch.blind if watch is not None else f"flag {flag.key} has not been looked at yet")
    if verdict.ruling is not Ruling.ROLLBACK:
        return Hold(f"{flag.key}={state.variant} is not shown to be worse than {other}: {verdict.reason}")
    alone = _one_tenant(draft, focus, (flag, state), watch)
    if alone and verdict.of_errors_alone(_spec(focus, flag, watch.number)):
        return Hold(alone)
    return Act(f"{flag.key}={state.variant} is the canary, {other} the baseline: {verdict.reason}")


def _watched(draft: Draft, focus: Focus) -> Iterator[tuple[Flag, FlagState]]:
    """Flags whose variants a mitigation waits for to be worse, each once."""
    moves = [m.move for m in focus.mitigations if isinstance(m.when, OnVariant)]
    for key in dict.fromkeys(move.flag for move in moves if isinstance(move, SetFlag)):
        flag, state = focus.controls.flags.get(key), draft.world.board.state(focus.name, f"flag.{key}")
        if flag is not None and isinstance(state, FlagState):
            yield flag, state


def _look(draft: Draft, focus: Focus, flag: Flag, state: FlagState) -> Watch:
    sides = Sides(draft.world.counters, focus, flag.key)
    arms, generation = (state.variant, others(flag, state)), _generation(draft, focus, flag)
    watch = draft.world.watches.get(f"{focus.name}/{flag.key}")
    if watch is None or (watch.generation, watch.arms) != (generation, arms):
        watch = Watch(generation, arms, draft.at)
    mark = sides.mark()
    if isinstance(mark, NoData):
        return replace(watch, verdict=None, blind=mark.why)
    if mark - watch.since >= ANEW_MS:
        watch = Watch(generation, arms, mark, watch.number + 1, verdict=watch.verdict)
    spec = _spec(focus, flag, watch.number)
    evidence = watch.evidence or judge.nothing_yet(sides, spec, arms, watch.since)
    buckets = sides.buckets(arms, (evidence.folded_to, mark), watch.since)
    if not buckets:
        return replace(watch, evidence=evidence, blind=judge.waits(sides, arms, watch.since))
    evidence = fold(evidence, buckets)
    verdict = rule(evidence, spec, _WHOLE, judge.stale(draft, focus, mark))
    return replace(watch, evidence=evidence, verdict=verdict, blind="")


def _spec(focus: Focus, flag: Flag, number: int) -> JudgeSpec:
    rollout, first = focus.rollout_of(flag.key), sight.leading(focus)
    target = next((each.target for each in focus.objectives if each.name == first), Fraction(1))
    spec = judge_of(rollout, 1 - target)
    return replace(spec, alpha=spec.alpha / (number * (number + 1)), extras=())


def _generation(draft: Draft, focus: Focus, flag: Flag) -> int:
    entry = draft.world.board.entries.get(f"{focus.name}/flag.{flag.key}")
    return 0 if entry is None else entry.generation


def _one_tenant(draft: Draft, focus: Focus, about: tuple[Flag, FlagState], watch: Watch) -> str:
    """The one tenant without whom the variant would look as good as the other one: tenants stay on a variant, so that one of
    them that always fails makes it look bad. Empty if there is none, or tenants are not told apart.
    """
    flag, state = about
    counters, name = draft.world.counters, sight.leading(focus)
    assigned, spec = by_tenant(focus.name, flag, state), _spec(focus, flag, watch.number)
    if assigned is None:
        return ""
    sums: dict[str, list[Measured]] = {variant: [] for variant in watch.arms}
    worst: tuple[int, str, Measured] = (0, "", Measured(0, 0))
    for tenant, seen in counters.slices_over(focus.name, name, "tenant", watch.since, draft.at).items():
        variant = assigned(tenant)
        if tenant == OTHER or variant not in sums:
            continue
        sums[variant].append(seen)
        if variant == watch.arms[0] and (seen.bad, tenant) > worst[:2]:
            worst = (seen.bad, tenant, seen)
    theirs, baseline = (_summed(sums[variant]) for variant in watch.arms)
    rest = Measured(theirs.good - worst[2].good, theirs.total - worst[2].total)
    part = None if watch.verdict is None else watch.verdict.metrics[0].alone
    if part is not None:  # one stratum looks worse: all that this tenant failed may have been there
        rest = Measured(part[0] - max(part[1] - worst[0], 0), part[0])
        baseline = Measured(part[2] - part[3], part[2])
    if not rest.total or not baseline.total:
        return ""
    if rest.bad_ratio > spec.tolerance * baseline.bad_ratio + spec.slack:
        return ""
    return (
        f"suspicious, but {worst[1]} alone makes {flag.key}={watch.arms[0]} look worse: {worst[0]} of its {worst[2].total}"
        f" requests failed, of all others with the variant {rest.bad} of {rest.total}"
    )


def _summed(found: list[Measured]) -> Measured:
    return Measured(sum(each.good for each in found), sum(each.total for each in found))
