"""What an objective counts, in words: requests, slices of time, or tries; and what the last one was."""

from fractions import Fraction

from focusplane.define.slo import Objective
from focusplane.define.units import PARTS, Rule
from focusplane.kernel.quantity import format_duration
from focusplane.observe.reading import NoData, Reading
from focusplane.plane.queries.shown import Shown
from focusplane.plane.world import World


def unit(world: World, focus: str, objective: Objective, reading: Reading) -> Shown:
    """`counted_text` is what was counted (`2 bad of 26 slices of 10s`); `unit` is empty where requests are counted."""
    every = objective.sli.unit_ms
    if not every:
        text = "" if isinstance(reading, NoData) else f"{reading.bad:,} bad of {reading.total:,}"
        return {"counted_text": text, "unit": None}
    composite = objective.sli.composite
    parts = PARTS if composite is not None and composite.rule is not Rule.ALL else 1
    what = "tries" if objective.sli.probe is not None else "slices"
    lane = world.counters.lanes.get(focus)
    track = lane.tracks.get(objective.name) if lane is not None else None
    return {
        "counted_text": ""
        if isinstance(reading, NoData)
        else _counted(reading.bad, reading.total, parts, (what, every)),
        "unit": {
            "what": what,
            "every_ms": every,
            "parts": parts,
            "until": track.mark if track is not None else None,
            "last": track.why if track is not None else "",
        },
    }


def _counted(bad: int, total: int, parts: int, unit: tuple[str, int]) -> str:
    what, every = unit
    each = (
        f"{what}, one each {format_duration(every)}"
        if what == "tries"
        else f"{what} of {format_duration(every)}"
    )
    if parts == 1:
        return f"{bad:,} bad of {total:,} {each}"
    return f"{float(Fraction(bad, parts)):,.4g} bad of {total // parts:,} {each}"
