"""One object on its way to what is wanted: read, compared, written, read again until whoever carries it out says so."""

from fractions import Fraction

from focusplane.control.board import Board
from focusplane.edge.kubernetes.client import Client
from focusplane.edge.kubernetes.fence import ANNOTATION, marked, ours
from focusplane.edge.kubernetes.kinds import KINDS, beside
from focusplane.edge.kubernetes.owned import kept, overlay
from focusplane.edge.kubernetes.split import Object, Shares, Wanted, Write
from focusplane.kernel.errors import NotFoundError, RefusedError, UnreachableError
from focusplane.plane.adoption import forbids
from focusplane.plane.followed import ForeignError, StaleError, Status, Unsettled, Writer

TRIES = 4
"""So often an object that somebody else changes at the same time is read again at once."""


async def converge(client: Client, wanted: Wanted, board: Board) -> Status:
    """Make the object split as wanted, and say whether that is carried out.

    Raises what the client raises, `ForeignError`, and `RefusedError` for what this object cannot split.
    """
    for number in range(TRIES):
        try:
            obj, shares, more = await look(client, wanted)
            found = marked(obj["metadata"])
            why = forbids(found, board)
            if why:
                raise ForeignError(why, found)
            if differ(shares, wanted):
                _meant(wanted, found, shares)
                await _write(client, obj, wanted, board, KINDS[wanted.driver.kind].write(obj, wanted, more))
            elif ours(found, board):
                return KINDS[wanted.driver.kind].settled(obj, wanted)
            else:
                await _write(client, obj, wanted, board, Write({}))
            return Unsettled("it was written")
        except StaleError:
            if number == TRIES - 1:
                raise
    raise AssertionError("the last try returns or raises")


async def look(client: Client, wanted: Wanted) -> tuple[Object, Shares, Object]:
    """The object, what it splits, and what stands beside it."""
    kind = KINDS[wanted.driver.kind]
    obj = await client.get(kind.path(wanted.driver))
    obj.setdefault("metadata", {})
    more = await beside(client, wanted.driver, obj)
    return obj, kind.read(obj, wanted, more), more


async def read_back(client: Client, wanted: Wanted) -> Shares:
    """Version -> share, as it is carried out. An object that is gone splits nothing. Raises `UnreachableError` while it is
    not known what is carried out.
    """
    try:
        obj, shares, _ = await look(client, wanted)
    except NotFoundError:
        return {}
    status = KINDS[wanted.driver.kind].settled(obj, wanted)
    if isinstance(status, Unsettled) and not differ(shares, wanted):
        raise UnreachableError(f"{wanted.driver}: {status.why}")
    return shares


def differ(found: Shares, wanted: Wanted) -> bool:
    asked = {name: Fraction(percent, 100) for name, percent in wanted.percents.items() if percent}
    return {name: share for name, share in found.items() if share} != asked


def _meant(wanted: Wanted, found: Writer, shares: Shares) -> None:
    """Users are not sent elsewhere because a plane comes up beside an object that it never wrote: `initial` may be wrong.

    Raises `RefusedError`.
    """
    if found.plane or wanted.moved:
        return
    runs = (
        ", ".join(f"{name} {float(share * 100):g}%" for name, share in shares.items() if share) or "nothing"
    )
    raise RefusedError(
        f"{wanted.driver} splits {runs}, which this plane never wrote, and the policy says {wanted.state.stable}:"
        f" correct `initial`, or focus control set {wanted.focus} traffic {wanted.state.stable}=100%"
    )


async def _write(client: Client, obj: Object, wanted: Wanted, board: Board, change: Write) -> None:
    """Only onto the very object that was read: `resourceVersion` makes a late write miss (N6). Without a change only the
    mark of this board.
    """
    kind, driver = KINDS[wanted.driver.kind], wanted.driver
    metadata = {
        "name": driver.name,
        "namespace": driver.namespace,
        "resourceVersion": obj["metadata"].get("resourceVersion", ""),
        "annotations": {ANNOTATION: board.etag},
    }
    head = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata}
    asked = kept(obj)
    overlay(asked, {} if change.status else change.body)
    overlay(asked, head)
    written = await client.apply(kind.path(driver), asked, force=driver.force)
    if change.status:
        now = {"resourceVersion": (written.get("metadata") or {}).get("resourceVersion", "")}
        await client.merge(f"{kind.path(driver)}/status", {"metadata": now, **change.body})
