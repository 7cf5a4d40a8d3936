"""Alert tables: what can never fire, fires always, or fires by chance is refused at the door; lenient targets are paged fast."""

from fractions import Fraction
from itertools import pairwise

import pytest

from focusplane.act.fact import Kind
from focusplane.define.burn import burn_rules
from focusplane.define.check import check
from focusplane.define.load import Loaded, load
from focusplane.define.problem import Severity
from focusplane.define.slo import Level, Rolling, TableName
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import DAY, MINUTE, SECOND
from focusplane.observe.burn import stretched
from focusplane.plane.arrival import Counted
from focusplane.testing.rig import Load, Rig

POLICY = """
apiVersion: focusplane/v1
kind: Focus
metadata: {name: shop}
spec:
  owner: payments
  objectives:
    - name: availability
      target: %s
      window: %s
      sli: {bad: {status: 5xx}}
      %s
  alerts: {page: [pager], ticket: [tracker]}
---
apiVersion: focusplane/v1
kind: Team
metadata: {name: payments}
spec: {channels: {pager: {url: "env:PAGER"}, tracker: {url: "env:TRACKER"}}}
"""


def policy(target: str, rules: str = "", window: str = "30d") -> str:
    return POLICY % (target, window, f"rules: {rules}" if rules else "")


def read(target: str, rules: str = "", window: str = "30d") -> Loaded:
    return load({"shop.yaml": policy(target, rules, window)})


def errors(found: Loaded) -> list[tuple[str, str]]:
    return [(one.code, one.hint) for one in found.problems if one.severity is Severity.ERROR]


# -- trap 9 ------------------------------------------------------------------------------------------------------------


def test_trap_09_a_declared_factor_that_no_failure_reaches_is_refused_with_the_highest_that_one_does() -> (
    None
):
    """Sloth and Pyrra take 14.4x for a target of 93 %: it can never fire, for 14.4 x 7 % is more than everything."""
    ((code, hint),) = errors(read("93%", "[{level: page, burn: 14.4, windows: [1h, 5m]}]"))
    assert code == "D280"
    assert "14.28" in hint
    assert not errors(read("93%", "[{level: page, burn: 14.28, windows: [1h, 5m]}]"))


def test_trap_09_the_factor_of_the_very_bound_is_out_of_reach_and_the_hint_is_not() -> None:
    """At 95 % nothing burns faster than 20x, and 20x is compared with >."""
    ((code, hint),) = errors(read("95%", "[{level: page, burn: 20, windows: [1h, 5m]}]"))
    assert (code, "19.99" in hint) == ("D280", True)
    assert not errors(read("95%", "[{level: page, burn: 19.99, windows: [1h, 5m]}]"))


def test_trap_09_a_share_of_the_budget_that_cannot_be_spent_in_that_time_is_refused_in_shares() -> None:
    """Everything failing for 6 h of 30 d spends 16.7 % of a budget of 5 % - Sloth's custom windows do not check it."""
    ((code, hint),) = errors(read("95%", "[{level: page, spends: 20%, windows: [6h, 30m]}]"))
    assert (code, "16.667%" in hint) == ("D280", True)


def test_trap_09_defaults_that_are_out_of_reach_drop_out_with_a_notice() -> None:
    """Nobody wrote them, so that nobody made a mistake: Sloth keeps them and says nothing."""
    found = read("90%")
    assert not errors(found)
    (notice,) = [one for one in found.problems if one.code == "D120"]
    assert "page 14.4x over 1h and 5m" in notice.what
    rules = found.policies.focuses["shop"].objectives[0].rules
    assert Fraction(144, 10) not in [rule.factor for rule in rules]


# -- traps 11, 12, 14 --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["page", "ticket", "act", "review"])
def test_trap_11_a_factor_below_one_is_refused(level: str) -> None:
    """Sloth's own 28 d table has a ticket at 0.933x: it fires on a service that keeps its objective."""
    ((code, hint),) = errors(read("99.9%", f"[{{level: {level}, burn: 0.98, windows: [3d, 6h]}}]"))
    assert (code, "1 or more" in hint) == ("D281", True)


def test_trap_11_a_share_that_comes_to_a_factor_below_one_is_refused_too() -> None:
    """10 % of a 28 d budget in 3 d is 0.933x: the number that Sloth's golden file holds."""
    ((code, hint),) = errors(read("99.9%", "[{level: ticket, spends: 10%, windows: [3d, 6h]}]", "28d"))
    assert (code, "10.714%" in hint) == ("D281", True)
    assert not errors(read("99.9%", "[{level: ticket, spends: 10%, windows: [3d, 6h]}]"))


def test_trap_12_windows_that_hold_too_few_samples_are_refused_or_stretched() -> None:
    """Pyrra scales its windows down to one minute, in which a scrape each minute finds nothing at all."""
    ((code, _),) = errors(read("99.9%", "[{level: page, burn: 14, windows: [1m, 3s]}]"))
    assert code == "D282"
    rule = read("99.9%", "[{level: page, burn: 14, windows: [15m, 1m]}]").policies.focuses["shop"]
    assert stretched(rule.objectives[0].rules[0], MINUTE) == (15 * MINUTE, 4 * MINUTE)


def test_trap_12_a_short_window_that_is_not_shorter_or_a_long_one_beyond_the_objective_is_refused() -> None:
    """What would be two looks at the same thing, or a look at what the objective has forgotten."""
    assert errors(read("99.9%", "[{level: page, burn: 2, windows: [5m, 5m]}]"))[0][0] == "D283"
    assert errors(read("99.9%", "[{level: page, burn: 2, windows: [5m, 1h]}]"))[0][0] == "D283"
    assert errors(read("99.9%", "[{level: page, burn: 2, windows: [8d, 1h]}]", "7d"))[0][0] == "D284"
    assert errors(read("99.9%", "[{level: page, burn: 2, windows: [1h, 10m, 5m]}]"))[0][0] == "D283"


def test_trap_14_a_target_of_everything_is_refused_at_the_door() -> None:
    """Sloth allows 100 % and divides by nothing; slo-generator reads a burn of 0 while everything fails."""
    assert [code for code, _ in errors(read("100%"))] == ["D101"]


# -- traps 8, 10, 24 ---------------------------------------------------------------------------------------------------


def rare(it: Rig, minutes: int, failing_at: int) -> None:
    """A request each minute: 60 in an hour."""
    for minute in range(minutes):
        outcome = Outcome(503 if minute == failing_at else 200)
        start, end = it.at, it.at + MINUTE
        signal = Signal(
            "shop", "production", Source.EDGE, "edge-1", start, end, Slice(tenant="a"), outcome, 1
        )
        it.turn(Counted(f"batch {end}", (signal,)), after_ms=MINUTE)


@pytest.mark.parametrize("rules", ["", "classic"])
def test_trap_08_at_sixty_requests_an_hour_one_failure_wakes_nobody(rules: str) -> None:
    """99.9 % at 14.4x is 1.44 %: one of 60 exceeds it, and Sloth and Pyrra page for it."""
    it = Rig({"shop.yaml": policy("99.9%", rules)})
    rare(it, 90, failing_at=70)
    assert it.sent == []
    assert not it.world.incidents


def test_trap_10_a_total_outage_of_a_lenient_target_pages_within_about_a_minute() -> None:
    """95 %: with 14.4x in one hour Sloth needs 43 minutes; the outage pair needs its long window's 40 %."""
    it = Rig({"shop.yaml": policy("95%")})
    it.loads.append(Load("shop", per_second=50, tenants=10))
    it.seconds(600)
    began = it.at
    it.loads[0].failing[""] = Fraction(1)
    it.seconds(70)
    (opened,) = it.said(Kind.INCIDENT_OPENED)
    assert opened.body["level"] == "outage"
    assert opened.at - began <= 60 * SECOND
    assert next((one.channel, one.title) for one in it.sent) == (
        "pager",
        "shop fails its availability [opened]",
    )


def test_trap_24_every_rule_is_read_at_the_instant_of_the_counts_it_is_told_with() -> None:
    """Sloth's alerts read recording rules of another group, up to an interval old; here both are one watermark."""
    it = Rig({"shop.yaml": policy("99.9%")})
    it.loads.append(Load("shop", per_second=50, tenants=10, failing={"": Fraction(1, 20)}))
    for _ in range(90):
        it.seconds(1)
        mark = it.world.counters.watermark("shop")
        assert isinstance(mark, int)
        (health,) = it.world.health.values()
        for burn in health.burns:
            for length, reading in ((burn.rule.long_ms, burn.long), (burn.rule.short_ms, burn.short)):
                assert reading == it.world.counters.over("shop", "availability", length, mark)


# -- the tables of the field -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "factors"),
    [
        (30, ["72/5", "6", "3", "1"]),
        (28, ["336/25", "28/5", "14/5"]),
        (7, ["84/25", "7/5"]),
        (90, ["216/5", "18", "9", "3"]),
    ],
)
def test_the_classic_table_is_the_workbooks_four_rows_exact_for_any_period(
    days: int, factors: list[str]
) -> None:
    """30 d and 28 d are those of Sloth's golden files, without the last bits of its floats."""
    kept, dropped = burn_rules(Fraction(999, 1000), Rolling(days * DAY), TableName.CLASSIC)
    assert [rule.factor for rule in kept] == [Fraction(one) for one in factors]
    assert len(kept) + len(dropped) == 4


@pytest.mark.parametrize(
    ("window", "rows", "factors"),
    [
        ("7d", "8% 1h 5m,12.5% 6h 30m,20% 1d 2h,42% 3d 6h", ["336/25", "7/2", "7/5", "49/50"]),
        ("7d", "10% 1h 5m,20% 6h 30m,40% 1d 2h", ["84/5", "28/5", "14/5"]),
        ("30d", "2% 1h 5m,5% 6h 30m,10% 1d 2h", ["72/5", "6", "3"]),
        ("90d", "1% 1h 5m,3% 6h 30m,5% 1d 2h", ["108/5", "54/5", "9/2"]),
    ],
)
def test_shares_of_the_budget_become_the_factors_of_sloth_and_datadog(
    window: str, rows: str, factors: list[str]
) -> None:
    table = []
    for row in rows.split(","):
        share, long, short = row.split()
        table.append(f"{{level: page, spends: {share}, windows: [{long}, {short}]}}")
    found = read("99.9%", f"[{', '.join(table)}]", window).policies.focuses["shop"].objectives[0]
    assert [rule.factor for rule in found.rules] == [Fraction(one) for one in factors]


def test_a_table_of_the_focus_is_for_objectives_without_their_own_and_defaults_lay_it_under() -> None:
    defaults = """
apiVersion: focusplane/v1
kind: Defaults
spec: {alerts: {rules: [{level: page, failing: 30%, windows: [10m, 1m]}]}}
"""
    found = load({"a.yaml": policy("99.9%"), "d.yaml": defaults}).policies.focuses["shop"]
    assert [(r.level, r.ratio, r.long_ms, r.short_ms) for r in found.objectives[0].rules] == [
        (Level.PAGE, Fraction(3, 10), 10 * MINUTE, MINUTE)
    ]
    own = load({"a.yaml": policy("99.9%", "classic"), "d.yaml": defaults}).policies.focuses["shop"]
    assert len(own.objectives[0].rules) == 4


def test_a_row_may_join_a_named_table_and_the_gravest_comes_first() -> None:
    found = read("99.9%", "[classic, {level: outage, failing: 50%, windows: [1m, 10s]}]")
    levels = [rule.level for rule in found.policies.focuses["shop"].objectives[0].rules]
    assert levels[0] is Level.OUTAGE
    assert all(one >= other for one, other in pairwise(levels))


def test_a_rule_of_ones_own_pages_in_its_own_time() -> None:
    it = Rig({"shop.yaml": policy("99%", "[{level: page, failing: 10%, windows: [1m, 10s]}]")})
    it.loads.append(Load("shop", per_second=50, tenants=10))
    it.seconds(120)
    began = it.at
    it.loads[0].failing[""] = Fraction(3, 10)
    it.seconds(40)
    (opened,) = it.said(Kind.INCIDENT_OPENED)
    assert opened.at - began <= 22 * SECOND
    assert "failing over 1m" in opened.reason


def test_a_mitigation_may_wait_for_a_level_only_if_some_rule_has_it_or_a_higher_one() -> None:
    move = "\n  mitigations: [{name: m, when: {burn: 4}, do: {throttle: 1/s, for: 5m}}]\n  alerts:"
    for rules, wanted in (
        ("[{level: ticket, burn: 2, windows: [1d, 1h]}]", ["D113"]),
        ("[{level: page, burn: 2, windows: [1d, 1h]}]", []),
    ):
        text = policy("99.9%", rules).replace("\n  alerts:", move)
        assert [one[0] for one in errors(load({"a.yaml": text}))] == wanted


def test_a_level_that_nobody_hears_of_is_said_when_the_policies_are_checked() -> None:
    deaf = policy("99.9%").replace("  alerts: {page: [pager], ticket: [tracker]}\n", "")
    (notice,) = [one for one in check(load({"a.yaml": deaf})) if one.code == "D289"]
    assert "level page, review, ticket" in notice.what
    grave = check(load({"a.yaml": deaf.replace("owner:", "tier: critical\n  owner:", 1)}))
    assert [("page" in one.what, one.code) for one in grave if one.code in ("D130", "D289")] == [
        (False, "D289"),
        (False, "D130"),
    ]
    assert not [one for one in check(read("99.9%")) if one.code == "D289"]


def test_two_rules_of_one_level_and_the_same_windows_are_one_too_many() -> None:
    row = "{level: page, burn: 2, windows: [1h, 5m]}"
    assert [code for code, _ in errors(read("99.9%", f"[{row}, {row}]"))] == ["D287"]
