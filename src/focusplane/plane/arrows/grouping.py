"""Grouping: one incident for each tenant that fails, as long as these are few; else one for the focus."""

from collections.abc import Iterator
from dataclasses import replace

from focusplane.act.incident import Incident
from focusplane.define.focus import Focus, GroupBy
from focusplane.define.slo import Level
from focusplane.instrument.conventions import OTHER
from focusplane.observe.burn import limit
from focusplane.observe.health import Health
from focusplane.observe.reading import NoData
from focusplane.plane.arrows.trouble import Trouble, group_episode, healths
from focusplane.plane.draft import Draft

MOST_APART = 5
"""Tenants that may have incidents of their own at a time: what hurts more of them is a failure of the focus."""


def apart(draft: Draft, focus: Focus, trouble: Trouble) -> Iterator[Trouble]:
    """The same trouble, tenant by tenant if the policy groups so."""
    if focus.alerts.group_by is not GroupBy.TENANT or trouble.episode != "burn" or not trouble.objective:
        yield trouble
        return
    health = draft.world.health[f"{focus.name}/{trouble.objective}"]
    tenants = failing_tenants(draft, focus, health)
    if not tenants:
        yield trouble
    for tenant in tenants:
        group = f"tenant={tenant}"
        yield replace(trouble, episode=group_episode(group), title=f"{trouble.title} for {group}")


def fails_alone(draft: Draft, focus: Focus, incident: Incident) -> bool:
    """Whether the tenant of an incident of its own is still among those for which the objectives fail."""
    grave = [one for one in healths(draft, focus) if one.level >= Level.ACT] if incident.tenant else []
    return any(incident.tenant in failing_tenants(draft, focus, health) for health in grave)


def failing_tenants(draft: Draft, focus: Focus, health: Health) -> tuple[str, ...]:
    """The tenants that the gravest firing rule would fire for by its short window; none if they are too many to tell apart,
    or nobody is named.
    """
    firing = [one for one in health.burns if one.firing and one.rule.level >= Level.ACT]
    mark = draft.world.counters.watermark(focus.name)
    if not firing or isinstance(mark, NoData):
        return ()
    rule, objective = firing[0].rule, focus.objective(health.objective)
    bound = limit(rule, objective.budget).ratio
    seen = draft.world.counters.slices_over(focus.name, objective.name, "tenant", mark - rule.short_ms, mark)
    found = tuple(
        tenant for tenant, one in seen.items() if one.bad >= objective.min_bad and one.bad_ratio > bound
    )
    return found if len(found) <= MOST_APART and OTHER not in found else ()
