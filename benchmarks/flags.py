"""What does one evaluation of a flag cost, and what does an update of a thousand?

Prints JSON lines {name, goal, measured, peer, ratio, unit}: the least CPU time of a call over the rounds. The peers evaluate the
same questions in the same process, one after the other: openfeature-flagd-core, UnleashClient and growthbook.
"""

import json
import logging
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any

from focusplane.control.flags.ruleset import Ruleset

ROUNDS = 40
FLAGS = 1_000
VARIANTS = {"on": True, "off": False}
CONTEXT = {
    "targetingKey": "tenant-77",
    "plan": "gold",
    "country": "FR",
    "email": "ana@acme.com",
    "version": "v2.3",
}
HALF = {"fractional": [{"cat": ["shop:half:", {"var": "targetingKey"}]}, ["on", 50], ["off", 50]]}
GOLD = {"==": [{"var": "plan"}, "gold"]}
THREE = {
    "and": [
        {"in": [{"var": "country"}, ["DE", "FR", "AT"]]},
        {"ends_with": [{"var": "email"}, "@acme.com"]},
        {"sem_ver": [{"var": "version"}, ">=", "2.1.0"]},
    ]
}
RULES: Mapping[str, Any] = {
    "static": None,
    "attribute": {"if": [GOLD, "on", "off"]},
    "three conditions": {"if": [THREE, "on", "off"]},
    "50 %": HALF,
    "attribute and 50 %": {"if": [GOLD, HALF, "off"]},
}
GROWTHBOOK: Mapping[str, Any] = {
    "static": [],
    "attribute": [{"condition": {"plan": "gold"}, "force": True}],
    "three conditions": [
        {
            "condition": {
                "country": {"$in": ["DE", "FR", "AT"]},
                "email": {"$regex": "@acme\\.com$"},
                "version": {"$vgte": "2.1.0"},
            },
            "force": True,
        }
    ],
    "50 %": [{"force": True, "coverage": 0.5, "hashAttribute": "id"}],
    "attribute and 50 %": [
        {"condition": {"plan": "gold"}, "force": True, "coverage": 0.5, "hashAttribute": "id"}
    ],
}


def flag(rule: Any) -> dict[str, Any]:
    return {"state": "ENABLED", "variants": VARIANTS, "defaultVariant": "off", "targeting": rule or {}}


def document(rules: Mapping[str, Any]) -> str:
    return json.dumps({"flags": {name: flag(rule) for name, rule in rules.items()}})


def least_us(work: Callable[[], object], calls: int) -> float:
    found = []
    for _ in range(ROUNDS):
        before = time.thread_time_ns()
        for _ in range(calls):
            work()
        found.append((time.thread_time_ns() - before) / calls / 1_000)
    return min(found)


def ours() -> dict[str, float]:
    rules = Ruleset.of(document(RULES))
    return {name: least_us(lambda name=name: rules.evaluate(name, CONTEXT), 4_000) for name in RULES}


def flagd() -> dict[str, float]:
    from openfeature.contrib.tools.flagd.core.flagd_core import FlagdCore
    from openfeature.evaluation_context import EvaluationContext

    core = FlagdCore()
    core.set_flags(document(RULES))
    context = EvaluationContext("tenant-77", CONTEXT)
    return {
        name: least_us(lambda name=name: core.resolve_boolean_value(name, False, context), 300)
        for name in RULES
    }


def growthbook() -> dict[str, float]:
    from growthbook import GrowthBook

    features = {name: {"defaultValue": False, "rules": rules} for name, rules in GROWTHBOOK.items()}
    book = GrowthBook(features=features, attributes={"id": "tenant-77", **CONTEXT, "version": "2.3.0"})
    return {name: least_us(lambda name=name: book.is_on(name), 300) for name in RULES}


def unleash() -> dict[str, float]:
    from UnleashClient import UnleashClient
    from UnleashClient.clients.unleash_client import _RunState

    half = {"rollout": "50", "stickiness": "userId", "groupId": "half"}
    gold = {"contextName": "plan", "operator": "IN", "values": ["gold"]}
    three = [
        {"contextName": "country", "operator": "IN", "values": ["DE", "FR", "AT"]},
        {"contextName": "email", "operator": "STR_ENDS_WITH", "values": ["@acme.com"]},
        {"contextName": "version", "operator": "SEMVER_GT", "value": "2.0.9"},
    ]
    asked: Mapping[str, tuple[list[dict[str, Any]], dict[str, str]]] = {
        "static": ([], {}),
        "attribute": ([gold], {}),
        "three conditions": (three, {}),
        "50 %": ([], half),
        "attribute and 50 %": ([gold], half),
    }
    features = []
    for name, (constraints, share) in asked.items():
        strategy = {
            "name": "flexibleRollout" if share else "default",
            "parameters": share,
            "constraints": constraints,
        }
        features.append({"name": name, "type": "release", "enabled": True, "strategies": [strategy]})
    context = {
        "userId": "tenant-77",
        "properties": {**{name: CONTEXT[name] for name in ("plan", "country", "email")}, "version": "2.3.0"},
    }
    with tempfile.TemporaryDirectory() as folder:
        client = UnleashClient(
            "http://127.0.0.1:9",
            "bench",
            cache_directory=folder,
            disable_metrics=True,
            disable_registration=True,
        )
        client._engine.take_state(json.dumps({"version": 2, "features": features}))
        client._run_state = _RunState.INITIALIZED
        return {name: least_us(lambda name=name: client.is_enabled(name, context), 200) for name in RULES}


def peer(work: Callable[[], dict[str, float]]) -> dict[str, float]:
    """What a peer needs for each question; nothing if it is not installed (`pip install -e '.[bench]'`)."""
    try:
        return work()
    except ModuleNotFoundError:
        return {}


def evaluations() -> None:
    mine = ours()
    peers = {
        "openfeature-flagd-core": peer(flagd),
        "growthbook": peer(growthbook),
        "UnleashClient": peer(unleash),
    }
    for name, spent in mine.items():
        line: dict[str, object] = {
            "name": f"Ruleset: {name}",
            "goal": "< 1",
            "measured": round(spent, 3),
            "unit": "us",
        }
        told = {who: found[name] for who, found in peers.items() if name in found}
        if told:
            line["peer"] = ", ".join(f"{who}: {us:.3g}" for who, us in told.items())
            line["ratio"] = ", ".join(f"{us / spent:.0f}" for us in told.values())
        print(json.dumps(line))


def updates() -> None:
    """A thousand flags with an attribute and a percentage each: all new, and one of them changed."""
    rules: dict[str, Any] = {
        f"flag-{n}": {"if": [{"==": [{"var": "plan"}, f"plan-{n}"]}, HALF, "off"]} for n in range(FLAGS)
    }
    every = document(rules)
    one = document({**rules, "flag-500": {"if": [GOLD, HALF, "off"]}})
    before = Ruleset.of(every)
    assert Ruleset.of(one, before).changed == {"flag-500"}
    theirs = peer(lambda: flagd_update(every))
    for name, goal, spent in (
        ("all 1,000 flags new", "< 100", least_us(lambda: Ruleset.of(every), 1) / 1_000),
        ("one of 1,000 flags changed", "< 10", least_us(lambda: Ruleset.of(one, before), 1) / 1_000),
    ):
        line: dict[str, object] = {
            "name": f"Ruleset: {name}",
            "goal": goal,
            "measured": round(spent, 2),
            "unit": "ms",
        }
        if theirs:
            line |= {
                "peer": f"openfeature-flagd-core, which compiles nothing: {theirs['all']:.3g}",
                "ratio": f"{theirs['all'] / spent:.1f}",
            }
        print(json.dumps(line))


def flagd_update(every: str) -> dict[str, float]:
    from openfeature.contrib.tools.flagd.core.flagd_core import FlagdCore

    core = FlagdCore()
    return {"all": least_us(lambda: core.set_flags(every), 1) / 1_000}


def main() -> None:
    logging.disable(logging.CRITICAL)
    evaluations()
    updates()


if __name__ == "__main__":
    main()
