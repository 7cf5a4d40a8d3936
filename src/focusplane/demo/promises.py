"""What the scenario holds the product to: measurements in, promises out."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from focusplane.demo.episode import (
    CHANGED,
    DETECTED,
    FIRST_BAD,
    LAST_REQUEST,
    RUNS,
    VERIFIED,
    Episode,
    Told,
)
from focusplane.demo.loadlog import Hit, LoadStats
from focusplane.demo.record import Promise
from focusplane.demo.report import said
from focusplane.demo.sample import Sample
from focusplane.kernel.quantity import format_duration, format_percent

Shares = Mapping[str, Fraction]
Shown = Mapping[str, Any]


def flows(stats: LoadStats, routed: Shares, stable: str) -> Promise:
    seconds = max(stats.until - stats.since, 1) / 1000
    return Promise(
        f"real traffic flows through Envoy to {stable}",
        stats.arm(stable).total == stats.total > 0 and routed == {stable: 1},
        f"{stats.total / seconds:.0f} requests/s of {stats.tenants} tenants, {stats.failed} failed; "
        f"Envoy routes {shares_words(routed)}",
    )


def exposed_as_declared(version: str, declared: Fraction, routed: Shares, episode: Episode) -> Promise:
    total = episode.harm.requests + episode.harm.stable_requests
    seen = f"{episode.harm.requests / total:.1%}" if total else "none"
    return Promise(
        f"{version} gets {format_percent(declared)} and no more",
        routed.get(version) == declared,
        f"Envoy routes {shares_words(routed)}; {seen} of the requests went there (tenants stay together)",
    )


def taken_back(seen: Sample, moved: Shown) -> Promise:
    """`moved` is the body of the journal's fact of the rollback."""
    return Promise(
        f"{seen.version} is taken back on evidence of harm",
        seen.phase == "rolled-back" and moved.get("saw") == "evidence of harm",
        f"e = {_e(moved.get('e_regress'))} of {seen.threshold:g} "
        f"after {moved.get('canary_requests', 0)} requests of {seen.version}",
    )


def envoy_forgot(version: str, routed: Shares) -> Promise:
    return Promise(
        f"Envoy itself sends nothing to {version} any more",
        bool(routed) and not routed.get(version),
        f"Envoy routes {shares_words(routed)}",
    )


def verified(episode: Episode) -> Promise:
    at, changed = episode.at(VERIFIED), episode.at(CHANGED)
    if at is None or changed is None:
        return Promise(f"the rollback of {episode.version} is verified from the SLI", False, "not verified")
    return Promise(
        f"the rollback of {episode.version} is verified from the SLI",
        True,
        f"{format_duration(at - changed)} after the weight changed",
    )


def left_alone(episode: Episode, hits: Sequence[Hit]) -> Promise:
    """Nobody reaches the bad version once the rollback is verified."""
    since = episode.at(VERIFIED)
    late = [hit for hit in hits if since is not None and hit.version == episode.version and hit.start > since]
    last, changed = episode.at(LAST_REQUEST), episode.at(CHANGED)
    gap = "never came" if last is None or changed is None else f"left {_side(last - changed)} the change"
    return Promise(
        f"no request reaches {episode.version} after that",
        since is not None and not late,
        f"{len(late)} late requests; the last one {gap}",
    )


def found_fast(episode: Episode) -> Promise:
    """The delays of the loop stand in the order in which they must come."""
    name = f"the failure of {episode.version} is found and its weight changed"
    first, found, changed, runs = (episode.at(what) for what in (FIRST_BAD, DETECTED, CHANGED, RUNS))
    if first is None or found is None or changed is None or runs is None:
        return Promise(name, False, "a moment is missing")
    return Promise(
        name,
        first <= found <= changed <= runs,
        f"found {format_duration(found - first)} after the first bad answer; "
        f"Envoy said {runs - found} ms later that it runs the change",
    )


def incident_told(version: str, incident: Shown) -> Promise:
    impact = incident.get("impact", {})
    timeline = incident.get("timeline", [])
    return Promise(
        "the incident holds its timeline, the budget spent and the tenants hurt",
        bool(timeline) and _count(impact, "tenants") > 0 and _count(impact, "budget") > 0,
        f"{incident.get('id', 'no incident')} {incident.get('stage', '')}: {len(timeline)} moments; {impact_words(impact)}",
    )


def policy_in_force(before: str, after: str) -> Promise:
    return Promise(
        "an edited policy is in force without a restart",
        bool(after) and before != after,
        f"digest {before[:8] or '-'} -> {after[:8] or '-'}",
    )


def promoted(version: str, facts: Sequence[Told]) -> Promise:
    """At least one declared step on, because of evidence and not of silence."""
    moves = [
        fact
        for fact in facts
        if fact["kind"] == "rollout.moved"
        and fact["body"].get("version") == version
        and fact["body"].get("saw") == "evidence of safety"
    ]
    started = [
        fact["at"]
        for fact in facts
        if fact["kind"] == "rollout.started" and fact["body"].get("version") == version
    ]
    told = "; ".join(
        f"{fact['body'].get('weight')} after {format_duration(fact['at'] - started[-1])} "
        f"with e = {_e(fact['body'].get('e_safe'))}"
        for fact in moves
        if started
    )
    return Promise(f"{version} is promoted on evidence of safety", bool(moves), told or "no step was taken")


def dead_is_seen(version: str, seen: Sample, hits: Sequence[Hit]) -> Promise:
    answered = sum(hit.version == version and hit.status == 200 for hit in hits)
    return Promise(
        f"the edge counts the failures of {version}, which answers nothing",
        seen.canary_bad > 0 and answered == 0,
        f"{answered} answers; the judge saw {seen.canary_bad} of {seen.canary_total} fail",
    )


def gateway_stood(stats: LoadStats) -> Promise:
    return Promise(
        "no customer loses the gateway",
        stats.total > 0 and not stats.errors and stats.tenants >= 500,
        f"{stats.total} requests of {stats.tenants} tenants, {stats.resends} second tries, "
        f"{stats.synthetic} probes left out; lost connections: {stats.errors or 'none'}",
    )


def command_agrees(name: str, status: int, said: str) -> Promise:
    """A command's own yes: its exit status and its last line."""
    return Promise(name, status == 0, said.strip().rpartition("\n")[2])


def shares_words(routed: Shares) -> str:
    return (
        ", ".join(f"{version} {format_percent(share)}" for version, share in sorted(routed.items()))
        or "nothing"
    )


def impact_words(impact: Shown) -> str:
    told = ("failed", "excess_failed", "tenants_hurt", "budget_spent")
    return ", ".join(f"{name.replace('_', ' ')} {impact[name]}" for name in told if name in impact)


def _side(gap_ms: int) -> str:
    return f"{abs(gap_ms)} ms {'after' if gap_ms > 0 else 'before'}"


def _count(impact: Shown, word: str) -> float:
    """The number (or the length of the list) that the impact holds under a name with this word."""
    for name, value in impact.items():
        if word in name:
            if isinstance(value, list):
                return len(value)
            try:
                return float(str(value).rstrip("%"))
            except ValueError:
                continue
    return 0.0


def _e(value: object) -> str:
    """An e-value of the journal, which keeps it as text."""
    return said(None if value is None else float(str(value)))
