"""The scene of the tests of the pages: a rollback in progress, with real counters and the facts that led to it."""

from collections.abc import Sequence
from fractions import Fraction

from focusplane.act.action import Action
from focusplane.act.action import Phase as Done
from focusplane.act.change import ChangeEvent, rank
from focusplane.act.fact import Fact, Kind
from focusplane.act.incident import Incident, Stage
from focusplane.control.board import Board, apply, declare
from focusplane.control.command import ControlId, Set
from focusplane.control.rollout import Phase, Rollout
from focusplane.control.state import FlagState, ThrottleState, TrafficState
from focusplane.define.controls import Address, Controls, Flag, Throttle, Traffic
from focusplane.define.focus import Boundary, Focus, PolicySet, Tier
from focusplane.define.mitigation import Mitigation, Mode, OnCanary, RollBack
from focusplane.define.rollout import JudgeSpec, RolloutSpec, Step
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.define.slo import BurnRule, Level, Objective, Rolling
from focusplane.instrument.bounds import bounds_for
from focusplane.instrument.signal import Latencies, Outcome, Signal, Slice, Source
from focusplane.kernel.quantity import Rate
from focusplane.kernel.tick import DAY, HOUR, MINUTE, SECOND, Tick
from focusplane.observe.counters import Counters
from focusplane.observe.health import Budget, Burn, Health, State
from focusplane.observe.reading import Measured
from focusplane.observe.verdict import MetricEvidence, Ruling, Verdict
from focusplane.plane.world import Look, Node, Policies, Score, Seen, World

NOW = 1_795_357_200_000
START = NOW - 170 * SECOND
BAD = NOW - 65 * SECOND
ADMIN = "admin-token"


def objective(name: str, target: str, sli: Sli) -> Objective:
    rules = (
        BurnRule(Level.PAGE, HOUR, 5 * MINUTE, Fraction("14.4")),
        BurnRule(Level.PAGE, 6 * HOUR, 30 * MINUTE, Fraction(6)),
        BurnRule(Level.ACT, HOUR, 5 * MINUTE, Fraction(4)),
        BurnRule(Level.TICKET, 3 * DAY, 6 * HOUR, Fraction(1)),
        BurnRule(Level.OUTAGE, 2 * MINUTE, 30 * SECOND, ratio=Fraction("0.4")),
    )
    return Objective(name, Fraction(target), Rolling(30 * DAY), sli, rules)


def checkout() -> Focus:
    flag = Flag("new-pricing", {"on": True, "off": False}, "on", "off", "payments", "2027-03-31")
    versions = {
        "v1": (Address("127.0.0.1", 9101),),
        "v2": (Address("127.0.0.1", 9102), Address("127.0.0.1", 9103)),
    }
    return Focus(
        name="checkout",
        owner="payments",
        digest="d1",
        description="Customers pay for their basket.",
        tier=Tier.CRITICAL,
        pattern="canary-control",
        boundary=(Boundary("payment", ("POST /checkout", "/refund/*")),),
        depends_on=("ledger-db", "auth"),
        objectives=(
            objective(
                "availability", "0.999", Sli(SliKind.EVENTS, Match(status=("5xx",)), Match(synthetic=True))
            ),
            objective("latency", "0.95", Sli(SliKind.LATENCY, Match(status=("5xx",)), Match(), under_ms=300)),
        ),
        controls=Controls(
            flags={"new-pricing": flag},
            traffic=Traffic(Address("127.0.0.1", 10000), "/checkout", versions, "v1"),
            throttle=Throttle(Rate(Fraction(500), SECOND), 100),
        ),
        mitigations=(Mitigation("take-it-back", OnCanary(), RollBack(), Mode.ACT),),
        rollout=RolloutSpec(
            (
                Step(Fraction(1, 20), 10 * MINUTE, 1000),
                Step(Fraction(1, 4)),
                Step(Fraction(1, 2)),
                Step(Fraction(1)),
            ),
            JudgeSpec(Fraction(1, 20), Fraction(5, 4), Fraction(1, 1000)),
        ),
    )


def search() -> Focus:
    sli = Sli(SliKind.EVENTS, Match(status=("5xx",)), Match())
    return Focus(
        "search",
        "discovery",
        "d2",
        objectives=(objective("availability", "0.99", sli),),
        description="Customers find what they want.",
    )


def login() -> Focus:
    sli = Sli(SliKind.EVENTS, Match(status=("5xx",)), Match())
    return Focus(
        "login", "identity", "d3", objectives=(objective("availability", "0.999", sli),), tier=Tier.CRITICAL
    )


def counted(focus: Focus) -> Counters:
    counters = Counters()
    counters.declare(focus)
    bounds = bounds_for(focus)
    for second in range(START - 600 * SECOND, NOW - SECOND, SECOND):
        end = second + SECOND
        for version, share, slow in (("v1", 190, 90), ("v2", 10, 210)):
            total = share if version == "v1" else (10 if START <= second < NOW - 20 * SECOND else 0)
            if not total:
                total = 200 if version == "v1" else 0
            bad = int(version == "v1" and second // SECOND % 9 == 0) + (
                1 if version == "v2" and second >= BAD and second // SECOND % 2 else 0
            )
            bad = min(bad, total)
            for status, number in ((200, total - bad), (503, bad)):
                if number:
                    counts = [0] * (len(bounds) + 1)
                    for at in range(number):
                        took = slow * (1 + (at * 37 + second // SECOND * 13) % 40 / 25)
                        counts[next((i for i, edge in enumerate(bounds) if took <= edge), len(bounds))] += 1
                    counters.add(
                        Signal(
                            focus.name,
                            "production",
                            Source.EDGE,
                            "envoy-1",
                            second,
                            end,
                            Slice("", version, "/checkout"),
                            Outcome(status),
                            number,
                            Latencies(bounds, tuple(counts)),
                        ),
                        end,
                    )
        counters.settle(end)
    return counters


def health(focus: Focus, name: str, bad: int, total: int, fires: bool) -> Health:
    held = focus.objective(name)
    read = Measured(total - bad, total, Fraction(97, 100))
    rates = (
        Fraction(bad, total) / held.budget * (11 if fires else 1),
        Fraction(bad, total) / held.budget * (21 if fires else 1),
    )
    burns = tuple(Burn(rule, read, read, *rates, fires and rule.factor == 4, "burn") for rule in held.rules)
    left = 1 - Fraction(bad, total) / held.budget
    state = State.BURNING if fires else State.OK
    reason = (
        f"burns at {float(rates[0]):.1f}x over 1h and {float(rates[1]):.1f}x over 5m, above 4x"
        if fires
        else "burns at 0.2x over 1h"
    )
    budget = Budget(left, bad, held.budget * total, NOW + 31 * HOUR if fires else None)
    return Health(
        focus.name, name, state, Level.ACT if fires else Level.NONE, reason, read, burns, budget, 1_200
    )


def board(focuses: Sequence[Focus]) -> Board:
    made = Board("pl-7f3a", 1)
    traffic = TrafficState("v1", {"v1": Fraction(1)})
    made = declare(made, ControlId("checkout", "traffic"), traffic)
    made = declare(made, ControlId("checkout", "flag.new-pricing"), FlagState("on"))
    made = declare(made, ControlId("checkout", "throttle"), ThrottleState(Rate(Fraction(500), SECOND), 100))
    step = TrafficState("v1", {"v2": Fraction(1, 20), "v1": Fraction(19, 20)}, "v2", "v2")
    made = apply(made, Set(ControlId("checkout", "traffic"), step, "v2 goes to 5%", "req-1"))
    back = Set(ControlId("checkout", "traffic"), traffic, "v2 is worse than v1", "act-3f9c01d2ab7e")
    limit = ThrottleState(Rate(Fraction(300), SECOND), 100)
    made = apply(
        made, Set(ControlId("checkout", "throttle"), limit, "protect the ledger", "ana", NOW + 22 * MINUTE)
    )
    return apply(made, back)


VERDICT = Verdict(
    Ruling.ROLLBACK,
    "worse: errors 4.10% of v2 against 0.06% of v1; odds 214 to 1 against chance, 20 were asked for",
    214.7,
    0.004,
    (6.2, 88.0),
    1_500,
    28_500,
    None,
    (
        MetricEvidence("errors", 421.0, 0.004, 62, 1_500, 17, 28_500, "/checkout"),
        MetricEvidence("latency p95", 8.4, 0.2, 140, 1_500, 1_424, 28_500),
    ),
)


def facts() -> list[Fact]:
    acted = "act-3f9c01d2ab7e"
    moved = NOW - 20 * SECOND
    return [
        Fact(START - 5_000, Kind.POLICY_LOADED, "", "policy", "3 focuses, digest 4ac1"),
        Fact(
            START,
            Kind.ROLLOUT_STARTED,
            "checkout",
            "roll-91c2",
            "v2 starts at 5%",
            {"version": "v2", "step": 0},
        ),
        Fact(
            START,
            Kind.BOARD_MOVED,
            "checkout",
            "checkout/traffic",
            "v2 goes to 5%",
            {"control": "traffic", "cause": "req-1"},
        ),
        Fact(
            BAD - 20_000,
            Kind.ROLLOUT_HELD,
            "checkout",
            "roll-91c2",
            "no evidence yet: 850 of 1000 canary requests",
            {"rollout": "roll-91c2"},
        ),
        Fact(
            BAD + 9_000,
            Kind.HELD,
            "checkout",
            "kill-new-pricing",
            "availability burns at level none, below act",
            {"rule": "kill-new-pricing"},
        ),
        Fact(
            BAD + 38_000,
            Kind.INCIDENT_OPENED,
            "checkout",
            "inc-5b20",
            "v2 fails 4.10% of its requests, v1 0.06%",
        ),
        Fact(
            moved,
            Kind.DECIDED,
            "checkout",
            acted,
            VERDICT.reason,
            {"decision": "dec-77aa", "rule": "canary: worse", "what": "roll v2 back to v1"},
        ),
        Fact(
            moved,
            Kind.BOARD_MOVED,
            "checkout",
            "checkout/traffic",
            "v2 is worse than v1",
            {"control": "traffic", "cause": acted},
        ),
        Fact(moved, Kind.ACTION_MOVED, "checkout", acted, "the board was moved", {"phase": "dispatching"}),
        Fact(
            moved + 900,
            Kind.ACTION_MOVED,
            "checkout",
            acted,
            "2 of 2 nodes run board 6",
            {"phase": "applied"},
        ),
        Fact(moved + 1_500, Kind.NOTIFIED, "checkout", "pager", "payments was told"),
        Fact(
            moved + 15_000,
            Kind.HELD,
            "checkout",
            "throttle-down",
            "cooling down for another 9m45s",
            {"rule": "throttle-down"},
        ),
    ]


def scene() -> World:
    focus, other, third = checkout(), search(), login()
    acted = "act-3f9c01d2ab7e"
    moved = NOW - 20 * SECOND
    changes = (
        ChangeEvent(
            "chg-1", START - 3 * HOUR, "checkout", "flag", "new-pricing on for everybody", "ana", Fraction(1)
        ),
        ChangeEvent("chg-2", START, "checkout", "rollout", "v2 to 5%", "ben", Fraction(1, 20), "v2"),
    )
    steps = focus.rollout.steps if focus.rollout else ()
    rollout = Rollout(
        "checkout",
        "roll-91c2",
        "v2",
        "v1",
        steps,
        Phase.ROLLED_BACK,
        0,
        START,
        START,
        by="focusplane",
        reason=VERDICT.reason,
    )
    action = Action(
        acted,
        "dec-77aa",
        "checkout",
        "canary: worse",
        "roll v2 back to v1",
        Set(ControlId("checkout", "traffic"), TrafficState("v1", {"v1": Fraction(1)}), "v2 is worse", acted),
        VERDICT.reason,
        "focusplane",
        Done.APPLIED,
        moved,
        moved + 900,
        NOW + 4 * MINUTE,
        board_version=6,
        incident="inc-5b20",
        rollout="roll-91c2",
        detail="the data planes run it; waiting for the SLI to answer",
    )
    waiting = Action(
        "act-000000000002",
        "dec-2",
        "checkout",
        "throttle-down",
        "throttle to 300/s",
        None,
        "availability burns at 4.2x",
        "focusplane",
        Done.AWAITING_APPROVAL,
        moved,
        moved,
        NOW + MINUTE,
        approvals_needed=1,
        approve_by=NOW + 14 * MINUTE,
    )
    incident = Incident(
        "inc-5b20",
        "checkout",
        "rollout roll-91c2",
        Stage.OPEN,
        Level.ACT,
        "v2 of checkout fails some payments",
        "v2 fails 4.10% of its requests, v1 0.06%",
        BAD + 38_000,
        BAD + 38_000,
        BAD,
        "v2",
        impact={
            "failed": 62,
            "excess": 61,
            "tenants_hurt": 31,
            "tenants_active": 512,
            "budget_spent": "0.21%",
        },
        suspects=rank(changes, "checkout", BAD, "v2"),
    )
    made = board((focus, other))
    return World(
        Tick(NOW, 680),
        counted(focus),
        Seen(),
        policies=Policies(
            PolicySet({one.name: one for one in (focus, other, third)}, digest="4ac1"), {"checkout.yaml": ""}
        ),
        board=made,
        stable={"checkout": "v1"},
        health={
            "checkout/availability": health(focus, "availability", 520, 1_240_000, True),
            "checkout/latency": health(focus, "latency", 9_000, 1_230_000, False),
            "search/availability": health(other, "availability", 900, 990_000, False),
        },
        rollouts={"checkout": rollout},
        verdicts={"checkout": VERDICT},
        actions={acted: action, waiting.key: waiting},
        incidents={"inc-5b20": incident},
        nodes={
            "envoy-1": Node("envoy", "envoy-1", made.version, NOW - 400),
            "payment-a": Node("sdk", "payment-a", made.version - 1, NOW - 900),
        },
        looks={"checkout": Look(NOW - 800, {"envoy-1": {"v1": Fraction(1), "v2": Fraction(0)}})},
        scores={"checkout/take-it-back": Score(2, 2)},
        changes=changes,
    )
