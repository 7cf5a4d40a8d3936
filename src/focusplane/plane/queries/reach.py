"""Whom the plane reaches: the channels that wake people, what was not delivered, and applications without a board."""

from collections.abc import Callable, Iterable

from focusplane.act.fact import Fact, Kind
from focusplane.define.focus import PolicySet
from focusplane.instrument.signal import Source
from focusplane.kernel.tick import DAY
from focusplane.plane.queries.shown import Shown
from focusplane.plane.world import World

_MOST = 50


def channels(policies: PolicySet, missing: Callable[[str], str]) -> list[Shown]:
    """Every channel; `missing` says why its reference stands for nothing in the plane's environment, never what it is."""
    return [
        {"team": team.name, "channel": name, "missing": missing(url)}
        for team in policies.teams.values()
        for name, url in team.channels.items()
    ]


def undelivered(world: World, facts: Iterable[Fact]) -> list[Shown]:
    """What no channel took in the last day and since when that is so: a later success of the channel settles it."""
    since = world.tick.at - DAY
    failed: dict[str, Shown] = {}
    for fact in facts:
        if fact.at < since or fact.kind not in (Kind.NOTIFIED, Kind.NOTIFY_FAILED):
            continue
        channel = str(fact.body.get("channel", "")) or fact.reason.partition(":")[0]
        if fact.kind is Kind.NOTIFIED:
            failed.pop(channel, None)
        else:
            before = failed.get(channel, {"count": 0})["count"]
            failed[channel] = {"channel": channel, "count": before + 1, "at": fact.at, "why": fact.reason}
    return list(failed.values())[:_MOST]


def boardless(world: World) -> list[Shown]:
    """Applications that count their own requests, and of which no SDK follows the board."""
    follow = {one.node for one in world.nodes.values() if one.dataplane == "sdk"}
    telling: dict[str, list[str]] = {}
    for focus, lane in world.counters.lanes.items():
        for source, reporter in lane.sources.reporters:
            if source is Source.APP and reporter.rpartition("/")[2] not in follow:
                telling.setdefault(reporter, []).append(focus)
    rows: list[Shown] = [
        {"reporter": name, "focuses": sorted(held)} for name, held in sorted(telling.items())
    ]
    return rows[:_MOST]
