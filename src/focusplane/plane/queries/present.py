"""Present: how a focus stands now and why, rule by rule: its objectives, its rollout, its mitigations, what stops them."""

from collections.abc import Iterator, Sequence

from focusplane.act.decide import Act, Blind, Hold, Seen, decide
from focusplane.act.fact import Fact, Kind
from focusplane.define.focus import Focus
from focusplane.define.mitigation import Mitigation, OnBurn, OnCanary
from focusplane.define.slo import Objective
from focusplane.kernel.quantity import format_duration
from focusplane.observe.health import State
from focusplane.plane.queries.budgets import spending
from focusplane.plane.queries.detection import detection_lines, detection_of
from focusplane.plane.queries.focuses import find, objective_row, overall
from focusplane.plane.queries.rollouts import rollout
from focusplane.plane.queries.shown import Shown, utc
from focusplane.plane.world import World

_LEAST, _THOUSAND, _MILLION = 0.01, 1e3, 1e6
_MOST_GROUPS = 5
_SPOKE = frozenset({Kind.HELD, Kind.SHADOWED, Kind.DECIDED})


def present(world: World, facts: Sequence[Fact], name: str) -> list[Shown]:
    """Rows of `what`, `state`, `reason` and `lines`. Raises `NotFoundError`."""
    focus = find(world, name)
    return [
        *(objective_present(world, focus, one) for one in focus.objectives),
        *moving(world, name),
        *_frozen(world, name),
        *(_mitigation(world, facts, focus, at) for at in range(len(focus.mitigations))),
    ]


def objective_present(world: World, focus: Focus, objective: Objective) -> Shown:
    """One objective: why it fires or not, with the counts of each rule, its budget, and how soon it would tell."""
    row = _objective({**objective_row(world, focus, objective), **spending(world, focus, objective)})
    told = detection_lines(detection_of(world, focus.name, objective))
    return {**row, "lines": [*row["lines"], *told]}


def headline(world: World, name: str) -> str:
    """Why this focus is as it is, in one sentence: what stands in the way of its rollout goes before its health."""
    focus, running = find(world, name), world.rollouts.get(name)
    stands = world.frozen.get(name) or world.frozen.get("*")
    state, reason = overall([world.health.get(f"{name}/{one.name}") for one in focus.objectives])
    said = [f"frozen: {stands}"] if stands else []
    if running is not None and running.live:
        said.append(str(rollout(world, name)["sentence"]))
    if state is not State.OK or not said:
        said.append(reason)
    return "; ".join(said)


def moving(world: World, name: str) -> Iterator[Shown]:
    """The rollout: where it stands, what the judge has and still needs, and what ends a hold."""
    shown = rollout(world, name)
    refused = shown["refused"]
    if refused is not None:
        yield _row(
            f"rollout of {refused['version']}",
            "refused",
            refused["reason"],
            f"asked for at {utc(refused['at'])}",
        )
    if shown["waiting"]:
        why = "its instances are being asked whether they are ready"
        yield _row(f"rollout of {shown['waiting']}", "waiting", why)
    if not shown["version"]:
        return
    at = f"{shown['what']} has {shown['weight_text']} of the traffic, for {shown['step_for']}"
    yield _row(
        f"rollout of {shown['what']}",
        shown["phase"],
        shown["hold_reason"] or shown["reason"],
        at,
        *([f"without evidence of safety: {shown['unproven']}"] if shown["unproven"] else []),
        *_hold(shown),
        *([shown["price"]["text"]] if shown["price"] else []),
        *_verdict(shown["verdict"]),
        *([shown["synthetic"]["text"], shown["synthetic"]["now"]] if shown["synthetic"] else []),
    )


def _hold(shown: Shown) -> Iterator[str]:
    if shown["held_since"] is not None:
        ends = f" at most until {utc(shown['hold_ends_at'])}," if shown["hold_ends_at"] else ""
        yield f"held since {utc(shown['held_since'])},{ends} {shown['hold_until']}"


def _verdict(verdict: Shown | None) -> Iterator[str]:
    if verdict is None:
        return
    yield f"the judge says {verdict['decision']}: {'; '.join(verdict['reasons'])}"
    harm, safe = _figure(verdict["e_regress"]), _figure(verdict["e_safe"])
    yield f"evidence of harm {harm}, of safety {safe}, each of {verdict['threshold']:g}"
    yield f"{verdict['canary_requests']:,} requests against {verdict['baseline_requests']:,} of the baseline"
    if verdict["eta_requests"]:
        yield f"about {verdict['eta_requests']:,} more requests until it can be called safe"
    for one in verdict["metrics"]:
        if one["no_data"]:
            yield f"{one['metric']}: {one['no_data']}"


def _figure(value: float | None) -> str:
    """Never an exponent: three digits are enough to read."""
    if value is None or value >= _MILLION:
        return "over a million"
    if 0 < value < _LEAST:
        return f"<{_LEAST}"
    return f"{value:.3g}" if value < _THOUSAND else f"{value:,.0f}"


def _objective(row: Shown) -> Shown:
    lines = [row["no_data"] or f"{row['counted_text']}: {row['sli_text']}, target {row['target']}"]
    if row["unit"] is not None and row["unit"]["last"]:
        lines.append(f"the last of the {row['unit']['what']}: {row['unit']['last']}")
    if row["seen_text"]:
        lines.append(row["seen_text"])
    budget = row["budget"]
    lines.append(f"error budget unknown: {budget['no_data']}" if budget["left"] is None else _budget(budget))
    lines += [line for each in row["spending"] for line in _spending(each)]
    lines += [_burn(burn) for burn in row["burn"]]
    lines += _groups(row)
    lines += [row["unmatched"]] if row["unmatched"] else []
    return _row(f"objective {row['name']}", row["state"], row["reason"], *lines)


def _groups(row: Shown) -> Iterator[str]:
    """How many groups there are, and the worst of them."""
    if row["by"] is None:
        return
    more = "; those beyond the most are counted as other" if row["groups_overflow"] else ""
    yield f"{row['groups_known']} groups by {row['by']}, {row['groups_failing']} failing{more}"
    for one in row["groups"][:_MOST_GROUPS]:
        yield f"{one['group']}: {one['state']}, {one['bad']:,} bad of {one['total']:,}; {one['reason']}"


def _spending(spending: Shown) -> Iterator[str]:
    """Of one window: when its budget ends, and who burnt most of it."""
    yield f"when the budget of {spending['window']} ends: {spending['forecast']['text']} ({spending['forecast']['why']})"
    for dimension, rows in spending["burnt_by"]["by"].items():
        most = ", ".join(f"{one['value']} {one['share_text']} ({one['failures']:,})" for one in rows[:3])
        yield f"burnt by {dimension}: {most}"


def _budget(budget: Shown) -> str:
    ends = f", spent {utc(budget['exhausts_at'])} at this rate" if budget["exhausts_at"] else ""
    return f"{budget['left_text']} of the error budget left{ends}"


def _burn(burn: Shown) -> str:
    limit = f"{burn['factor']:g}x" if burn["factor"] is not None else f"{burn['ratio']:.0%} failing"
    rate = "no rate" if burn["rate"] is None else f"{_figure(burn['rate'])}x"
    level = "for a mitigation" if burn["level"] == "none" else burn["level"]
    return (
        f"{burn['state']}: {level} at {limit} over {' and '.join(burn['windows'])}: {rate}; {burn['reason']}"
    )


def _frozen(world: World, name: str) -> Iterator[Shown]:
    for key in (name, "*"):
        if key in world.frozen:
            what = "everything" if key == "*" else name
            yield _row(f"automation of {what}", "frozen", world.frozen[key])


def _mitigation(world: World, facts: Sequence[Fact], focus: Focus, at: int) -> Shown:
    """Whether its condition holds now, and what its rule said last: a veto stands until it says something else."""
    one = focus.mitigations[at]
    last = next(
        (
            fact
            for fact in reversed(facts)
            if fact.kind in _SPOKE
            and fact.focus == focus.name
            and one.name in (fact.subject, fact.body.get("rule"))
        ),
        None,
    )
    acted = world.fired.get(f"{focus.name}/{one.name}")
    lines = [f"{last.kind} at {utc(last.at)}: {last.reason}"] if last is not None else []
    if acted:
        lines.append(f"last acted at {utc(acted)}, cool-down {format_duration(one.cooldown_ms)}")
    return _row(f"mitigation {one.name}", str(one.mode), _condition(world, focus, one), *lines)


def _condition(world: World, focus: Focus, one: Mitigation) -> str:
    why = world.said.get(f"why {focus.name}/{one.name}", "its rule has not been looked at yet")
    if not isinstance(one.when, OnBurn | OnCanary):
        return why  # of tenants and breakers only the turn itself knows
    running = world.rollouts.get(focus.name)
    verdict = world.verdicts.get(focus.name) if running is not None and running.live else None
    keys = {each.name: f"{focus.name}/{each.name}" for each in focus.objectives}
    health = {name: world.health[key] for name, key in keys.items() if key in world.health}
    match decide(one, Seen(health, verdict, {})):
        case Act(evidence):
            return f"its condition holds: {evidence}"
        case Hold(why) | Blind(why):
            return f"its condition does not hold: {why}"


def _row(what: str, state: str, reason: str, *lines: str) -> Shown:
    return {"what": what, "state": state, "reason": reason, "lines": list(lines)}
