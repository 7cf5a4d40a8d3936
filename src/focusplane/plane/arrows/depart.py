"""A rollout begins: may it, is its destination ready, and then its first step."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from focusplane.act.effect import Probe
from focusplane.act.fact import Kind
from focusplane.act.request import Refused
from focusplane.control import rollout as rollouts
from focusplane.control.rollout import Cause, Rollout, Saw
from focusplane.control.state import FlagState
from focusplane.define.controls import Flag
from focusplane.define.focus import Focus
from focusplane.kernel.ids import Json, short_id
from focusplane.kernel.quantity import format_percent
from focusplane.kernel.tick import SECOND
from focusplane.plane.arrival import Probed
from focusplane.plane.arrows import bounded, expose, on_record
from focusplane.plane.arrows.judge import old_after
from focusplane.plane.arrows.trouble import GRACE_MS, healths
from focusplane.plane.arrows.words import of_flag, utc
from focusplane.plane.draft import Draft
from focusplane.plane.world import Refusal, Waiting

ASK_AGAIN_MS = SECOND
Together = Callable[[Draft, Waiting, Probed], Draft]
"""What becomes of the answer to one member of a release."""


def refusal(draft: Draft, focus: Focus, version: str, flag: str = "", hotfix: bool = False) -> Refused | None:
    """Why a rollout of that version, or of that variant of the flag, cannot begin now."""
    running = draft.world.rollouts.get(focus.name)
    if running is not None and running.live:
        hint = f"one at a time: focus rollout abort {focus.name}, or start it with --replace"
        return Refused("conflict", f"a rollout of {running.what} is running", hint)
    if focus.name in draft.world.waiting:
        return Refused("conflict", "a rollout is about to start: its destination is being asked")
    wrong = _no_variant(draft, focus, flag, version) if flag else _no_version(draft, focus, version)
    return (
        wrong or may_not_change(draft, focus, flag, hotfix) or _bounded(draft, focus, flag, version, hotfix)
    )


def _bounded(draft: Draft, focus: Focus, flag: str, variant: str, hotfix: bool) -> Refused | None:
    """The first step goes further than the budget allows."""
    spec = focus.rollout_of(flag)
    if not flag or (hotfix and bounded.agreed(focus, flag)) or spec is None or not spec.steps:
        return None
    lane = spec.hotfix.steps if hotfix and spec.hotfix is not None else ()
    why = bounded.stop(draft, focus, flag, variant, (lane or spec.steps)[0].weight)
    return Refused("refused", why, f"focus explain {focus.name}") if why else None


def _no_version(draft: Draft, focus: Focus, version: str) -> Refused | None:
    stable, traffic = draft.world.stable.get(focus.name), focus.controls.traffic
    if focus.rollout is None or not focus.rollout.steps or traffic is None:
        why = f"{focus.name} declares no rollout in steps or no traffic"
        flags = ", ".join(focus.controls.flags)
        hint = f"; of a flag: --flag KEY, one of {flags}" if flags else ""
        return Refused("usage", why, f"add spec.rollout and controls.traffic{hint}")
    if version not in traffic.versions:
        known = f"known: {', '.join(traffic.versions)}"
        return Refused("not-found", f"{focus.name} has no version {version!r}", known)
    if stable == version:
        return Refused("conflict", f"{version} is the stable version already")
    return None


def _no_variant(draft: Draft, focus: Focus, key: str, variant: str) -> Refused | None:
    flag, control = focus.controls.flags.get(key), f"flag.{key}"
    if flag is None:
        known = ", ".join(focus.controls.flags) or "none"
        return Refused("not-found", f"{focus.name} has no flag {key!r}", f"known: {known}")
    spec = focus.rollout_of(key)
    if spec is None or not spec.steps:
        why = f"neither {focus.name} nor its flag {key} declares a rollout in steps"
        return Refused("usage", why, f"add spec.rollout, or controls.flags.{key}.rollout")
    if variant not in flag.variants:
        known = f"known: {', '.join(flag.variants)}"
        return Refused("not-found", f"the flag {key} has no variant {variant!r}", known)
    if variant == flag.off:
        why = f"{variant} is what a kill of {key} serves: it needs no steps"
        return Refused("usage", why, f"focus control set {focus.name} {control} {flag.off} --reason R")
    return _stands_otherwise(draft, focus, flag, variant)


def _stands_otherwise(draft: Draft, focus: Focus, flag: Flag, variant: str) -> Refused | None:
    """A rollout begins where everybody has the same, for good, and something else than the variant."""
    control = f"flag.{flag.key}"
    entry = draft.world.board.entries.get(f"{focus.name}/{control}")
    if entry is None or not isinstance(entry.state, FlagState):
        return Refused("conflict", f"{control} is not on the board yet", "try again in a second")
    if entry.expires_at is not None:
        hint = f"focus control clear {focus.name} {control}"
        return Refused("conflict", f"{control} is set until {utc(entry.expires_at)} only", hint)
    if 0 < entry.state.percentage < 1:
        share = format_percent(entry.state.percentage)
        why = f"{entry.state.variant} has {share} already: a rollout begins where everybody has the same"
        return Refused("conflict", why, f"focus control set {focus.name} {control} {flag.off} --reason R")
    if stable_of(flag, entry.state) == variant:
        return Refused("conflict", f"{variant} of {flag.key} is what everybody has already")
    return None


def stable_of(flag: Flag, state: FlagState) -> str:
    """What everybody has while the flag is not split."""
    others = state.rest or flag.off
    return state.variant if state.percentage else others


def may_not_change(draft: Draft, focus: Focus, flag: str = "", hotfix: bool = False) -> Refused | None:
    """Why nothing new may be exposed now: a freeze, or the budget. A hotfix goes through those of its focus."""
    frozen = draft.world.frozen.get("*") or ("" if hotfix else draft.world.frozen.get(focus.name))
    spec = focus.rollout_of(flag)
    if frozen:
        lane = spec is not None and spec.hotfix is not None
        return Refused(
            "refused",
            f"frozen: {frozen}",
            f"focus unfreeze{f', or focus rollout start {focus.name} VERSION --hotfix --why R' if lane else ''}",
        )
    stop = expose.budget_freeze(draft, spec, focus, hotfix) if spec is not None else ""
    return Refused("refused", stop, f"focus explain {focus.name}") if stop else None


def ask_for(draft: Draft, focus: Focus, waiting: Waiting) -> Draft:
    """The way to a rollout begins with a look at its destination (N15)."""
    traffic, version = focus.controls.traffic, waiting.version
    addresses = traffic.versions[version] if traffic else ()
    key = short_id("probe", focus.name, version, draft.tick.number)
    asked = replace(waiting, probe=key, again_at=0)
    draft = draft.drop("refusals", focus.name).put("waiting", focus.name, asked)
    return draft.cause(Probe(key, focus.name, version, addresses))


def probed(draft: Draft, arrival: Probed, together: Together) -> Draft:
    """Every instance of the new version must be ready, and nothing may have come between, before it gets a request."""
    waiting = draft.world.waiting.get(arrival.focus)
    focus = draft.world.policies.set.focuses.get(arrival.focus)
    if waiting is None or focus is None or waiting.probe not in ("", arrival.key):
        return draft
    if _plane_was_away(draft, focus):
        later = replace(waiting, probe="later", again_at=draft.at + ASK_AGAIN_MS)
        return draft.put("waiting", focus.name, later)
    if waiting.release:
        return together(draft, waiting, arrival)
    draft = draft.drop("waiting", arrival.focus)
    version = waiting.version
    refused = refusal(draft, focus, version, hotfix=bool(waiting.hotfix))
    why = f"meanwhile: {refused.reason}" if refused is not None else unready(focus, version, arrival.results)
    return refuse(draft, focus.name, version, why, waiting.by) if why else begin(draft, focus, waiting)


def unready(focus: Focus, version: str, results: Mapping[str, str]) -> str:
    """Why these answers of its instances are not enough; empty if they are. All must be ready, unless the policy says how
    many.
    """
    failed = {address: why for address, why in results.items() if why}
    least = focus.rollout.min_instances if focus.rollout is not None else 0
    counted = focus.controls.traffic is not None and focus.controls.traffic.driver is None
    if results and (not failed or (counted and 0 < least <= len(results) - len(failed))):
        return ""
    words = "; ".join(f"{address}: {said}" for address, said in failed.items()) or "it has no instances"
    return f"{version} is not ready to take traffic: {words}"


def _plane_was_away(draft: Draft, focus: Focus) -> bool:
    """It is just up, and what its senders tell has not been read yet."""
    old = old_after(draft.world.counters, focus.name)
    unread = any(expose.unseen(health, old) for health in healths(draft, focus))
    return unread and draft.at - draft.world.up_since < GRACE_MS


def asked_again(draft: Draft) -> Draft:
    """The plane itself was away: what was asked of it before waits until its senders are back, or their time is over."""
    for name, waiting in draft.world.waiting.items():
        focus = draft.world.policies.set.focuses.get(name)
        if waiting.again_at and draft.at >= waiting.again_at and focus is not None:
            draft = ask_for(draft, focus, waiting)
    return draft


def _lane(waiting: Waiting) -> dict[str, Json]:
    named = {"hotfix": waiting.hotfix, "release": waiting.release}
    return {name: said for name, said in named.items() if said}


def refuse(draft: Draft, focus: str, version: str, why: str, by: str) -> Draft:
    """It does not begin: said, and kept for whoever asks later what became of it."""
    draft = draft.put("refusals", focus, Refusal(version, why, draft.at))
    return draft.say(Kind.ROLLOUT_REFUSED, focus, version, why, by=by)


def begin(draft: Draft, focus: Focus, waiting: Waiting) -> Draft:
    """The first step of a version that is ready, or of a variant: what serves that is there already, where the flag is read."""
    version, by, flag = waiting.version, waiting.by, waiting.flag
    spec, state = focus.rollout_of(flag), draft.world.board.state(focus.name, f"flag.{flag}")
    before = state if isinstance(state, FlagState) else None
    stable = stable_of(focus.controls.flags[flag], before) if before else draft.world.stable[focus.name]
    told = (flag, version) if flag else (version,)
    lane = spec.hotfix if spec is not None and waiting.hotfix else None
    steps = () if spec is None else spec.steps if flag else spec.stages
    fresh = Rollout(
        focus.name,
        short_id("rol", focus.name, *told, draft.tick.number),
        version,
        stable,
        lane.steps or steps if lane is not None else steps,
        by=by,
        flag=flag,
        before=before,
        hotfix=waiting.hotfix,
        hotfix_until=draft.at + lane.open_ms if lane is not None else 0,
        release=waiting.release,
    )
    rollout = rollouts.advance(fresh, Cause(Saw.STARTED, f"{by} started it", by), draft.at)
    for table in ("evidence", "verdicts", "refusals", "pairs"):
        draft = draft.drop(table, focus.name)
    draft = draft.put("rollouts", focus.name, rollout).say(
        Kind.ROLLOUT_STARTED,
        focus.name,
        rollout.id,
        f"{rollout.what} gets {rollout.exposed}, {stable} is the way back",
        version=version,
        stable=stable,
        by=by,
        policy=focus.digest,
        **_lane(waiting),
        steps=[step.words for step in rollout.steps],
        **of_flag(rollout),
    )
    if waiting.hotfix:
        draft = on_record.hotfix(draft, focus, rollout)
    return expose.move_control(
        draft, focus, rollout, f"rollout of {rollout.what} starts at {rollout.exposed}"
    )
