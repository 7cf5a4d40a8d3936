"""Comparison: two versions that somebody outside asks about, and what they have shown since."""

from dataclasses import dataclass

from focusplane.act.request import Compare
from focusplane.observe.evidence import Evidence
from focusplane.observe.verdict import Ruling, Verdict


@dataclass(frozen=True, slots=True)
class Comparison:
    """`wish` is what was last asked. Times are Unix ms: `since` of the beginning, `step_since` of the present step, `asked_at`
    of the last ask. An arm that nobody named is empty until it is found. `why` says why there is no verdict, or why nothing
    may follow from it now.
    """

    id: str
    wish: Compare
    stable: str
    canary: str
    since: int
    by: str
    asked_at: int
    step_since: int
    evidence: Evidence | None = None
    verdict: Verdict | None = None
    why: str = ""

    @property
    def focus(self) -> str:
        return self.wish.focus

    @property
    def ruling(self) -> Ruling:
        """What may follow from it: hold as long as anything stands in the way."""
        return Ruling.HOLD if self.verdict is None or self.why else self.verdict.ruling

    @property
    def proved(self) -> bool:
        """That it is worse was shown: a version does not become a good one when the other one fails later."""
        return self.verdict is not None and self.verdict.ruling is Ruling.ROLLBACK
