"""Budgets as people see them: who burnt them, when they end, and what a change cost."""

from focusplane.act.price import Price
from focusplane.control.rollout import Rollout
from focusplane.define.focus import Focus
from focusplane.define.slo import Objective
from focusplane.kernel.quantity import format_percent
from focusplane.observe.attribution import attribute
from focusplane.observe.forecast import Forecast
from focusplane.observe.health import Windowed
from focusplane.observe.spending import expected_end
from focusplane.plane.arrows import price as prices
from focusplane.plane.queries.shown import Shown, number, utc
from focusplane.plane.queries.shown import window as worded
from focusplane.plane.world import World


def spending(world: World, focus: Focus, objective: Objective) -> Shown:
    """Of each window when its budget ends, and who burnt it; nothing before anything was measured."""
    health = world.health.get(f"{focus.name}/{objective.name}")
    windows = health.windows if health is not None and not objective.sli.unit_ms else ()
    return {
        "spending": [
            {
                "window": worded(each.window),
                "forecast": _forecast(expected_end(world.counters, focus.name, objective, each)),
                "burnt_by": _burnt_by(world, focus, objective, each),
            }
            for each in windows
        ]
    }


def _forecast(found: Forecast) -> Shown:
    return {
        "early": found.early,
        "likely": found.likely,
        "late": found.late,
        "text": _ends(found),
        "why": found.why,
    }


def _ends(found: Forecast) -> str:
    if found.early is None:
        return "it lasts" if found.known else "unknown"
    if found.early == found.late:
        return f"spent at {utc(found.early)}"
    likely = f", likely {utc(found.likely)}" if found.likely is not None else ""
    late = f"at the latest {utc(found.late)}" if found.late is not None else "perhaps not at all"
    return f"not before {utc(found.early)}{likely}, {late}"


def _burnt_by(world: World, focus: Focus, objective: Objective, each: Windowed) -> Shown:
    found = attribute(world.counters, focus.name, objective.name, each.since, each.until)
    return {
        "failures": found.bad,
        "exact": found.exact,
        "by": {
            dimension: [
                {
                    "value": one.value,
                    "failures": one.bad,
                    "share": float(one.share),
                    "share_text": format_percent(one.share, 1),
                }
                for one in rows
            ]
            for dimension, rows in found.by.items()
        },
        "others": dict(found.others),
    }


def rollout_price(world: World, running: Rollout) -> Shown | None:
    """What a rollout has cost so far, or did; None before it began, or where nothing is known."""
    span = prices.of_rollout(running)
    if running.id in world.prices:
        return shown_price(world.prices[running.id], final=True)
    if span is None:
        return None
    found = prices.price(world, running.focus, span, f"the rollout of {running.what}")
    return None if found is None else shown_price(found, final=False)


def change_price(world: World, key: str) -> Shown | None:
    """What a change cost; so far, while its hour has not passed."""
    if key in world.prices:
        return shown_price(world.prices[key], final=True)
    change = next((each for each in world.changes if each.id == key and each.kind in prices.PRICED), None)
    if change is None or not change.focus or change.at < world.tick.at - prices.STILL_MS:
        return None
    found = prices.price(world, change.focus, prices.of_change(world, change), change.what)
    return None if found is None else shown_price(found, final=False)


def shown_price(one: Price, final: bool) -> Shown:
    return {
        "objective": one.objective,
        "since": one.since,
        "until": one.until,
        "failures": one.failures,
        "total": one.total,
        "usual": number(one.usual),
        "excess": number(one.excess),
        "share": number(one.share),
        "final": final,
        "text": prices.said(one) if final else f"so far, {prices.said(one)}",
    }
