"""One rollout as it was lived: the decisive moments with their delays, and the harm to those who paid for it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from focusplane.demo.loadlog import Hit, load_stats

Told = dict[str, Any]
"""A fact of the journal as the API shows it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """`after_ms` counts from the first bad answer (from the start of the rollout if there was none)."""

    what: str
    at: int
    after_ms: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Harm:
    """Counts of attempts unless said otherwise. `excess` is what failed beyond the stable version's share meanwhile.

    `at_full_traffic` is what would have failed if the whole traffic had gone to the new version over the same time.
    """

    exposed_ms: int
    requests: int
    failed: int
    stable_requests: int
    stable_failed: int
    excess: int
    at_full_traffic: int
    users_lost: int
    tenants_hurt: int
    tenants: int


@dataclass(frozen=True, slots=True)
class Episode:
    version: str
    stable: str
    moments: tuple[Moment, ...]
    harm: Harm

    def at(self, what: str) -> int | None:
        """When that moment was, if it came."""
        return next((moment.at for moment in self.moments if moment.what == what), None)


STARTED = "rollout started"
FIRST_BAD = "first bad answer"
DETECTED = "detected"
CHANGED = "weight changed"
RUNS = "Envoy runs it"
LAST_REQUEST = "last request on it"
VERIFIED = "verified"


def episode(version: str, stable: str, facts: Sequence[Told], hits: Sequence[Hit], until: int) -> Episode:
    """`facts` and `hits` may hold more than this rollout; `until` (Unix ms) ends it if it did not end by itself.

    What no version answered counts for `version` when Envoy reported it for no other.
    """
    found = dict(_decisive(version, facts))
    start = found[STARTED][0] if STARTED in found else until
    mine = [_blamed(hit, version) for hit in hits if start <= hit.end < until]
    arm = load_stats(mine, start, until).arm(version)
    if arm.first_bad is not None:
        found[FIRST_BAD] = (arm.first_bad, "as a user saw it")
    if arm.last_request is not None and DETECTED in found:
        found[LAST_REQUEST] = (arm.last_request, "as the load generator sent it")
    zero = found.get(FIRST_BAD, (start, ""))[0]
    ordered = sorted(found.items(), key=lambda entry: entry[1][0])
    moments = tuple(Moment(what, at, at - zero, why) for what, (at, why) in ordered)
    end = found.get(LAST_REQUEST, (until, ""))[0]
    return Episode(version, stable, moments, harm(mine, version, stable, start, max(end, start)))


def harm(hits: Sequence[Hit], version: str, stable: str, since: int, until: int) -> Harm:
    """What the rollout cost from its start until the last request on the new version had its answer."""
    exposed = [hit for hit in hits if since <= hit.start <= until]
    stats = load_stats(exposed, since, max((hit.end for hit in exposed), default=until) + 1)
    arm, base = stats.arm(version), stats.arm(stable)
    ends = {hit.key: hit for hit in exposed if not hit.synthetic}
    return Harm(
        exposed_ms=until - since,
        requests=arm.total,
        failed=arm.failed,
        stable_requests=base.total,
        stable_failed=base.failed,
        excess=round(arm.failed - arm.total * base.failed_share),
        at_full_traffic=round(stats.total * arm.failed_share),
        users_lost=sum(hit.failed and hit.version == version for hit in ends.values()),
        tenants_hurt=len(arm.tenants_hurt),
        tenants=stats.tenants,
    )


def _blamed(hit: Hit, version: str) -> Hit:
    """A request that died on its way to a version is that version's failure, also where Envoy could not say so."""
    if hit.version or not hit.local:
        return hit
    return msgspec.structs.replace(hit, version=version)


def _decisive(version: str, facts: Sequence[Told]) -> Iterator[tuple[str, tuple[int, str]]]:
    """The journal's moments of the newest rollout of that version."""
    starts = [
        at
        for at, fact in enumerate(facts)
        if fact["kind"] == "rollout.started" and fact["body"].get("version") == version
    ]
    if not starts:
        return
    mine = facts[starts[-1] :]
    yield STARTED, (mine[0]["at"], mine[0]["reason"])
    for at, fact in enumerate(mine):
        if fact["kind"] != "rollout.moved" or fact["subject"] != mine[0]["subject"]:
            continue
        if fact["body"].get("phase") == "rolled-back":
            yield DETECTED, (fact["at"], fact["reason"])
            yield from _way_back(mine[at:])
        elif fact["body"].get("saw") == "evidence of safety":
            yield f"promoted to {fact['body'].get('weight')}", (fact["at"], fact["reason"])


def _way_back(facts: Sequence[Told]) -> Iterator[tuple[str, tuple[int, str]]]:
    """What became of the first action that was decided in these facts."""
    action = next((fact["subject"] for fact in facts if fact["kind"] == "decision.act"), "")
    for fact in facts:
        if fact["kind"] == "board.moved" and fact["body"].get("cause") == action:
            yield CHANGED, (fact["at"], "the journal holds it, Envoy is told")
        elif fact["kind"] == "action.moved" and fact["subject"] == action:
            what = {"applied": RUNS, "verified": VERIFIED}.get(str(fact["body"].get("phase")))
            if what is not None:
                yield what, (fact["at"], fact["reason"])
