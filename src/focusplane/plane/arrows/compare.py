"""Pairs of versions that pipelines ask about -> Evidence -> Verdict, by the same judge as our own rollouts."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from focusplane.act.comparison import Comparison
from focusplane.act.fact import Kind
from focusplane.act.request import Compare, Done, Refused
from focusplane.define.focus import Focus
from focusplane.define.form_judge import JudgeWords
from focusplane.define.load import DEFAULT_SLACK
from focusplane.define.rollout import Promote, RolloutSpec, Step
from focusplane.define.sli import SliKind
from focusplane.instrument.conventions import OTHER
from focusplane.kernel.ids import short_id
from focusplane.kernel.tick import HOUR, MINUTE
from focusplane.observe.canary import fold, next_step, rule
from focusplane.observe.reading import Measured, NoData
from focusplane.observe.verdict import Ruling, Verdict
from focusplane.plane.arrows import known
from focusplane.plane.arrows.compared import Sides
from focusplane.plane.arrows.expose import budget_freeze
from focusplane.plane.arrows.judge import capped, few_instances, nothing_yet, stale, waits, wide, widened
from focusplane.plane.arrows.known import Answered
from focusplane.plane.arrows.words import said_verdict
from focusplane.plane.draft import Draft

KEPT_MS = HOUR
"""So long after it was last asked about a comparison is kept."""
BEFORE_MS = 15 * MINUTE
"""A comparison may begin so long before it is asked for: further back seconds are not kept."""
SERVED_MS = 5 * MINUTE
"""The version that served most in so long a time before the beginning is the stable one, if nobody names it."""
MOST, MOST_BY = 100, 20
"""Comparisons at a time: in all, and by one who asks."""


DEFAULT_JUDGE = JudgeWords().complete(DEFAULT_SLACK)


def key(ask: Compare) -> str:
    """What a comparison is kept under: the pair, where it begins, and the name that whoever asks gives it."""
    return short_id("cmp", ask.focus, ask.stable, ask.canary, ask.since, ask.name, ask.flag)


def ask(draft: Draft, wish: Compare, by: str) -> Answered:
    """The first ask begins; the next ones keep it, unless they bring another checksum or another step."""
    focus = known.focus(draft, wish.focus)
    if isinstance(focus, Refused):
        return draft, focus
    if wish.stable and wish.stable == wish.canary:
        return draft, Refused("usage", f"both versions are {wish.stable}", "name two different ones")
    if not (wish.canary or wish.checksum):
        hint = "name it, or send a checksum that tells one deploy from the next"
        return draft, Refused("usage", "which version is the canary?", hint)
    name = key(wish)
    before = draft.world.comparisons.get(name)
    if before is None or before.wish.checksum != wish.checksum:
        return _began(draft, focus, wish, by)
    after = replace(before, wish=wish, asked_at=draft.at)
    if wish.step != before.wish.step and not before.proved:
        evidence = None if before.evidence is None else next_step(before.evidence)
        after = replace(after, step_since=draft.at, evidence=evidence, verdict=None)
    return draft.put("comparisons", name, after), Done(name, "compared")


def _began(draft: Draft, focus: Focus, wish: Compare, by: str) -> Answered:
    name = key(wish)
    draft = _room(draft, name, by)
    if len(draft.world.comparisons.keys() | {name}) > MOST:
        return draft, Refused("refused", f"{MOST} comparisons are kept at a time", "ask again in a while")
    since = min(max(wish.since or draft.at, draft.at - BEFORE_MS), draft.at)
    fresh = Comparison(name, wish, wish.stable, wish.canary, since, by, draft.at, since)
    draft = draft.put("comparisons", name, fresh)
    pair = f"{wish.canary or 'what comes'} beside {wish.stable or 'what served before'}"
    draft = draft.say(Kind.COMPARED, focus.name, name, pair, by=by, since=since, checksum=wish.checksum)
    return draft, Done(name, "the evidence begins")


def _room(draft: Draft, name: str, by: str) -> Draft:
    """Whoever asks about too many loses the one that they asked about least lately, and nobody else does."""
    own = [one for one in draft.world.comparisons.values() if one.by == by and one.id != name]
    if len(own) < MOST_BY:
        return draft
    oldest = min(own, key=lambda one: (one.asked_at, one.id))
    return _end(draft, oldest, f"{by} asks about more than {MOST_BY} pairs")


def pairs(draft: Draft) -> Draft:
    """Fold what was closed since the last turn into the evidence of each, and rule; let go of what nobody asks about."""
    for one in draft.world.comparisons.values():
        focus = draft.world.policies.set.focuses.get(one.focus)
        if focus is None:
            draft = _end(draft, one, f"the focus {one.focus} is gone")
        elif draft.at - one.asked_at > KEPT_MS:
            draft = _end(draft, one, "nobody asks about it any more")
        else:
            draft = _judge(draft, focus, one)
    return draft


def _end(draft: Draft, one: Comparison, why: str) -> Draft:
    return draft.drop("comparisons", one.id).say(Kind.COMPARISON_ENDED, one.focus, one.id, why)


def _judge(draft: Draft, focus: Focus, one: Comparison) -> Draft:
    before, sides = one, Sides(draft.world.counters, focus, one.wish.flag)
    mark = sides.mark()
    if isinstance(mark, NoData):
        after = replace(one, why=mark.why)
    else:
        one = _named(sides, one, mark, declared=draft.world.stable.get(focus.name, ""))
        unclear = _unclear(sides, one, mark)
        after = replace(one, why=unclear) if unclear else _ruled(draft, sides, one, mark)
    if after == before:
        return draft
    draft = draft.put("comparisons", one.id, after)
    verdict = after.verdict
    if after.ruling is before.ruling or verdict is None:
        return draft
    said = after.why or verdict.reason
    pair = {"version": after.canary, "stable": after.stable, "flag": after.wish.flag, "by": after.by}
    return draft.say(
        Kind.COMPARISON_RULED,
        focus.name,
        after.id,
        said,
        ruling=str(after.ruling),
        **pair,
        **said_verdict(verdict),
    )


def _ruled(draft: Draft, sides: Sides, one: Comparison, mark: int) -> Comparison:
    """What was closed is folded, and the verdict is what it would be of our own rollout."""
    arms, spec = (one.canary, one.stable), rules(sides.focus, one.wish.flag)
    if one.verdict is not None and one.proved:
        return replace(one, why=_stop(draft, sides, spec, one, one.verdict))
    evidence = one.evidence or nothing_yet(sides, wide(sides, spec.judge), arms, one.since)
    buckets = sides.buckets(arms, (evidence.folded_to, mark), one.step_since)
    extras, verdict = sides.extras(evidence, arms, mark, one.step_since), one.verdict
    if buckets or extras != evidence.extras or (verdict is None and one.evidence is not None):
        evidence = replace(fold(evidence, buckets), extras=extras)
        step = Step(Fraction(0), min_requests=one.wish.min_requests)
        verdict = rule(evidence, evidence.spec, step, stale(draft, sides.focus, mark))
        verdict = capped(draft, sides.focus, evidence, verdict)
        verdict = widened(spec.judge, evidence.spec, verdict)
    if verdict is None:
        return replace(one, why=waits(sides, arms, one.step_since))
    return replace(one, evidence=evidence, verdict=verdict, why=_stop(draft, sides, spec, one, verdict))


def rules(focus: Focus, flag: str = "") -> RolloutSpec:
    """What is declared of its rollouts; without, the judge is as one that declares nothing is."""
    declared = focus.rollout_of(flag)
    if declared is not None:
        return declared
    budgets = [each.may_fail for each in focus.objectives if each.sli.kind is SliKind.EVENTS]
    return RolloutSpec((), JudgeWords().complete(budgets[0]) if budgets else DEFAULT_JUDGE)


def _stop(draft: Draft, sides: Sides, spec: RolloutSpec, one: Comparison, verdict: Verdict) -> str:
    """Why nothing may follow from the verdict now; what stops our own rollouts stops those of others."""
    frozen = draft.world.frozen.get("*") or draft.world.frozen.get(one.focus)
    if frozen:
        return f"automation is frozen: {frozen}"
    if verdict.ruling is Ruling.ROLLBACK:
        gone = sides.gone(one.stable)
        return f"{verdict.reason}; but the way back fails too: {gone}" if gone else ""
    if verdict.ruling is Ruling.PROMOTE or spec.promote is Promote.QUIET:
        few = few_instances(sides, (one.canary, one.stable), spec.judge)
        return budget_freeze(draft, spec, sides.focus) or few
    return ""


def _named(sides: Sides, one: Comparison, mark: int, declared: str) -> Comparison:
    """Arms that nobody named are found once, and stay."""
    if not one.stable:
        served = _seen(sides, one.since - SERVED_MS, one.since, one.canary)
        most = max(sorted(served), key=lambda name: served[name].total, default="")
        one = replace(one, stable=most or ("" if sides.flag else declared))
    if one.stable and not one.canary:
        came = _came(sides, one, mark)
        one = replace(one, canary=came[0] if len(came) == 1 else "")
    return one


def _unclear(sides: Sides, one: Comparison, mark: int) -> str:
    if not one.stable:
        return "no version served before: which is the stable one?"
    if one.canary == one.stable:
        return f"{one.stable} is the stable version already"
    if one.canary:
        return ""
    came = _came(sides, one, mark)
    if came:
        return f"besides {one.stable} there are {', '.join(came[:5])}: which is the canary?"
    return f"only {one.stable} has requests"


def _came(sides: Sides, one: Comparison, mark: int) -> list[str]:
    """Versions besides the stable one that have requests since the beginning; the new ones among them, if there are any."""
    came = _seen(sides, one.since, mark, one.stable)
    before = _seen(sides, one.since - SERVED_MS, one.since, one.stable)
    return sorted(came.keys() - before.keys()) or sorted(came)


def _seen(sides: Sides, since: int, until: int, but: str) -> Mapping[str, Measured]:
    """Versions with requests in (since, until] except that one."""
    counts = sides.counts(since, until)
    return {name: seen for name, seen in counts.items() if seen.total and name not in ("", OTHER, but)}
