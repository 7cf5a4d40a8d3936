"""What pipelines send to the judge, bounded and storable."""

from typing import Annotated

from pydantic import ConfigDict, Field

from focusplane.act.request import Compare, TellPairs
from focusplane.web.bodies import Body, Name

Word = Annotated[str, Field(max_length=200)]
MOST_METADATA = 50
MOST_ROWS = 100
Count = Annotated[int, Field(ge=0, le=10**9)]


class JudgeBody(Body):
    """`stable` and `canary` are versions as they stand in `service.version`; one that is empty is found: what served before,
    and what came after (then a `checksum` has to tell one deploy from the next). `since` is Unix milliseconds, 0 means from the first ask on. Another `checksum` begins anew, another
    `step` asks for safety anew; `name` tells apart pipelines that compare the same versions. With a
    `flag` both are variants of it.
    """

    focus: Name
    stable: Word = ""
    canary: Word = ""
    since: Annotated[int, Field(ge=0, le=2**53)] = 0
    checksum: Word = ""
    step: Word = ""
    min_requests: Annotated[int, Field(ge=0, le=10**9)] = 0
    name: Word = ""
    flag: Word = ""

    def wish(self) -> Compare:
        return Compare(
            self.focus,
            self.stable,
            self.canary,
            self.since,
            self.checksum,
            self.step,
            self.min_requests,
            f"pipeline {self.name}" if self.name else "",
            self.flag,
        )


class PairRow(Body):
    """How so many requests ended that both versions answered."""

    stratum: Word = ""
    neither_failed: Count = 0
    only_old_failed: Count = 0
    only_new_failed: Count = 0
    both_failed: Count = 0

    @property
    def counts(self) -> tuple[int, int, int, int]:
        return self.neither_failed, self.only_old_failed, self.only_new_failed, self.both_failed


class PairsBody(Body):
    """Pairs of one interval (Unix milliseconds) of the `rollout` of that id, by stratum, such as the route. The same `id` again
    within ten minutes adds nothing.
    """

    id: Name
    rollout: Name
    since: Annotated[int, Field(alias="from", ge=0, le=2**53)]
    to: Annotated[int, Field(ge=0, le=2**53)]
    pairs: Annotated[list[PairRow], Field(min_length=1, max_length=MOST_ROWS)]

    def told(self, focus: str) -> TellPairs:
        sums: dict[str, tuple[int, int, int, int]] = {}
        for row in self.pairs:
            before = sums.get(row.stratum, (0, 0, 0, 0))
            neither, old, new, both = (one + other for one, other in zip(before, row.counts, strict=True))
            sums[row.stratum] = neither, old, new, both
        return TellPairs(focus, self.id, self.rollout, self.since, self.to, sums)


class HookBody(Body):
    """What Flagger posts; keys that it adds some day are let through. In `metadata`: `focus`, and if wanted `stable`, `canary`,
    `min_requests`, and the `token`.
    """

    model_config = ConfigDict(extra="ignore")
    name: Name
    namespace: Word = ""
    phase: Word = ""
    checksum: Word = ""
    metadata: Annotated[
        dict[Annotated[str, Field(max_length=200)], Annotated[str, Field(max_length=4_000)]],
        Field(default_factory=dict, max_length=MOST_METADATA),
    ]
