"""What came of effects: data planes report which board they run, looks and notifications come back."""

from collections.abc import Mapping
from dataclasses import replace

from focusplane.act.effect import Event, Notify
from focusplane.act.fact import Kind
from focusplane.act.incident import LIVE
from focusplane.control import board as boards
from focusplane.kernel.tick import HOUR, MINUTE
from focusplane.plane.arrival import OURSELVES, Notified, Observed, Reported, SetAside, Stood
from focusplane.plane.draft import Draft
from focusplane.plane.world import Look, Node, Undelivered

FORGET_NODE_MS = HOUR
MOST_NODES = 5_000
FURTHEST_EPOCH = 1_000
"""Epochs rise one by one: nobody who names one further away makes this plane skip them."""
LONGEST_PAUSE_MS = 30 * MINUTE
MOST_TRIES_OF_AN_END = 8
"""Which is about two and a half hours."""
"""Between two rounds of tries to reach a channel; the first pause is a minute."""


def reported(draft: Draft, arrival: Reported) -> Draft:
    """A node's newest word replaces its older one; a rejected configuration is said once per board.

    That a node has gone is no sign of life: when it was seen stays as it was.
    """
    key = f"{arrival.dataplane}:{arrival.node}"
    if arrival.node in OURSELVES and not arrival.rejected:
        return draft.drop("nodes", key).unsay(Kind.REJECTED, "", key)
    before = draft.world.nodes.get(key)
    node = Node(
        arrival.dataplane,
        arrival.node,
        arrival.board_version,
        before.seen_at if arrival.away and before is not None else draft.at,
        arrival.rejected,
        arrival.detail,
        arrival.plane,
        arrival.epoch,
        arrival.away,
        arrival.refused,
        arrival.remote,
        arrival.contested,
    )
    draft = draft.but(nodes=_remembered({**draft.world.nodes, key: node}, draft.at))
    if arrival.rejected:
        board = arrival.refused or arrival.board_version
        draft = draft.say_once(
            Kind.REJECTED, "", key, f"{key} rejected board {board}: {arrival.detail}", board=board
        )
    return _fenced(draft, key, arrival)


def _fenced(draft: Draft, key: str, arrival: Reported) -> Draft:
    """A node runs a later board of ours than we have: our memory is older than it was, and that stays so however far we
    move on. Only an adoption ends it (N6).
    """
    ours = draft.world.board
    if not arrival.plane or (arrival.plane, arrival.epoch) != (ours.plane, ours.epoch):
        return draft
    known = (node.epoch for node in draft.world.nodes.values() if node.plane == ours.plane)
    above = max((epoch for epoch in known if epoch < ours.epoch + FURTHEST_EPOCH), default=0)
    after = boards.fence(ours, arrival.version, above)
    if after is ours:
        return draft
    reason = (
        f"{key} runs board version {arrival.version} of epoch {ours.epoch}, of which this plane has only"
        f" {after.lost[-1].version}: its data are older than they were; what runs such a board is not answered"
    )
    return draft.but(board=after).say(
        Kind.PLANE_FENCED, "", ours.plane, reason, epoch=after.epoch, board=after.version
    )


def _remembered(nodes: Mapping[str, Node], at: int) -> dict[str, Node]:
    """The nodes of the last hour, the `MOST_NODES` that were heard last: instances come and go, memory stays bounded."""
    alive = {key: node for key, node in nodes.items() if at - node.seen_at < FORGET_NODE_MS}
    if len(alive) <= MOST_NODES:
        return alive
    newest = sorted(alive, key=lambda key: (-alive[key].seen_at, key))[:MOST_NODES]
    return {key: alive[key] for key in alive if key in frozenset(newest)}


def observed(draft: Draft, arrival: Observed) -> Draft:
    """What the outside really runs of one focus."""
    draft = draft.drop("outbox", arrival.key)
    if arrival.focus not in draft.world.policies.set.focuses:
        return draft
    return draft.put("looks", arrival.focus, Look(draft.at, arrival.shares, arrival.problem))


def notified(draft: Draft, arrival: Notified) -> Draft:
    kind = Kind.NOTIFIED if arrival.ok else Kind.NOTIFY_FAILED
    sent = draft.world.outbox.get(arrival.key)
    focus, channel = (sent.focus, sent.channel) if isinstance(sent, Notify) else ("", "")
    draft = draft.drop("outbox", arrival.key)
    if arrival.told:
        said = arrival.detail or "taken by the channel"
        draft = draft.say(kind, focus, arrival.key, said, channel=channel)
    if arrival.ok or not isinstance(sent, Notify):
        return draft.drop("undelivered", arrival.key)
    before = draft.world.undelivered.get(arrival.key)
    failed = before.failed + 1 if before is not None else 1
    pause = min(MINUTE * 2 ** (failed - 1), LONGEST_PAUSE_MS)
    return draft.put("undelivered", arrival.key, Undelivered(sent, failed, draft.at + pause))


def overdue(draft: Draft) -> Draft:
    """What no channel took is sent again as long as it matters: its incident is live, or the first tries are fresh."""
    for key, owed in draft.world.undelivered.items():
        if draft.at < owed.again_at or key in draft.world.outbox:
            continue
        if _matters(draft, owed):
            draft = draft.cause(replace(owed.notify, again=True))
        else:
            draft = draft.drop("undelivered", key)
    return draft


def _matters(draft: Draft, owed: Undelivered) -> bool:
    """Of a live incident somebody must hear; a pager must hear that one is over, for otherwise it rings on. That somebody has it
    is true no more once it fails again: a pager that heard it then would be silent while nobody has it; and nobody is woken late
    for what somebody has.
    """
    incident = draft.world.incidents.get(owed.notify.incident)
    if incident is None:
        return False
    match owed.notify.event:
        case Event.RESOLVE:
            return incident.stage not in LIVE and owed.failed < MOST_TRIES_OF_AN_END
        case Event.ACKNOWLEDGE:
            return incident.stage in LIVE and bool(incident.acked_by)
        case Event.TRIGGER:
            return incident.stage in LIVE and not incident.acked_by
        case _:
            return incident.stage in LIVE


def set_aside(draft: Draft, arrival: SetAside) -> Draft:
    """What broke a turn is on the record, and counted like everything else that was not used."""
    return draft.say(Kind.SET_ASIDE, "", arrival.kind, arrival.why)


def stood(draft: Draft, arrival: Stood) -> Draft:
    """A time in which nothing could be decided belongs to the story of whatever happened in it."""
    return draft.say(Kind.PLANE_STOOD, "", draft.world.board.plane, arrival.why, for_ms=arrival.for_ms)
