"""How a new version is exposed, judged and promoted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from focusplane.define.synthetic import Synthetic
from focusplane.kernel.quantity import format_percent

MOST_PINNED = 100
"""Tenants that the steps of one rollout name: each is a route of the gateway."""
SHOWN_TENANTS = 5


class Promote(StrEnum):
    EVIDENCE = "evidence"
    QUIET = "quiet"


class Then(StrEnum):
    """What a hold that has lasted `hold_at_most_ms` becomes."""

    ASK = "ask"
    PROMOTE = "promote"
    ROLLBACK = "rollback"


class By(StrEnum):
    """Who copies the requests."""

    GATEWAY = "gateway"
    """what moves the traffic: it counts both answers too"""
    OTHERS = "others"
    """whoever compares the answers, and tells how the pairs ended"""


@dataclass(frozen=True, slots=True)
class Step:
    """Expose `weight` of the traffic for at least `for_ms` and `min_requests` canary requests.

    A step with `tenants` exposes these and nobody else (its weight is 0); `ring` is the name they were declared under.
    """

    weight: Fraction
    for_ms: int = 0
    min_requests: int = 0
    tenants: tuple[str, ...] = ()
    ring: str = ""
    mirror: Fraction = Fraction(0)
    """The share of the requests that the new version gets copies of; its weight is 0 then."""
    by: By = By.GATEWAY
    """Who copies them."""

    @property
    def words(self) -> str:
        """`25%`, `the ring early (3 tenants)`, `acme, globex`, `copies of 10%`."""
        if self.mirror:
            return f"copies of {format_percent(self.mirror)}"
        if self.ring:
            many = len(self.tenants)
            return f"the ring {self.ring} ({many} tenant{'' if many == 1 else 's'})"
        return name_some(self.tenants) if self.tenants else format_percent(self.weight)


def name_some(tenants: tuple[str, ...]) -> str:
    """All of a few, the first of many."""
    more = len(tenants) - SHOWN_TENANTS
    return ", ".join(tenants[:SHOWN_TENANTS]) + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True, slots=True)
class Extra:
    """A metric of the judge besides errors and latency: an objective of the focus, or the cost of a request.

    H0 of harm: p_canary <= tolerance * p_baseline + slack, where p is the share of bad events, or the mean of cost / cap. Where
    good events are the rare ones (`gains`, a target below one half) the arms change places: p_baseline <= tolerance *
    p_canary + slack, and p is the share of good events. Else no loss of them could ever exceed what is tolerated.
    """

    name: str
    tolerance: Fraction
    slack: Fraction
    objective: str = ""
    """Empty: the cost."""
    gains: bool = False
    cap: Fraction = Fraction(0)
    """The cost of a request counts up to this."""
    pairs: bool = False
    """Failures of the same requests at both versions: what is mirrored."""


@dataclass(frozen=True, slots=True)
class JudgeSpec:
    """`alpha` bounds the chance of a false rollback; `tolerance` (rho) and `slack` (eps) say what counts as no worse.

    H0 of harm: p_canary <= tolerance * p_baseline + slack.
    """

    alpha: Fraction
    tolerance: Fraction
    slack: Fraction
    latency: bool = True
    extras: tuple[Extra, ...] = ()
    budget_share: Fraction = Fraction(0)
    """With more excess failures than this share of the error budget the new version goes back, proved or not; 0: no cap."""
    min_instances: int = 0
    """With fewer instances of either version counting, nothing is promoted; 0: not asked."""


@dataclass(frozen=True, slots=True)
class Freeze:
    """No new rollout and no promotion below this budget or above this burn rate (0 means: not watched)."""

    budget_below: Fraction = Fraction(0)
    burn: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class HotfixSpec:
    """A rollout that may begin and go on through a freeze of its focus: for `open_ms`, after so many `approvals` of others
    within `within_ms`, in `steps` of its own (none: those of any rollout).
    """

    approvals: int = 0
    within_ms: int = 900_000
    open_ms: int = 3_600_000
    steps: tuple[Step, ...] = ()


READS = ("GET", "HEAD")
"""Methods that change nothing, if an application keeps to what they mean."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """How the first step of a rollout copies requests: so large a `share` of those with these `methods`."""

    share: Fraction
    methods: tuple[str, ...] = READS
    by: By = By.GATEWAY
    for_ms: int = 0
    min_requests: int = 0
    accepted: bool = False
    """Side effects that happen twice are accepted."""

    @property
    def step(self) -> Step:
        return Step(Fraction(0), self.for_ms, self.min_requests, mirror=self.share, by=self.by)


@dataclass(frozen=True, slots=True)
class RolloutSpec:
    steps: tuple[Step, ...]
    judge: JudgeSpec
    promote: Promote = Promote.EVIDENCE
    hold_at_most_ms: int = 1_800_000
    then: Then = Then.ASK
    freeze: Freeze = Freeze()
    rings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    hotfix: HotfixSpec | None = None
    """None: there is no such lane."""
    min_instances: int = 0
    """So many instances of the new version are ready before a step begins; 0: all of them, before the first."""
    mirror: Mirror | None = None
    """None: its first step exposes somebody."""
    synthetic: Synthetic | None = None
    """What is sent to both versions while users send too few; None: nothing."""

    @property
    def stages(self) -> tuple[Step, ...]:
        """The steps of a version: what mirrors comes first, if anything does."""
        return self.steps if self.mirror is None else (self.mirror.step, *self.steps)


ALPHA, TOLERANCE = Fraction(5, 100), Fraction(125, 100)
"""What a judge has where the policy does not say."""


def judge_of(rollout: RolloutSpec | None, slack: Fraction) -> JudgeSpec:
    """The judge of a rollout, or the one that it would have."""
    return JudgeSpec(ALPHA, TOLERANCE, slack) if rollout is None else rollout.judge
