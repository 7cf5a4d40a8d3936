"""Traps of SLIs on events: what is counted, what is left out, and that both sum up."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focusplane.define.focus import Focus, SourceKind
from focusplane.define.load import load
from focusplane.define.sli import Match, Of, PromQl, Sli, SliKind
from focusplane.define.slo import Objective, Rolling
from focusplane.instrument.signal import Latencies, Outcome, Signal, Slice, Source
from focusplane.kernel.tick import DAY, MINUTE, SECOND
from focusplane.observe.counters import Counters
from focusplane.observe.health import State
from focusplane.observe.judge_health import judge
from focusplane.observe.reading import Measured, NoData

T0 = 1_700_000_000_000 // DAY * DAY
statuses = st.sampled_from(["200", "2xx", "404", "4xx", "503", "5xx"])
matches = st.builds(
    Match,
    status=st.lists(statuses, max_size=2).map(tuple),
    routes=st.sampled_from([(), ("/pay",), ("/pay", "/refund")]),
    attributes=st.sampled_from(
        [(), (("crash", ("true",)),), (("crash", ("false", "true")), ("kind", ("a",)))]
    ),
    resend=st.sampled_from([None, True, False]),
)
slis = st.builds(
    Sli,
    st.sampled_from([SliKind.EVENTS, SliKind.LATENCY]),
    matches,
    matches,
    st.just(300),
    st.sampled_from(Of),
    st.none() | matches,
    st.none() | matches,
)
counts = st.tuples(
    st.sampled_from([0, 200, 404, 503]),
    st.sampled_from(["/pay", "/refund", "/other"]),
    st.sampled_from([{}, {"crash": "true"}, {"crash": ""}, {"crash": "false", "kind": "a"}]),
    st.booleans(),
    st.integers(1, 1_000),
)


def focus(sli: Sli) -> Focus:
    return Focus(
        "app", "pay", "digest", objectives=(Objective("it", Fraction(99, 100), Rolling(30 * DAY), sli, ()),)
    )


def signal(at: int, status: int = 200, count: int = 1, **more: object) -> Signal:
    values: dict[str, object] = {
        "focus": "app",
        "environment": "production",
        "source": Source.APP,
        "reporter": "app/1",
        "start": at - SECOND,
        "end": at,
        "slice": Slice(),
        "outcome": Outcome(status),
        "count": count,
    }
    return Signal(**(values | more))  # type: ignore[arg-type]


@given(slis, st.lists(counts, max_size=30))
def test_trap_15_good_and_bad_always_sum_up_to_the_total(
    sli: Sli, said: list[tuple[int, str, dict[str, str], bool, int]]
) -> None:
    """Sentinels in arithmetic: slo-generator's NO_DATA of -1 makes 101 bad of 100. Here success never exceeds the total
    (which Pyrra cannot say of its two queries), nothing is negative, and all that was heard is counted or excluded.
    """
    counters, of = Counters(), focus(sli)
    counters.declare(of)
    heard = 0
    for number, (status, route, attributes, resend, count) in enumerate(said):
        at = T0 + (1 + number) * SECOND
        one = signal(
            at,
            count=count,
            slice=Slice(route=route),
            outcome=Outcome(status, resend=resend),
            latencies=Latencies((300.0,), (count // 2, count - count // 2)),
            attributes=attributes,
        )
        counters.add(one, at)
        heard += count
    counters.settle(T0 + MINUTE)
    read = counters.over("app", "it", DAY, T0 + MINUTE)
    excluded = counters.lanes["app"].excluded.get("it", 0)
    if isinstance(read, NoData):
        assert excluded == heard
        return
    assert isinstance(read, Measured)
    assert 0 <= read.good <= read.total
    assert read.good + read.bad == read.total
    assert read.total + excluded == heard


@pytest.mark.parametrize("target", ["0.999", "99.9", "1", "0.5"])
def test_trap_18_a_target_without_its_sign_is_refused_at_the_door(target: str) -> None:
    """Percent or ratio: NthLayer took 98.5 for a ratio and was critical for ever, Pyrra only warns. Here a percentage
    carries its sign, and what does not is an error that says so.
    """
    text = f"""\
apiVersion: focusplane/v1
kind: Focus
metadata: {{name: app}}
spec:
  owner: pay
  objectives: [{{name: it, target: {target}, window: 30d, sli: {{bad: {{status: 5xx}}}}}}]
---
apiVersion: focusplane/v1
kind: Team
metadata: {{name: pay}}
spec: {{members: [ana@example.org]}}
"""
    [problem] = load({"focus.yaml": text}).problems
    assert (problem.code, problem.line) == ("D012", 6)
    assert problem.hint == "percentages carry their sign: 99.9%"


def test_trap_25_one_series_of_two_environments_is_counted_apart() -> None:
    """Label overrides: Sloth's rules with several environments fail with duplicate series (`group_left`). Here telemetry
    of another environment is not this focus's, is said to be so, and changes none of its counts.
    """
    counters = Counters()
    counters.declare(focus(Sli(SliKind.EVENTS, Match(status=("5xx",)), Match())))
    counters.add(signal(T0 + SECOND, count=10), T0 + SECOND)
    added = counters.add(signal(T0 + SECOND, 503, 10, environment="staging"), T0 + SECOND)
    assert added.why == "'staging' is not the environment of 'app'"
    counters.settle(T0 + MINUTE)
    assert counters.over("app", "it", DAY, T0 + MINUTE) == Measured(
        10, 10, counters.over("app", "it", DAY, T0 + MINUTE).covered
    )  # type: ignore[union-attr]


def test_more_good_than_there_was_in_all_is_blindness_and_no_success() -> None:
    """A `good` query that counts more than its `total` reads as no failures in most rules: it says that something is wrong."""
    counters = Counters()
    asked = Sli(SliKind.EVENTS, Match(), Match(), promql=PromQl(good="good_total", total="all_total"))
    objective = Objective("availability", Fraction(999, 1000), Rolling(30 * DAY), asked, ())
    counters.declare(Focus("shop", "crew", "digest", source=SourceKind.PROMETHEUS, objectives=(objective,)))
    for second in range(1, 61):
        end = T0 + second * SECOND
        for count, failed in ((10, 10), (0, -12)):
            told = Signal(
                "shop",
                "production",
                Source.PROMETHEUS,
                "e",
                end - SECOND,
                end,
                Slice(),
                Outcome(),
                count,
                failed=failed,
                objective="availability",
            )
            counters.add(told, end)
        counters.settle(end)
    health = judge(objective, counters, "shop", T0 + 61 * SECOND)
    assert health.state is State.BLIND
    assert "720 good of 600 cannot be" in health.reason
