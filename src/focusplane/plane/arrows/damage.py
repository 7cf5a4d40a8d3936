"""What an incident costs: failed requests, excess over the baseline, tenants hurt, budget spent; all from the counters."""

from fractions import Fraction

from focusplane.act.incident import Incident
from focusplane.define.focus import Focus
from focusplane.define.slo import Rolling
from focusplane.kernel.ids import Json
from focusplane.kernel.quantity import format_percent
from focusplane.kernel.tick import MINUTE, SECOND
from focusplane.observe.counters import Counters
from focusplane.observe.health import Budget
from focusplane.observe.localise import Explained, Hurt, excess, hurt, localise
from focusplane.observe.onset import onset
from focusplane.observe.reading import NoData
from focusplane.plane.arrows import compared, sight
from focusplane.plane.arrows.trouble import group_in
from focusplane.plane.draft import Draft

LOCALISE_MS = 2 * MINUTE
LINGER_MS = 2 * SECOND
"""Requests that a version had before its weight changed are counted until then."""
NO_TENANT = "unknown: no telemetry names a tenant"
OF_VERSION = ("version_failed", "version_total", "excess_failed", "full_rollout_would_have_failed")


def first_bad(draft: Draft, focus: Focus, version: str, objective: str = "", group: str = "") -> int:
    """When it began: the version's first bad second, else where the objective's failures rose; now if neither shows."""
    rollout = draft.world.rollouts.get(focus.name)
    counters, mark = draft.world.counters, draft.world.counters.watermark(focus.name)
    if version and rollout is not None and rollout.version == version:
        since = rollout.started_at - SECOND
        bad = compared.of(counters, focus, rollout).first_bad(version, since, draft.at)
        return draft.at if isinstance(bad, NoData) else bad
    if isinstance(mark, NoData) or not focus.objectives:
        return draft.at
    began = onset(counters, focus.name, focus.objective(objective or sight.leading(focus)), mark, group)
    return draft.at if isinstance(began, NoData) else began


def impact(draft: Draft, focus: Focus, incident: Incident) -> dict[str, Json]:
    """Counts since the first failure. Excess is what the failing version did beyond the baseline's failure ratio."""
    counters, name = draft.world.counters, sight.leading(focus)
    mark = counters.watermark(focus.name)
    since = incident.first_bad_at - SECOND
    if isinstance(mark, NoData) or mark <= since:
        return dict(incident.impact)
    group = group_in(incident.episode)
    if group:
        return _of_group(counters, focus, group, (since, mark))
    whole = counters.requests(focus.name, name, mark - since, mark)
    failed, total = (0, 0) if isinstance(whole, NoData) else (whole.bad, whole.total)
    return {
        "failed": failed,
        "total": total,
        **_of_version(draft, focus, incident, (since, mark)),
        **_tenants(hurt(counters, focus.name, name, since, mark), total, failed),
        **_budget(draft, focus, since, failed),
    }


def _of_group(counters: Counters, focus: Focus, group: str, over: tuple[int, int]) -> dict[str, Json]:
    """What one group lost, in the first objective that is judged apart by its dimension."""
    dimension = group.partition("=")[0]
    for objective in focus.objectives:
        if objective.by is not None and objective.by.dimension == dimension:
            found = counters.over_group(focus.name, objective.name, group, over[1] - over[0], over[1])
            failed, total = (0, 0) if isinstance(found, NoData) else (found.bad, found.total)
            return {"group": group, "objective": objective.name, "failed": failed, "total": total}
    seen = counters.slices_over(focus.name, sight.leading(focus), dimension, *over)
    one = seen.get(group.partition("=")[2])
    return {"group": group, "failed": one.bad, "total": one.total} if one is not None else {"group": group}


def _tenants(found: Hurt, total: int, failed: int) -> dict[str, Json]:
    """Who is hurt is unknown where requests came and named nobody: that is not nobody, and each of them may be one more."""
    if total and not found.active and not found.other:
        return {"tenants_unknown": NO_TENANT}
    more = max(found.other_failed, failed - found.failed)
    return {
        "tenants_hurt": found.tenants,
        "tenants_active": found.active,
        "tenants": [tenant for tenant, _ in found.top],
        **({"tenants_hurt_at_most": found.tenants + more} if more > 0 else {}),
    }


def smallest_surface(draft: Draft, focus: Focus) -> str:
    """Which slice explains the failures of the last two minutes, and what it was compared with (N10)."""
    mark = draft.world.counters.watermark(focus.name)
    if isinstance(mark, NoData):
        return mark.why
    found = localise(draft.world.counters, focus.name, sight.leading(focus), mark - LOCALISE_MS, mark)
    return found.reason if isinstance(found, Explained) else found.why


def _of_version(draft: Draft, focus: Focus, incident: Incident, over: tuple[int, int]) -> dict[str, Json]:
    """Failures of the version while it was exposed, their excess, and what that would have cost on all of the traffic."""
    rollout = draft.world.rollouts.get(focus.name)
    if not incident.version or rollout is None or rollout.version != incident.version:
        return {key: incident.impact[key] for key in OF_VERSION if key in incident.impact}
    exposed = over if rollout.live else (over[0], min(over[1], incident.opened_at + LINGER_MS))
    arms = (incident.version, rollout.stable)
    found = excess(compared.of(draft.world.counters, focus, rollout).counts(*exposed), arms)
    if isinstance(found, NoData):
        return {}
    more = max(Fraction(0), found.failures)
    everybody = more * (found.version.total + found.baseline.total) / found.version.total
    return {
        "version_failed": found.version.bad,
        "version_total": found.version.total,
        "excess_failed": round(more),
        "full_rollout_would_have_failed": round(everybody),
    }


def _budget(draft: Draft, focus: Focus, since: int, failed: int) -> dict[str, Json]:
    """The share of the leading objective's budget that the failures since the start have spent."""
    if not focus.objectives:
        return {}
    objective = focus.objective(sight.leading(focus))
    health = draft.world.health.get(f"{focus.name}/{objective.name}")
    budget = health.budget if health is not None else NoData("not read")
    if not isinstance(budget, Budget) or not budget.allowed or not isinstance(objective.window, Rolling):
        return {}
    if objective.sli.unit_ms:
        counters = draft.world.counters
        until = counters.lanes[focus.name].mark(objective.name) or since
        units = counters.over(focus.name, objective.name, max(1, until - since), until)
        failed = 0 if isinstance(units, NoData) else units.bad
    return {"budget_spent": format_percent(Fraction(failed) / budget.allowed), "objective": objective.name}
