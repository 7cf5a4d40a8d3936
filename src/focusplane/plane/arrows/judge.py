"""Closed seconds of both arms -> Evidence -> Verdict, for every live rollout."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from focusplane.act.fact import Kind
from focusplane.control.flag import by_tenant
from focusplane.control.rollout import Rollout
from focusplane.control.split import version_for
from focusplane.define.controls import Sticky
from focusplane.define.focus import Focus
from focusplane.define.rollout import JudgeSpec
from focusplane.define.sli import SliKind
from focusplane.define.synthetic import Synthetic
from focusplane.instrument.conventions import OTHER
from focusplane.kernel.quantity import format_duration
from focusplane.kernel.tick import HOUR, MINUTE, SECOND
from focusplane.observe import synthetic
from focusplane.observe.alone import alone
from focusplane.observe.arms import KEEP_SECONDS_MS
from focusplane.observe.canary import begin, fold, rule
from focusplane.observe.cap import Cap, over
from focusplane.observe.counters import Counters
from focusplane.observe.evidence import Evidence
from focusplane.observe.exceedances import Row
from focusplane.observe.extras import Watched
from focusplane.observe.health import Budget
from focusplane.observe.own_past import explains, own_past
from focusplane.observe.pace import WIDEST_MS
from focusplane.observe.path import further, point
from focusplane.observe.reading import Measured, NoData
from focusplane.observe.verdict import MetricEvidence, Ruling, Verdict
from focusplane.plane.arrows import compared, mirrored, sight
from focusplane.plane.arrows.compared import Sides
from focusplane.plane.arrows.words import of_flag, said_verdict
from focusplane.plane.draft import Draft

OLD_MS = 15 * SECOND
"""Data older than this, and than the reports it comes from are long, may tighten, never loosen or promote (N4)."""
PAST_MS = 15 * MINUTE
LINGERS_MS = 3 * SECOND
"""So long after a change of weights reports and answers of before it may come in, where reports speak of a second."""
OF_NAMES = "against other tenants, for nobody of these is on the stable version"
OWN_PASTS_MS = (HOUR, 30 * MINUTE, 10 * MINUTE, 5 * MINUTE, 2 * MINUTE, MINUTE)
"""How far back each tenant's own past is looked at: as far as nobody was on another version."""


def names(draft: Draft) -> None:
    """Tell the counters which tenants are on a version by name while chance decides for the others."""
    for name, rollout in draft.world.rollouts.items():
        lane = draft.world.counters.lanes.get(name)
        if lane is not None:
            lane.named = frozenset(rollout.pinned if rollout.weight else ())


def rollouts(draft: Draft) -> Draft:
    """Fold what was closed since the last turn into the evidence of each rollout, and rule."""
    for name, rollout in draft.world.rollouts.items():
        focus = draft.world.policies.set.focuses.get(name)
        if rollout.live and focus is not None:
            draft = _judge(draft, focus, rollout)
    return draft


def old_after(counters: Counters, focus: str) -> int:
    """The age (ms) from which the data of a focus is old: a report each minute is a minute late by its nature. Reports too
    long to compare versions by are old as soon as any.
    """
    lane = counters.lanes.get(focus)
    interval = lane.sources.interval() if lane is not None else 0
    return OLD_MS + interval if SECOND < interval <= WIDEST_MS else OLD_MS


def _judge(draft: Draft, focus: Focus, rollout: Rollout) -> Draft:
    world, spec = draft.world, focus.rollout_of(rollout.flag)
    sides = compared.of(world.counters, focus, rollout)
    mark, told = sides.mark(), world.pairs.get(focus.name, ())
    if spec is None or (isinstance(mark, NoData) and not told):
        return draft
    arms = (rollout.version, rollout.stable)
    evidence = world.evidence.get(focus.name) or nothing_yet(
        sides, wide(sides, spec.judge), arms, rollout.step_since, spec.synthetic
    )
    draft, made = _made_up(draft, rollout, evidence)
    seen = mirrored.fold(_closed(sides, evidence, arms, rollout.step_since), told)
    seen = seen if made == evidence.synthetic else replace(seen, synthetic=made)
    if seen is evidence:
        return draft
    draft, evidence = mirrored.folded(draft, focus.name), seen
    verdict = rule(evidence, evidence.spec, rollout.steps[rollout.step], stale(draft, focus, mark))
    if verdict.ruling is Ruling.ROLLBACK and verdict.of_errors_alone(evidence.spec):
        why = _its_tenants(draft, focus, rollout, evidence.spec, verdict.metrics[0].alone)
        verdict = replace(verdict, ruling=Ruling.HOLD, reason=why) if why else verdict
    if rollout.steps[rollout.step].tenants:
        verdict = _of_names(draft, focus, rollout, evidence.spec, verdict)
    verdict = capped(draft, focus, evidence, verdict)
    verdict = widened(spec.judge, evidence.spec, verdict)
    before = world.verdicts.get(focus.name)
    draft = draft.put("evidence", focus.name, evidence).put("verdicts", focus.name, verdict)
    went = further(world.paths.get(focus.name), rollout.id, point(verdict, draft.at, rollout.step))
    draft = draft.put("paths", focus.name, went)
    if before is not None and before.ruling is verdict.ruling:
        return draft
    if before is None and verdict.ruling is Ruling.HOLD:
        return draft
    return draft.say(
        Kind.ROLLOUT_RULED,
        focus.name,
        rollout.id,
        verdict.reason,
        ruling=str(verdict.ruling),
        version=rollout.version,
        step=rollout.step,
        **of_flag(rollout),
        **said_verdict(verdict),
    )


def _closed(sides: Sides, evidence: Evidence, arms: tuple[str, str], since: int) -> Evidence:
    """With what was closed of both arms; the very same where nothing was."""
    mark = sides.mark()
    if isinstance(mark, NoData):
        return evidence
    buckets = sides.buckets(arms, (evidence.folded_to, mark), since)
    extras = sides.extras(evidence, arms, mark, since)
    if not buckets and extras == evidence.extras:
        return evidence
    return replace(fold(evidence, buckets), extras=extras)


def _made_up(draft: Draft, rollout: Rollout, evidence: Evidence) -> tuple[Draft, Watched | None]:
    """What synthetic requests have shown, with those whose answers have come in since."""
    known, own = draft.world.supplies.get(rollout.focus), evidence.synthetic
    if own is None or known is None or known.rollout != rollout.id or not known.pending:
        return draft, own
    draft = draft.put("supplies", rollout.focus, replace(known, pending=()))
    return draft, synthetic.fold(own, known.pending, draft.at)


def wide(sides: Sides, spec: JudgeSpec) -> JudgeSpec:
    """The declared rules; of versions with the tolerance that the stable version against itself has shown to be needed."""
    lane = sides.counters.lanes.get(sides.focus.name)
    return spec if sides.flag or lane is None else lane.self_test.wide(spec)


def widened(declared: JudgeSpec, used: JudgeSpec, verdict: Verdict) -> Verdict:
    """Says it when the tolerance is not the declared one; a rollout keeps the one with which it began."""
    if used.tolerance == declared.tolerance:
        return verdict
    words = f"tolerance {float(used.tolerance):.4g} instead of {float(declared.tolerance):g}, for the stable version"
    return replace(verdict, reason=f"{verdict.reason} ({words} against itself is noisy)")


def few_instances(sides: Sides, arms: tuple[str, str], spec: JudgeSpec) -> str:
    """Why nothing is promoted while too few instances of a version count requests; empty if enough do, or nobody asks. A
    flag's variants share their instances.
    """
    lane = sides.counters.lanes.get(sides.focus.name)
    if not spec.min_instances or sides.flag or lane is None or lane.sources.mark is None:
        return ""
    for version in arms:
        found = lane.instances.of(version, lane.sources.mark, lane.sources.longest())
        if found < spec.min_instances:
            return f"{found} of {spec.min_instances} instances of {version} count requests: a bad machine would look like a bad version"
    return ""


def capped(draft: Draft, focus: Focus, evidence: Evidence, verdict: Verdict) -> Verdict:
    """Back at once when the version has cost more than its share of the budget, whatever is proved; without a known budget
    there is nothing to have a share of.
    """
    share = evidence.spec.budget_share
    health = draft.world.health.get(f"{focus.name}/{sight.leading(focus)}")
    if not share or verdict.ruling is Ruling.ROLLBACK or health is None:
        return verdict
    if not isinstance(health.budget, Budget):
        return verdict
    why = over(evidence.strata, Cap(share, health.budget.allowed))
    return replace(verdict, ruling=Ruling.ROLLBACK, reason=why) if why else verdict


def _undisturbed(counters: Counters, focus: Focus, rollout: Rollout) -> int:
    """For how long before the rollout everybody was on the stable version (ms): what tenants suffered on another one, this
    one's first attempt above all, is not their own.
    """
    began = rollout.started_at
    for length in OWN_PASTS_MS:
        if rollout.flag and length > KEEP_SECONDS_MS:
            continue
        served = compared.of(counters, focus, rollout).counts(began - length, began)
        if not any(seen.total for version, seen in served.items() if version not in ("", rollout.stable)):
            return length
    return 0


def _its_tenants(draft: Draft, focus: Focus, rollout: Rollout, spec: JudgeSpec, part: Row | None) -> str:
    """Why the failures may be those of the canary's tenants and not its own; empty if they are not. Tenants stay together on
    a version, so that one of them which always fails makes the version look bad. Where one `part` of the requests is what
    looks bad, all that these tenants failed more than others may have been there.
    """
    counters, name = draft.world.counters, sight.leading(focus)
    sides, serves = compared.of(counters, focus, rollout), _assigned(focus, rollout)
    mark = sides.mark()
    if serves is None or isinstance(mark, NoData):
        return ""
    began = rollout.started_at
    since = rollout.step_since if part is None else began
    if part is None:
        versions = sides.counts(since, mark)
        canary, baseline = versions.get(rollout.version), versions.get(rollout.stable)
    else:
        canary, baseline = (Measured(total - bad, total) for total, bad in (part[:2], part[2:]))
    theirs = {
        tenant: seen
        for tenant, seen in counters.slices_over(focus.name, name, "tenant", since, mark).items()
        if tenant != OTHER and serves(tenant) == rollout.version
    }
    length = _undisturbed(counters, focus, rollout)
    past = own_past(theirs, counters.slices_over(focus.name, name, "tenant", began - length, began))
    if canary is None or not explains(past, canary, baseline, spec, part is not None):
        return ""
    excess = past.excess if part is None else past.at_most
    return (
        f"suspicious: canary {canary.bad} of {canary.total} {'at this step' if part is None else 'in one part'}, but its tenants,"
        f" {past.tenant} above all, failed more than others before the rollout: by about {round(excess)} in as many requests"
    )


def _of_names(draft: Draft, focus: Focus, rollout: Rollout, spec: JudgeSpec, verdict: Verdict) -> Verdict:
    """A step of tenants by name has no baseline of the same tenants at the same time: they are compared with the others,
    which is said, and their safety has to be shown against their own past too.
    """
    counters = draft.world.counters
    mark = counters.watermark(focus.name)
    if isinstance(mark, NoData):
        return verdict
    began, length = rollout.started_at, _undisturbed(counters, focus, rollout)
    now = _summed(counters, focus, (rollout.step_since + LINGERS_MS, mark), rollout.pinned)
    before = _summed(counters, focus, (began - length, began), rollout.pinned)
    past = alone(now, before, spec)
    metric = MetricEvidence("own past", 1.0, past.e_safe, now.bad, now.total, before.bad, before.total)
    reason = f"{verdict.reason}; {OF_NAMES}"
    verdict = replace(
        verdict,
        reason=reason,
        e_safe=min(verdict.e_safe, past.e_safe),
        metrics=(*verdict.metrics, metric),
    )
    if verdict.ruling is not Ruling.PROMOTE or past.e_safe * spec.alpha >= 1:
        return verdict
    own = f"{now.bad} of {now.total}, before the rollout {before.bad} of {before.total}"
    needs = f"about {past.missing} more of their requests" if past.missing is not None else "no end in sight"
    why = f"no worse than the other tenants, but not yet shown by their own past: {own}; {needs}"
    return replace(verdict, ruling=Ruling.HOLD, reason=why, eta_requests=None)


def _summed(counters: Counters, focus: Focus, span: tuple[int, int], tenants: tuple[str, ...]) -> Measured:
    """All requests of these tenants in that time."""
    seen = (
        counters.slices_over(focus.name, sight.leading(focus), "tenant", *span) if span[0] < span[1] else {}
    )
    found = [seen[tenant] for tenant in tenants if tenant in seen]
    return Measured(sum(each.good for each in found), sum(each.total for each in found), Fraction(1))


def stale(draft: Draft, focus: Focus, mark: int | NoData) -> str:
    """That the newest data is old, or that there is none, in words; empty if neither."""
    if isinstance(mark, NoData):
        return mark.why
    age = draft.at - mark
    return (
        f"the newest is {format_duration(age)} old"
        if age > old_after(draft.world.counters, focus.name)
        else ""
    )


def _assigned(focus: Focus, rollout: Rollout) -> Callable[[str], str] | None:
    """Which version or variant a tenant has; None where more than the tenant decides, or another system by its own hash."""
    if rollout.flag:
        flag = focus.controls.flags.get(rollout.flag)
        return (
            None if flag is None or flag.driver is not None else by_tenant(focus.name, flag, rollout.variants)
        )
    traffic = focus.controls.traffic
    if not rollout.steps[rollout.step].tenants and (traffic is None or traffic.sticky is not Sticky.TENANT):
        return None
    return lambda tenant: version_for(rollout.traffic, focus.name, tenant)


def waits(sides: Sides, arms: tuple[str, str], since: int) -> str:
    """Why there is no verdict yet on (canary, baseline)."""
    mark = sides.mark()
    if sides.flag and isinstance(mark, NoData):
        return mark.why
    pace = sides.pace(arms, since)
    if pace.width > WIDEST_MS:
        most = format_duration(WIDEST_MS)
        return f"blind: the reports speak of {format_duration(pace.width)} at a time, and above {most} both arms cannot be compared"
    if pace.reach:
        words = f"the reports speak of {format_duration(pace.width)} at a time"
        return f"nothing to compare yet: {words}, and the first ends {format_duration(pace.first - since)} after the weight changed"
    return "no second in which both versions were counted is over yet"


def nothing_yet(
    sides: Sides, spec: JudgeSpec, arms: tuple[str, str], began: int, made: Synthetic | None = None
) -> Evidence:
    """No evidence yet on (canary, baseline); the baseline's latencies of the last quarter of an hour set the thresholds. A
    version that had requests until just now begins a little later: a report may end after the start and still speak of
    what was before it.
    """
    canary, baseline = arms
    lingers = canary in sides.counts(began - LINGERS_MS, began)
    past = sides.latencies(began - PAST_MS, began, baseline)
    timed = any(objective.sli.kind is SliKind.LATENCY for objective in sides.focus.objectives)
    since = began + LINGERS_MS if lingers else began
    return begin(spec, since, None if isinstance(past, NoData) else past, timed, made)
