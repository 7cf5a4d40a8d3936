"""Sample: what one look at the plane and at the load shows, a second apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from focusplane.demo.loadlog import Hit

Shown = dict[str, Any]
RECENT_MS = 5_000


@dataclass(frozen=True, slots=True)
class Sample:
    """Counts of the judge for both arms, what the users saw in the last five seconds, and how the budget stands."""

    at: int
    phase: str = "idle"
    version: str = ""
    stable: str = ""
    step: int = 0
    weight: str = "0%"
    ruling: str = ""
    e_regress: float | None = None
    e_safe: float | None = None
    threshold: float = 20.0
    canary_bad: int = 0
    canary_total: int = 0
    baseline_bad: int = 0
    baseline_total: int = 0
    rate: float = 0.0
    failed: int = 0
    p50_ms: int = 0
    burn: float | None = None
    budget_left: str = "–"
    health: str = ""
    incident: str = ""
    sentence: str = ""


def sample(at: int, focus: Shown, rollout: Shown, incidents: Sequence[Shown], hits: Sequence[Hit]) -> Sample:
    """Takes the API's answers as they are; what they do not hold stays at its default."""
    verdict = rollout.get("verdict") or {}
    errors: Shown = next(iter(verdict.get("metrics", [])), {})
    canary, baseline = errors.get("canary", {}), errors.get("baseline", {})
    recent = _recent(hits, at)
    times = sorted(hit.end - hit.start for hit in recent)
    objective: Shown = next(iter(focus.get("objectives", [])), {})
    return Sample(
        at=at,
        phase=rollout.get("phase", "idle"),
        version=rollout.get("version", ""),
        stable=focus.get("stable", ""),
        step=rollout.get("step", 0),
        weight=rollout.get("weight_text", "0%"),
        ruling=verdict.get("decision", ""),
        e_regress=verdict.get("e_regress"),
        e_safe=verdict.get("e_safe"),
        threshold=verdict.get("threshold", 20.0),
        canary_bad=canary.get("bad", 0),
        canary_total=canary.get("total", 0),
        baseline_bad=baseline.get("bad", 0),
        baseline_total=baseline.get("total", 0),
        rate=len(recent) * 1000 / RECENT_MS,
        failed=sum(hit.failed for hit in recent),
        p50_ms=times[len(times) // 2] if times else 0,
        burn=_burn(objective),
        budget_left=(objective.get("budget") or {}).get("left_text") or _percent(objective),
        health=focus.get("health", ""),
        incident=next((f"{one['id']} {one['stage']}" for one in incidents), ""),
        sentence=rollout.get("sentence") or rollout.get("reason", ""),
    )


def _recent(hits: Sequence[Hit], at: int) -> list[Hit]:
    """The newest hits; they are nearly in order, so the search stops soon."""
    found: list[Hit] = []
    for hit in reversed(hits):
        if hit.end < at - 2 * RECENT_MS:
            break
        if at - RECENT_MS <= hit.end < at and not hit.synthetic:
            found.append(hit)
    return found


def _burn(objective: Shown) -> float | None:
    rates = [rule["rate"] for rule in objective.get("burn", []) if rule.get("rate") is not None]
    return max(rates, default=None)


def _percent(objective: Shown) -> str:
    left = (objective.get("budget") or {}).get("left")
    return "–" if left is None else f"{left * 100:.2f}%"
