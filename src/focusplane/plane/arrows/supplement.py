"""Synthetic requests to both versions of a rollout while users send too few: when, how many, and what came of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from focusplane.act.effect import Pair, Supplement
from focusplane.act.fact import Kind
from focusplane.control.rollout import Rollout, Saw
from focusplane.define.focus import Focus
from focusplane.define.synthetic import Request, Synthetic
from focusplane.kernel.ids import Json, digest, short_id
from focusplane.kernel.quantity import format_rate
from focusplane.kernel.tick import MINUTE, SECOND
from focusplane.observe import synthetic as made
from focusplane.observe.reading import NoData
from focusplane.observe.synthetic import BARREN, Supply
from focusplane.plane.arrival import Supplemented
from focusplane.plane.arrows import compared
from focusplane.plane.arrows.judge import stale
from focusplane.plane.arrows.words import of_flag
from focusplane.plane.draft import Draft

KNOWN_AFTER_MS = 10 * SECOND
"""So long a step has lasted before it is known how much traffic there is; and a pause has lasted before it ends."""
SOON_MS = 3 * MINUTE
"""Traffic that comes so soon after synthetic requests began, and is as much, may be these."""
STANDS_STILL = frozenset({Saw.PAUSED, Saw.FROZEN, Saw.DESTINATION_GONE})


@dataclass(frozen=True, slots=True)
class Case:
    """One rollout whose policy has synthetic requests, and what was sent so far."""

    focus: Focus
    rollout: Rollout
    spec: Synthetic
    known: Supply

    @property
    def arms(self) -> tuple[str, str]:
        return self.rollout.version, self.rollout.stable

    @property
    def requests(self) -> tuple[Request, ...]:
        """Those of the policy, or what the probe of an objective asks."""
        if not self.spec.probe:
            return self.spec.requests
        probes = (each.sli.probe for each in self.focus.objectives if each.name == self.spec.probe)
        return tuple(Request(one.url, status=one.status, body=one.body) for one in probes if one is not None)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests of users to both versions in the last minute, or since the step began (ms)."""

    counts: Mapping[str, int]
    span_ms: int

    def per_minute(self, version: str) -> Fraction:
        return Fraction(self.counts.get(version, 0) * MINUTE, self.span_ms)


def due(draft: Draft) -> Draft:
    """Send, or stop and say why, for every rollout whose policy asks for it."""
    for name, rollout in draft.world.rollouts.items():
        case = _case(draft, name, rollout)
        draft = _look(draft, case) if case is not None else _asked_no_more(draft, name, rollout)
    return draft


def _asked_no_more(draft: Draft, name: str, rollout: Rollout) -> Draft:
    """The policy has changed its mind in the middle of a rollout, or is gone."""
    known = draft.world.supplies.get(name)
    if known is None or known.rollout != rollout.id or known.off:
        return draft
    why = "the policy asks for none any more"
    draft = draft.put("supplies", name, replace(known, off=why, off_at=draft.at))
    said = f"no more synthetic requests: {why}"
    return draft.say(Kind.ROLLOUT_SUPPLEMENTED, name, rollout.id, said, sent=known.sent, on=False)


def supplemented(draft: Draft, arrival: Supplemented) -> Draft:
    """Count what came back, once; what belongs to a rollout that is over counts nowhere."""
    name = arrival.focus
    known, rollout = draft.world.supplies.get(name), draft.world.rollouts.get(name)
    if known is not None and rollout is not None and known.asked == arrival.key:
        if rollout.live and known.rollout == rollout.id:
            known = made.take(known, arrival.rounds, (rollout.version, rollout.stable))
        draft = draft.put("supplies", name, replace(known, asked=""))
    return draft.drop("outbox", arrival.key)


def _case(draft: Draft, name: str, rollout: Rollout) -> Case | None:
    """None where nothing is to be sent, and nothing was."""
    focus, known = draft.world.policies.set.focuses.get(name), draft.world.supplies.get(name)
    ours = known is not None and known.rollout == rollout.id
    spec = focus.rollout_of(rollout.flag) if focus is not None else None
    if focus is None or spec is None or spec.synthetic is None:
        return None
    if not rollout.live and (known is None or not ours or known.off == _over(rollout)):
        return None
    return Case(focus, rollout, spec.synthetic, known if known is not None and ours else Supply(rollout.id))


def _look(draft: Draft, case: Case) -> Draft:
    why = _stands(draft, case) or _thick(draft, case)
    known = case.known if case.rollout.live else replace(case.known, pending=())
    if isinstance(why, Supply):
        known, why = why, why.leak
    if bool(why) != bool(known.off):
        return _turn(draft, replace(case, known=known), why)
    known = replace(known, off=why)
    draft = draft.put("supplies", case.focus.name, known)
    return draft if why else _send(draft, replace(case, known=known))


def _stands(draft: Draft, case: Case) -> str:
    """Why nothing is sent whatever users send; empty if nothing speaks against it."""
    world, rollout, name = draft.world, case.rollout, case.focus.name
    evidence = world.evidence.get(name)
    through = rollout.hotfix_until > draft.at
    frozen = world.frozen.get("*") or ("" if through else world.frozen.get(name))
    if not rollout.live:
        return _over(rollout)
    if frozen:
        return f"automation is frozen: {frozen}"
    if rollout.held_by in STANDS_STILL:
        return f"the rollout stands still: {rollout.held_by}"
    if rollout.steps[rollout.step].mirror:
        return "this step compares the answers to copies of users' requests"
    if case.known.leak:
        return case.known.leak
    if case.known.sent >= case.spec.at_most:
        return f"{case.spec.at_most} were sent to each version, and atMost allows no more"
    if evidence is not None and evidence.synthetic is None:
        return "the policy had none when the rollout began"
    return _unaddressed(case)


def _over(rollout: Rollout) -> str:
    return f"the rollout is {rollout.phase}"


def _unaddressed(case: Case) -> str:
    """Why its requests cannot reach both versions."""
    if not case.requests:
        return f"objective {case.spec.probe} asks no URL any more"
    for request in case.requests:
        if case.rollout.flag and not request.addressed:
            return f"nothing in {request.title} says which variant is meant"
        for arm in case.arms:
            try:
                request.to(arm)
            except ValueError as error:
                return str(error)
    return ""


def _thick(draft: Draft, case: Case) -> str | Supply:
    """Why users send enough, or nobody can say; a supply if what looks like users are these requests themselves."""
    sides = compared.of(draft.world.counters, case.focus, case.rollout)
    mark = sides.mark()
    if isinstance(mark, NoData):
        return f"how much users send cannot be seen: {mark.why}"
    if old := stale(draft, case.focus, mark):
        return f"how much users send cannot be seen: {old}"
    span = min(MINUTE, mark - case.rollout.step_since)
    if span < KNOWN_AFTER_MS:
        return "how much users send at this step is not known yet"
    seen = sides.counts(mark - span, mark)
    traffic = Traffic({arm: seen[arm].total if arm in seen else 0 for arm in case.arms}, span)
    if any(traffic.per_minute(arm) < case.spec.enough for arm in case.arms):
        return ""
    if _is_our_own(draft, case, traffic):
        what = f"as many requests are counted for users as were sent, and none of {case.focus.name} is marked as synthetic"
        return replace(case.known, leak=f"{what}: its telemetry does not know the mark")
    least = min(traffic.per_minute(arm) for arm in case.arms)
    return f"users send {float(least):.3g} a minute to each version at least, and {format_rate(case.spec.below)} is enough"


def _is_our_own(draft: Draft, case: Case, traffic: Traffic) -> bool:
    known, lane = case.known, draft.world.counters.lanes[case.focus.name]
    at_pace: Fraction = case.spec.rate.per_second * traffic.span_ms / SECOND
    sent = min(Fraction(known.sent - known.on_sent), at_pace)
    fresh = not known.off and draft.at - known.on_at < SOON_MS
    return fresh and lane.marked_at < known.on_at and 4 * min(traffic.counts.values()) >= 3 * sent


def _turn(draft: Draft, case: Case, why: str) -> Draft:
    """It begins or ends, which is a fact; it does not begin again at once."""
    known, at = case.known, draft.at
    if not why and at - known.off_at < KNOWN_AFTER_MS:
        return draft.put("supplies", case.focus.name, known)
    if why:
        draft = draft.drop("outbox", known.asked) if not case.rollout.live else draft
        known = replace(known, off=why, off_at=at)
        said = f"no more synthetic requests: {why}"
    else:
        known = replace(known, off="", on_at=at, on_sent=known.sent)
        said = (
            f"users send fewer than {format_rate(case.spec.below)} to a version:"
            f" {format_rate(case.spec.rate)} synthetic requests go to each"
        )
    draft = draft.put("supplies", case.focus.name, known)
    left: dict[str, Json] = {"left_out": dict(known.left)} if known.left else {}
    return draft.say(
        Kind.ROLLOUT_SUPPLEMENTED,
        case.focus.name,
        case.rollout.id,
        said,
        version=case.rollout.version,
        stable=case.rollout.stable,
        sent=known.sent,
        on=not why,
        **left,
        **of_flag(case.rollout),
    )


def _send(draft: Draft, case: Case) -> Draft:
    """As many as are due, if those before have come back: who is slow to answer is asked less."""
    known, name = case.known, case.focus.name
    count = 0 if known.asked in draft.world.outbox else _owed(case, draft.at)
    if not count:
        return draft
    requests, rollout = case.requests, case.rollout
    pairs = tuple(
        Pair(number, requests[number % len(requests)], canary_first(rollout.id, number))
        for number in range(known.sent, known.sent + count)
    )
    key = short_id("supply", rollout.id, known.sent)
    effect = Supplement(key, name, rollout.id, case.arms, pairs, case.spec.timeout_ms, not rollout.flag)
    known = replace(known, asked=key, sent=known.sent + count, sent_at=draft.at)
    return draft.put("supplies", name, known).cause(effect)


def _owed(case: Case, at: int) -> int:
    """A second's worth at the most; one a minute while nothing can be counted of them."""
    known, spec = case.known, case.spec
    if known.barren >= BARREN:
        return int(at - known.sent_at >= MINUTE)
    owed = int(spec.rate.per_second * (at - max(known.sent_at, known.on_at)) / SECOND)
    return min(owed, spec.burst, spec.at_most - known.sent)


def canary_first(rollout: str, number: int) -> bool:
    """By lot, and the same in every replay."""
    return int(digest("order", rollout, number)[0], 16) % 2 == 0
