"""For which focuses this process speaks, and up to when it has: one to which nothing happens is heard all the same."""

from collections.abc import Iterable, Mapping

from focusplane.sdk.meter import Delta

SAY_AFTER_NS = 900_000_000
"""So long after its last word on a focus a process says that nothing happened: each second, however often it flushes."""
MOST_FOCUSES = 1_000
"""Focuses of which a process says that nothing happened."""


class Presence:
    """For the one thread that counts. Times are monotonic nanoseconds."""

    def __init__(self) -> None:
        self._counted: set[str] = set()
        """Those that were ever counted are spoken of for as long as we live."""
        self._spoken: dict[str, int] = {}
        """Up to when was spoken of each focus."""

    def words(
        self, counted: Iterable[str], serves: Iterable[str], last_ns: int, now_ns: int
    ) -> Mapping[str, int]:
        """Focus -> since when it was not spoken of, for what was just counted and for what is due.

        `serves` are those that this process would count, `last_ns` is when the counting of what was never spoken of began.
        """
        counted = set(counted) - {""}
        if len(self._counted) < MOST_FOCUSES:
            self._counted |= counted
        before = self._spoken
        self._spoken = {focus: before.get(focus, last_ns) for focus in {*self._counted, *serves}}
        words = {
            focus: spoken
            for focus, spoken in self._spoken.items()
            if focus in counted or now_ns - spoken >= SAY_AFTER_NS
        }
        self._spoken.update(dict.fromkeys(words, now_ns))
        return words


def nothing(focus: str) -> Delta:
    """That nothing happened to a focus."""
    return Delta((focus, "", "", "", 0, "", False, False), (), 0, (0,))
