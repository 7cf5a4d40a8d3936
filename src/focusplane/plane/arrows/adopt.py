"""Adoption (N6): an admin says that this plane is the right one for nodes that run another plane's board, or a later one."""

from collections.abc import Mapping

from focusplane.act.fact import Kind
from focusplane.act.request import Adopt, Done, Refused
from focusplane.control import board as boards
from focusplane.define.people import Role, covers
from focusplane.plane.arrival import Asked
from focusplane.plane.arrows import declare, known
from focusplane.plane.arrows.known import Answered
from focusplane.plane.draft import Draft

MOST_NAMED = 50
"""Nodes that the journal names; the count is of all."""


def adopt(draft: Draft, ask: Adopt, asked: Asked) -> Answered:
    """The board names the planes it follows, in a new epoch: level, not edge, so a restart changes nothing about it."""
    objecting = [node for node in draft.world.nodes.values() if node.plane]
    refused = _refusal(draft, ask, asked, bool(objecting or draft.world.board.lost))
    if refused is not None:
        return draft, refused
    for name, version in sorted(ask.stable.items()):
        draft = _settle(draft, name, version)
    ours = draft.world.board.plane
    planes = {node.plane for node in objecting} - {ours}
    above = max((node.epoch for node in objecting if node.plane == ours), default=0)
    draft = draft.but(board=boards.adopt(draft.world.board, planes, above))
    count = f"{len(objecting)} node{'s' if len(objecting) != 1 else ''}"
    draft = draft.say(
        Kind.PLANE_ADOPTED,
        "",
        ours,
        ask.reason,
        by=asked.by,
        planes=sorted(planes),
        nodes=sorted(f"{node.dataplane}:{node.node}" for node in objecting)[:MOST_NAMED],
        count=len(objecting),
        stable=dict(sorted(ask.stable.items())),
        epoch=draft.world.board.epoch,
        board=draft.world.board.version,
    )
    return draft, Done(
        ours, f"{count} may follow board {draft.world.board.etag} now", _body(draft.world.stable)
    )


def _body(stable: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted(stable.items()))


def _refusal(draft: Draft, ask: Adopt, asked: Asked, objecting: bool) -> Refused | None:
    if not covers(asked.role, Role.ADMIN):
        return Refused(
            "refused", f"{asked.by} has the role {asked.role or 'none'}", "this needs the role admin"
        )
    if not ask.reason.strip():
        return Refused("usage", "an adoption needs a reason", "--reason 'the disk was lost'")
    if not objecting:
        return Refused("conflict", "no node runs what another plane wrote: there is nothing to adopt")
    wrong = (_unsettled(draft, name, version) for name, version in sorted(ask.stable.items()))
    return next((found for found in wrong if found is not None), None)


def _unsettled(draft: Draft, name: str, version: str) -> Refused | None:
    """Why that version cannot be made the stable one now."""
    focus = known.focus(draft, name)
    if isinstance(focus, Refused):
        return focus
    declared = focus.controls.traffic.versions if focus.controls.traffic is not None else {}
    if version not in declared:
        return Refused(
            "not-found", f"{name} declares no version {version!r}", f"known: {', '.join(declared) or 'none'}"
        )
    entry, rollout = draft.world.board.entries[f"{name}/traffic"], draft.world.rollouts.get(name)
    if (
        entry.overridden
        or name in draft.world.waiting
        or (rollout is not None and rollout.live and not rollout.flag)
    ):
        return Refused(
            "conflict", f"the traffic of {name} is being moved already", f"focus control clear {name} traffic"
        )
    return None


def _settle(draft: Draft, name: str, version: str) -> Draft:
    focus = draft.world.policies.set.focuses[name]
    draft = draft.put("stable", name, version)
    return draft.but(board=declare.declared_board(draft.world.board, focus, version))
