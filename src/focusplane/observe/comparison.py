"""Comparison: two versions that somebody outside asks about, and what they have shown since."""

from dataclasses import dataclass

from focusplane.observe.evidence import Evidence
from focusplane.observe.verdict import Ruling, Verdict


@dataclass(frozen=True, slots=True)
class Comparison:
    """Times are Unix ms. An arm that nobody named is empty until it is found. `asked_at` is when it was last asked about,
    `step_since` when the present step began. `why` says why there is no verdict, or why nothing may follow from it now.
    """

    id: str
    focus: str
    stable: str
    canary: str
    since: int
    by: str
    asked_at: int
    checksum: str = ""
    step: str = ""
    step_since: int = 0
    min_requests: int = 0
    evidence: Evidence | None = None
    verdict: Verdict | None = None
    why: str = ""

    @property
    def ruling(self) -> Ruling:
        """What may follow from it: hold as long as anything stands in the way."""
        return Ruling.HOLD if self.verdict is None or self.why else self.verdict.ruling
