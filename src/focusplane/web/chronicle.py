"""Chronicle: the newest journal facts, kept at hand so that pages need not read the journal again and again."""

from collections import deque

from focusplane.act.fact import Fact
from focusplane.plane.ports import Journal, Recorded

KEPT = 50_000
_CHUNK = 5_000


class Chronicle:
    """A bounded tail of the journal, read on from where it stopped last time."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._kept: deque[Recorded] = deque(maxlen=KEPT)
        self._seq = 0

    def records(self) -> tuple[Recorded, ...]:
        self._catch_up()
        return tuple(self._kept)

    def head(self) -> Recorded | None:
        """The newest fact, if there is one."""
        self._catch_up()
        return self._kept[-1] if self._kept else None

    def facts(self, focus: str = "") -> tuple[Fact, ...]:
        """Oldest first; of one focus, and of the plane as a whole."""
        return tuple(
            one.fact for one in self.records() if focus in ("", one.fact.focus) or not one.fact.focus
        )

    def _catch_up(self) -> None:
        while found := self._journal.facts(self._seq, _CHUNK):
            self._kept.extend(found)
            self._seq = found[-1].seq
