"""Whether to act, and whether it may be done: every answer has a reason, each veto its own."""

from dataclasses import replace
from fractions import Fraction

import pytest

from focusplane.act.change import CLOCKS_MS, WITHIN_MS, ChangeEvent, rank
from focusplane.act.decide import Act, Blind, Hold, Seen, decide
from focusplane.act.guard import (
    OSCILLATION,
    SUGGESTION_MS,
    Ask,
    Circumstances,
    Go,
    Shadow,
    Veto,
    guard,
)
from focusplane.define.mitigation import (
    Approval,
    Mitigation,
    Mode,
    OnBreaker,
    OnBurn,
    OnCanary,
    OnTenantShare,
    SetFlag,
    When,
)
from focusplane.define.slo import Level
from focusplane.kernel.tick import MINUTE
from focusplane.observe.health import Health, State
from focusplane.observe.reading import Measured, NoData
from focusplane.observe.verdict import Ruling, Verdict

KILL = Mitigation("kill", OnBurn("availability", Level.PAGE), SetFlag("new", "off"), Mode.ACT)
NOW = Circumstances(at=100 * MINUTE)
NOTHING = Seen({}, None, {})


def health(state: State, level: Level) -> Health:
    return Health("checkout", "availability", state, level, f"it is {state}", Measured(9, 10, Fraction(1)))


def verdict(ruling: Ruling) -> Verdict:
    return Verdict(ruling, "by its counts", 1.0, 1.0, (0.5, 2.0), 10, 100, None)


def seen(state: State = State.OK, level: Level = Level.NONE) -> Seen:
    return Seen({"availability": health(state, level)}, None, {})


CASES: list[tuple[When, Seen, type]] = [
    (OnBurn("availability", Level.PAGE), NOTHING, Blind),
    (OnBurn("availability", Level.PAGE), seen(State.BLIND), Blind),
    (OnBurn("availability", Level.PAGE), seen(State.OK), Hold),
    (OnBurn("availability", Level.PAGE), seen(State.BURNING, Level.ACT), Hold),
    (OnBurn("availability", Level.PAGE), seen(State.BURNING, Level.PAGE), Act),
    (OnBurn("availability", Level.PAGE), seen(State.EXHAUSTED, Level.OUTAGE), Act),
    (OnBurn("availability", factor=Fraction(4), long_ms=1, short_ms=1), seen(State.BURNING), Hold),
    (OnCanary(), NOTHING, Hold),
    (OnCanary(), Seen({}, verdict(Ruling.HOLD), {}), Hold),
    (OnCanary(), Seen({}, verdict(Ruling.PROMOTE), {}), Hold),
    (OnCanary(), Seen({}, verdict(Ruling.ROLLBACK), {}), Act),
    (OnBreaker("psp"), NOTHING, Blind),
    (OnBreaker("psp"), Seen({}, None, {}, frozenset()), Hold),
    (OnBreaker("psp"), Seen({}, None, {}, frozenset({"psp"})), Act),
    (OnTenantShare(Fraction(1, 5)), NOTHING, Blind),
    (OnTenantShare(Fraction(1, 5)), Seen({}, None, {"a": Fraction(1, 5), "b": Fraction(1, 10)}), Hold),
    (OnTenantShare(Fraction(1, 5)), Seen({}, None, {"a": Fraction(21, 100)}), Act),
]


@pytest.mark.parametrize(("when", "what", "answer"), CASES)
def test_every_condition_answers_everything_that_may_be_seen_with_a_reason(
    when: When, what: Seen, answer: type
) -> None:
    decision = decide(replace(KILL, when=when), what)
    assert type(decision) is answer
    assert decision.evidence if isinstance(decision, Act) else decision.why


def test_nothing_seen_is_never_a_reason_to_act() -> None:
    for when, _, _ in CASES:
        assert not isinstance(decide(replace(KILL, when=when), NOTHING), Act)


VETOES = [
    (replace(NOW, in_place="it is off already"), "off already"),
    (replace(NOW, pending="act-1"), "act-1 is still under way"),
    (replace(NOW, last_fired=NOW.at - 1), "cooling down"),
    (replace(NOW, frozen="migration night"), "migration night"),
    (replace(NOW, others=2, most_others=2), "other focuses"),
    (replace(NOW, moves=OSCILLATION), "oscillates"),
]


@pytest.mark.parametrize(("now", "words"), VETOES)
def test_each_veto_alone_stands_in_the_way_and_names_itself(now: Circumstances, words: str) -> None:
    assert guard(KILL, NOW) == Go()
    permission = guard(KILL, now)
    assert isinstance(permission, Veto)
    assert words in permission.why
    approved = guard(replace(KILL, approval=Approval("approver", 2, MINUTE)), now)
    assert isinstance(approved, Veto)


def test_one_less_of_each_is_allowed() -> None:
    for now in (
        replace(NOW, last_fired=NOW.at - KILL.cooldown_ms),
        replace(NOW, others=1, most_others=2),
        replace(NOW, moves=OSCILLATION - 1),
    ):
        assert guard(KILL, now) == Go()


def test_the_mode_decides_between_watching_asking_and_acting() -> None:
    assert guard(replace(KILL, mode=Mode.SHADOW), NOW) == Shadow()
    assert guard(replace(KILL, mode=Mode.SUGGEST), NOW) == Ask(1, SUGGESTION_MS)
    asked = replace(KILL, approval=Approval("approver", 2, MINUTE))
    assert guard(asked, NOW) == Ask(2, MINUTE)
    assert guard(replace(asked, mode=Mode.SHADOW), NOW) == Shadow()


def test_a_shadow_goes_on_watching_during_a_freeze() -> None:
    assert guard(replace(KILL, mode=Mode.SHADOW), replace(NOW, frozen="night")) == Shadow()


def change(at: int, what: str = "deploy", focus: str = "checkout", version: str = "") -> ChangeEvent:
    return ChangeEvent(what, at, focus, "deploy", what, "ana", version=version)


def test_the_change_that_brought_what_fails_comes_before_a_later_one() -> None:
    bad = 1000 * MINUTE
    mine, later = change(bad - 2 * MINUTE, "v2", version="v2"), change(bad - MINUTE, "config")
    assert [one.change.what for one in rank([later, mine], "checkout", bad, "v2")] == ["v2", "config"]
    assert "brought v2" in rank([mine], "checkout", bad, "v2")[0].why


def test_of_two_like_changes_the_later_one_comes_first_and_others_weigh_half() -> None:
    bad = 1000 * MINUTE
    found = rank([change(bad - 9 * MINUTE, "old"), change(bad - MINUTE, "new")], "checkout", bad, "")
    assert [one.change.what for one in found] == ["new", "old"]
    everywhere, here = change(bad - MINUTE, "all", focus=""), change(bad - MINUTE, "here")
    found = rank([everywhere, here], "checkout", bad, "")
    assert [one.change.what for one in found] == ["here", "all"]
    assert found[0].score == 2 * found[1].score


def test_what_came_after_long_before_or_elsewhere_is_no_suspect() -> None:
    bad = 1000 * MINUTE
    others = [change(bad + CLOCKS_MS + 1), change(bad - WITHIN_MS - 1), change(bad - 1, focus="search")]
    assert rank(others, "checkout", bad, "") == ()


def test_a_change_within_the_clocks_grace_is_suspected_and_what_mitigates_never_is() -> None:
    bad = 1000 * MINUTE
    mitigation = replace(change(bad - 1, "kill"), by="mitigation kill-new-pricing")
    assert [one.change.what for one in rank([change(bad + 900), mitigation], "checkout", bad, "")] == [
        "deploy"
    ]


def test_at_most_five_are_suspected_and_scores_stay_within_a_thousand() -> None:
    bad = 1000 * MINUTE
    found = rank([change(bad - i, f"c{i}", version="v2") for i in range(9)], "checkout", bad, "v2")
    assert len(found) == 5
    assert all(0 < one.score <= 1000 for one in found)


def test_no_data_is_a_reason_too() -> None:
    blind = replace(health(State.BLIND, Level.NONE), reading=NoData("silent"))
    assert decide(KILL, Seen({"availability": blind}, None, {})) == Blind("blind: it is blind")
