"""Which boards ours may not replace, and why: another plane's, or a later one of ours from before the data were restored."""

from focusplane.control.board import Board
from focusplane.plane.followed import Writer
from focusplane.plane.ports import ReadBack

MOST_DIGITS = 9
MOST_EPOCH = 10**9


def objection(plane: str, epoch: int, version: int, ours: Board) -> str:
    """Why what runs that board must be adopted first (N6); empty if it need not."""
    if plane != ours.plane and plane not in ours.adopts:
        return f"runs what plane {plane or '?'} wrote, this is plane {ours.plane}: focus adopt takes it over"
    if plane != ours.plane:
        return ""
    if any(one.holds(epoch, version) for one in ours.lost):
        return (
            f"runs board version {version} of epoch {epoch}, which this plane's memory does not hold:"
            " focus adopt takes it over"
        )
    if epoch > ours.epoch:
        return f"runs epoch {epoch}, this plane is epoch {ours.epoch}: focus adopt takes it over"
    if epoch == ours.epoch and version > ours.version:
        return f"runs board version {version}, this plane has only {ours.version}: focus adopt takes it over"
    return ""


def writer(mark: object) -> Writer:
    """Whom a mark beside what was written names; nobody without one. A text that is none of ours is a plane of that name."""
    if not mark:
        return Writer()
    parts = str(mark).rsplit(".", 2)
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() for part in parts[1:]):
        return Writer(str(mark)[:100])
    return Writer(parts[0][:100], min(int(parts[1]), MOST_EPOCH), min(int(parts[2]), MOST_EPOCH))


def forbids(found: Writer, ours: Board) -> str:
    """Why what that writer left must be adopted before our board may replace it; empty if it need not."""
    return objection(found.plane, found.epoch, found.version, ours) if found.plane else ""


def heard(ours: Board, node: str, etag: str) -> ReadBack | None:
    """What the ETag of an application says: PLANE.EPOCH.VERSION. Nothing, where it says no more than "behind"."""
    owner, _, version = etag.rpartition(".")
    plane, _, epoch = owner.rpartition(".")
    if not plane or not (_number(version) and _number(epoch)):
        return None
    why = objection(plane, int(epoch), int(version), ours)
    if why:
        return ReadBack(
            node, 0, why, rejected=True, plane=plane[:100], epoch=int(epoch), version=int(version)
        )
    return ReadBack(node, int(version)) if (plane, int(epoch)) == (ours.plane, ours.epoch) else None


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
