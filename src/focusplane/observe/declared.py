"""Declared: whose requests are counted; what an edit of a policy, a restart and the end of a focus leave of the counts."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from focusplane.define.focus import Focus
from focusplane.define.slo import Objective
from focusplane.kernel.errors import DataError
from focusplane.kernel.ids import Json
from focusplane.observe.corrections import Corrections
from focusplane.observe.edits import Edited, bequest, heirs_of
from focusplane.observe.exposures import Exposures
from focusplane.observe.groups import regroup
from focusplane.observe.lane import Lane
from focusplane.observe.rings import Counts
from focusplane.observe.snapshot import pack, unpack
from focusplane.observe.watermark import Sources


class Declared(Corrections, Exposures):
    """Counts that follow the policies in force, and outlive the process."""

    _composites: tuple[tuple[str, str], ...] | None = None
    _probes: Mapping[str, tuple[str, Objective]] | None = None

    def declare(self, focus: Focus) -> Edited:
        """Count for this focus from now on. An objective whose SLI changed starts anew, one that means what another one
        meant before goes on with the counts of that one (it got a new name, say); the rest goes on.
        """
        self._composites = self._probes = None
        lane = self.lanes.get(focus.name)
        if lane is None:
            self.lanes[focus.name] = Lane(focus, Sources(focus.source))
            return Edited()
        before = lane.meanings()
        lane.declare(focus)
        lane.forget_parts()  # by what it is grouped, and how finely, may be new
        self._sheet = None
        stale, heirs = lane.stale(before), heirs_of(before, lane.meanings())
        self.flush()
        left = {heir: bequest(self, lane, source) for heir, source in heirs.items()}
        if stale:
            self._release(lane, stale.__contains__)
        for heir, counts in left.items():
            counts.install(lane, heir)
        regroup(self, lane)
        if lane.corrections:
            self._go_on(lane, heirs)
        return Edited(tuple(sorted(stale & lane.meanings().keys() - heirs.keys())), heirs)

    def _go_on(self, lane: Lane, heirs: Mapping[str, str]) -> None:
        """A correction of an objective that was renamed is one of its heir; one of an objective that is gone leaves. An heir
        that is another one's double has its counts, and not what is corrected of that one alone.
        """
        named = {source: heir for heir, source in heirs.items()}
        known = {each.name for each in lane.focus.objectives}
        for key, one in list(lane.corrections.items()):
            if one.objective and one.objective not in known:
                heir = named.get(one.objective)
                if heir is None:
                    self.revoke(lane.focus.name, key)
                else:
                    lane.corrections[key] = replace(one, objective=heir)
        for one in lane.corrections.values():
            self._stand_off(lane, one, one.spares)
        self._mirrors = None

    def forget(self, focus: str) -> None:
        """Stop counting and give the memory of this focus back."""
        self._composites = self._probes = None
        lane = self.lanes.pop(focus, None)
        if lane is not None:
            self._release(lane, lambda objective: True)

    def state(self) -> bytes:
        """Everything that was counted, staged additions included."""
        self.flush()
        rings: list[Json] = [
            [each.head, list(each.free), list(each.pins)] for each in (self.wholes, self.slices)
        ]
        lanes: dict[str, Json] = {name: lane.state() for name, lane in self.lanes.items()}
        return pack({"rings": rings, "lanes": lanes}, [*self.wholes.arrays(), *self.slices.arrays()])

    def restore(self, stored: bytes, focuses: Mapping[str, Focus]) -> None:
        """Become what `state` saved, for the focuses in force. Raises `DataError` if the bytes are damaged."""
        header, arrays = unpack(stored)
        try:
            self._become(header, arrays, focuses)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise DataError(
                f"the counter snapshot is damaged: {error!r}", "start from the journal without it"
            ) from error

    def _become(self, header: Mapping[str, Any], arrays: list[Counts], focuses: Mapping[str, Focus]) -> None:
        of_wholes, of_slices = header["rings"]
        pinned = (
            len(of_slices) > 2
        )  # nothing was pinned in the first versions, and the last tier was not there
        wholes = len(arrays) - 1 - len(self.slices.tiers) - pinned
        self.wholes.refill(arrays[:wholes], *of_wholes)
        self.slices.refill(arrays[wholes:], *of_slices)
        self._staged.clear()
        self.lanes.clear()
        for name, state in header["lanes"].items():
            self._readmit(name, state, focuses)
        for focus in focuses.values():
            self.declare(focus)
        self.reflect()

    def _readmit(self, name: str, state: Mapping[str, Any], focuses: Mapping[str, Focus]) -> None:
        kept = focuses.get(name)
        lane = self.lanes[name] = Lane.restored(kept or Focus(name, "", ""), state)
        if kept is None:
            self.forget(name)
        else:
            stale = lane.stale(state["slis"])
            self._release(lane, stale.__contains__)

    def _release(self, lane: Lane, gone: Callable[[str], bool]) -> None:
        """Give back the columns of the objectives that are gone; the empty name is what belongs to none."""
        self.flush()
        self._sheet = None
        lane.forget_parts()
        self.wholes.release([lane.wholes.pop(series) for series in list(lane.wholes) if gone(series[0])])
        lane.ledger.forget([name for name in lane.ledger.entries if gone(name)])
        lane.born = {series: slot for series, slot in lane.born.items() if series in lane.wholes}
        for objective in [name for name in lane.tracks if gone(name)]:
            del lane.tracks[objective]
        for key in [key for key in lane.slices if gone(key[0])]:
            self.slices.release(list(lane.slices.pop(key).values()))
        self._mirrors = None
