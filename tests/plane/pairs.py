"""Two versions of `search` in virtual time, each answering so many requests a second."""

from focusplane.act.comparison import Comparison
from focusplane.act.request import Answer, Compare, Done
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import SECOND
from focusplane.plane.arrival import Counted
from focusplane.plane.arrows import compare
from focusplane.testing.rig import Rig

POLICY = """apiVersion: focusplane/v1
kind: Focus
metadata: {name: search}
spec:
  owner: crew
  objectives: [{name: availability, target: 99%, window: 30d, sli: {bad: {status: 5xx}}}]
---
apiVersion: focusplane/v1
kind: Team
metadata: {name: crew}
spec: {members: [ana@example.org]}
"""
GOOD = {"v1": (200, 0), "v2": (100, 0)}
BAD = {"v1": (200, 0), "v2": (20, 4)}
SILENT = {"v1": (200, 0)}
ASK = Compare("search", "v1", "v2")


def plain() -> Rig:
    return Rig({"search.yaml": POLICY})


def serve(it: Rig, seconds: int, **arms: tuple[int, int]) -> None:
    """So many seconds in which each version answers (requests, failures) a second."""
    for _ in range(seconds):
        end = it.at + SECOND
        signals = [
            said(end, version, status, count)
            for version, (total, bad) in arms.items()
            for status, count in ((200, total - bad), (503, bad))
            if count
        ]
        it.turn(Counted(f"served {end}", (*signals, said(end))), after_ms=SECOND)


def said(end: int, version: str = "", status: int = 0, count: int = 0) -> Signal:
    """A report of one second; by default that it is there and has nothing to report."""
    part, outcome = Slice(version=version), Outcome(status)
    return Signal("search", "production", Source.EDGE, "e", end - SECOND, end, part, outcome, count)


def asked(it: Rig, wish: Compare = ASK, by: str = "argo") -> Comparison:
    answer: Answer = it.ask(wish, by, "judge")
    assert isinstance(answer, Done), answer
    return it.world.comparisons[answer.subject]


def now(it: Rig, wish: Compare = ASK) -> Comparison:
    return it.world.comparisons[compare.key(wish)]
