"""What deserves an incident: what went wrong in this turn, and what is wrong however long it has been."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from focusplane.act.action import Phase as ActionPhase
from focusplane.act.fact import Fact, Kind
from focusplane.act.foreign import Foreign, level_of
from focusplane.act.incident import LIVE
from focusplane.control.rollout import Phase
from focusplane.define.focus import Focus
from focusplane.define.mitigation import OnBurn
from focusplane.define.slo import Level
from focusplane.kernel.tick import MINUTE, SECOND
from focusplane.observe.health import Health, State
from focusplane.observe.judge_health import silent_for
from focusplane.observe.reading import Measured, NoData
from focusplane.observe.verdict import Ruling
from focusplane.plane.arrows import sight
from focusplane.plane.draft import Draft

GRACE_MS = MINUTE
MOST_GROUPS = 5
"""Groups of one objective that get an incident each; the others are told in the state of the objective."""
ALERT = "alert "
"""How the episode of an alert of another system begins; its fingerprint follows."""
BLIND = "blind"
BRIEF_MS = 20 * SECOND
"""A shorter silence wakes nobody."""
"""The episode of a focus that cannot be seen: news of its own, whatever else is known to fail."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that deserves an incident; `episode` tells two failures of one focus apart."""

    episode: str
    level: Level
    title: str
    reason: str
    version: str = ""
    objective: str = ""
    """whose counts say when it began; empty means the leading one"""
    memory_ms: int = 0
    """so long its windows go on holding a failure that is over"""
    began: int = 0
    """when it began, Unix ms, if that is said and not counted"""
    asks: str = ""
    """the command by which a person says yes to what waits for it"""


def happened(draft: Draft, focus: Focus, told: Sequence[Fact]) -> Iterator[Trouble]:
    """What went wrong in this very turn, as the facts told of this focus say: a version taken back, an action that failed."""
    for fact in told:
        if fact.kind is Kind.ROLLOUT_MOVED and fact.body["phase"] == Phase.ROLLED_BACK:
            version = str(fact.body["version"])
            flag = f"{fact.body['flag']}=" if "flag" in fact.body else ""
            title = f"{flag}{version} of {focus.name} was taken back"
            yield Trouble(f"rollout {fact.subject}", Level.ACT, title, fact.reason, version)
        if fact.kind is Kind.DECIDED and fact.body["rule"] in {one.name for one in focus.mitigations}:
            asks = f"focus approve {fact.subject}" if fact.body["approvals_needed"] else ""
            title = _answered(focus, str(fact.body["rule"]), str(fact.body["what"]))
            title += " waits for approval" if asks else ""
            yield Trouble("burn", Level.ACT, title, fact.reason, memory_ms=MINUTE, asks=asks)
        if fact.kind is Kind.ACTION_MOVED and fact.body["phase"] in (ActionPhase.FAILED, ActionPhase.UNKNOWN):
            title = f"{draft.world.actions[fact.subject].what} is {fact.body['phase']}"
            yield Trouble(f"action {fact.subject}", Level.PAGE, title, fact.reason)


def _answered(focus: Focus, rule: str, what: str) -> str:
    """What fails comes first, where the rule says so; then what is done about it."""
    when = next(one.when for one in focus.mitigations if one.name == rule)
    fails = f" fails its {when.objective}" if isinstance(when, OnBurn) else ""
    return f"{focus.name}{fails}: {what}"


def lasts(draft: Draft, focus: Focus) -> Iterator[Trouble]:
    """What is wrong now, however long it has been: burning, blind, drifting."""
    rollout = draft.world.rollouts.get(focus.name)
    canary = rollout.version if rollout is not None and rollout.live else ""
    for health in healths(draft, focus):
        if health.level >= Level.ACT:
            title = f"{focus.name} fails its {health.objective}"
            yield Trouble(
                "burn", health.level, title, health.reason, canary, health.objective, memory_ms=memory(health)
            )
        if (
            health.state is State.BLIND
            and isinstance(health.reading, Measured)
            and not _just_up(draft, focus)
            and not _brief(draft, focus)
        ):
            title = f"{focus.name} cannot be seen"
            yield Trouble(BLIND, Level.PAGE, title, health.reason, began=_last_seen(draft, focus))
    yield from _groups(draft, focus)
    yield from _alerts(draft, focus)
    if rollout is not None and rollout.live and _refused_to_go_back(draft, focus):
        title = f"{rollout.what} of {focus.name} is worse and still exposed"
        yield Trouble(f"rollout {rollout.id}", Level.PAGE, title, rollout.hold_reason, rollout.version)
    adrift = sight.adrift(draft, focus)
    if adrift:
        yield Trouble("drift", Level.PAGE, f"{focus.name} drifts", adrift)


def _last_seen(draft: Draft, focus: Focus) -> int:
    """Until when there are counts: what changed before that may be why, and what failed before has a story of its own."""
    mark = draft.world.counters.watermark(focus.name)
    return 0 if isinstance(mark, NoData) else mark


def _groups(draft: Draft, focus: Focus) -> Iterator[Trouble]:
    """Groups that fail by themselves, the worst few; while the whole objective fails, its own incident tells of them."""
    for objective in focus.objectives:
        key = f"{focus.name}/{objective.name}"
        whole, groups = draft.world.health.get(key), draft.world.groups.get(key, ())
        if whole is None or whole.level >= Level.ACT:
            continue
        for health in [one for one in groups if one.level >= Level.ACT][:MOST_GROUPS]:
            title = f"{focus.name} fails its {objective.name} for {health.group}"
            yield Trouble(
                group_episode(health.group),
                health.level,
                title,
                health.reason,
                objective=objective.name,
                memory_ms=memory(health),
            )


def _alerts(draft: Draft, focus: Focus) -> Iterator[Trouble]:
    """What other systems say of this focus, unless a person has said that it is over since it began to fire."""
    for key, one in draft.world.alerts.items():
        if one.focus != focus.name or not one.fires:
            continue
        episode = f"{ALERT}{key}"
        if not _settled(draft, focus, episode, one.since):
            labels = one.sent.labels
            said = one.sent.annotations.get("summary") or one.sent.annotations.get("description") or one.name
            reason = f"{one.by} says: {said}"
            yield Trouble(
                episode, level_of(labels), f"{focus.name}: {one.name}", reason, began=one.sent.starts_at
            )


def _settled(draft: Draft, focus: Focus, episode: str, since: int) -> bool:
    return any(
        one.focus == focus.name
        and one.episode == episode
        and one.stage not in LIVE
        and one.resolved_at > since
        for one in draft.world.incidents.values()
    )


def alert_of(draft: Draft, episode: str) -> Foreign | None:
    """The alert of another system that an incident tells of, if it is about one that is still known."""
    return draft.world.alerts.get(episode.removeprefix(ALERT)) if episode.startswith(ALERT) else None


def group_episode(group: str) -> str:
    """The episode of one group, such as `burn tenant=acme`."""
    return f"burn {group}"


def group_in(episode: str) -> str:
    """The group that an episode tells of; empty if it is of the whole."""
    word, _, group = episode.partition(" ")
    return group if word == "burn" else ""


def tenant_in(episode: str) -> str:
    """The tenant whose alone the failure is; empty if it is not of one."""
    dimension, _, value = group_in(episode).partition("=")
    return value if dimension == "tenant" else ""


def burns(episode: str) -> bool:
    """It is an objective that burns, of the whole or of a group."""
    return episode == "burn" or bool(group_in(episode))


def of_episode(draft: Draft, focus: Focus, episode: str) -> list[Health]:
    """The health of what an incident tells of: of one group in every objective that knows it, else of every
    objective; of an alert that another system made none."""
    group = group_in(episode)
    if episode.startswith(ALERT):
        return []
    if not group:
        return healths(draft, focus)
    keys = (f"{focus.name}/{objective.name}" for objective in focus.objectives)
    return [one for key in keys for one in draft.world.groups.get(key, ()) if one.group == group]


def _brief(draft: Draft, focus: Focus) -> bool:
    """A silence that may be a sender's pause: everything that needs sight is held at once, and nobody is woken yet."""
    silent = silent_for(draft.world.counters, focus.name, draft.at)
    return draft.world.counters.lanes[focus.name].sources.silence() < silent < BRIEF_MS


def _just_up(draft: Draft, focus: Focus) -> bool:
    """The plane itself was away: senders get their time to come back before their silence is an incident. They are back
    once they were looked at in a second after the one in which they were heard: the health of before calls them silent.
    """
    up, lane = draft.world.up_since, draft.world.counters.lanes.get(focus.name)
    active = lane.sources.active if lane is not None else None
    heard = lane.sources.heard(active) if lane is not None and active is not None else 0
    back = heard >= up and draft.world.judged[0] > heard // SECOND
    return not back and draft.at - up < max(GRACE_MS, lane.sources.silence() if lane is not None else 0)


def _refused_to_go_back(draft: Draft, focus: Focus) -> bool:
    """The judge says roll back, and a freeze or a way back that fails too stands in the way: a person must know (N15)."""
    verdict = draft.world.verdicts.get(focus.name)
    return verdict is not None and verdict.ruling is Ruling.ROLLBACK


def memory(health: Health) -> int:
    """The shortest of the short windows that fire: an older failure cannot be in it."""
    firing = [one.rule.short_ms for one in health.burns if one.firing and one.rule.level >= Level.ACT]
    return min(firing, default=0)


def healths(draft: Draft, focus: Focus) -> list[Health]:
    keys = (f"{focus.name}/{objective.name}" for objective in focus.objectives)
    return [draft.world.health[key] for key in keys if key in draft.world.health]
