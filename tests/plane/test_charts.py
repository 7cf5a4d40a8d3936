"""Charts: as fine as what is remembered, and no hole where something was counted."""

from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from focusplane.kernel.tick import DAY, HOUR, MINUTE, SECOND
from focusplane.observe import rings
from focusplane.observe.reading import Measured
from focusplane.plane import queries
from focusplane.plane.queries.points import OLDEST, REMEMBERED, Span
from focusplane.testing.rig import Load, Rig

POLICY = (Path(__file__).parent / "checkout.yaml").read_text()
NOW = 1_700_000_000_000


@given(st.integers(0, 10 * DAY), st.integers(1, 30 * DAY), st.integers(1, 4 * HOUR))
def test_points_follow_each_other_without_a_gap_and_begin_where_something_is_remembered(
    late: int, length: int, step: int
) -> None:
    step = max(step // SECOND, length // (180 * SECOND), 1) * SECOND
    known = (NOW - late) // SECOND * SECOND
    points = Span(NOW - length, NOW, step, even=False).points(known)
    assert all(before == end - width for (before, _), (end, width) in pairwise(points))
    assert all(0 < width <= max(2 * step, OLDEST) for _, width in points)
    if points:
        assert points[-1][0] == known
        assert points[0][0] - points[0][1] <= NOW - length
    for end, width in points:
        kept = next((every for ago, every in REMEMBERED if known - end < ago), OLDEST)
        assert (end - width) % kept == 0


def test_the_steps_of_a_chart_are_a_little_less_than_what_the_counters_keep() -> None:
    for tiers in (rings.WHOLE, rings.SLICED):
        for (ago, every), tier in zip(REMEMBERED, tiers, strict=False):
            assert (every, ago + every <= tier.step_ms * tier.depth) == (tier.step_ms, True)


def test_an_hour_of_traffic_is_an_hour_of_chart_for_all_and_for_each_version() -> None:
    it = Rig({"checkout.yaml": POLICY})
    it.loads.append(Load("checkout", per_second=20, tenants=5))
    for _ in range(660):
        it.paced(5 * SECOND)
    it.seconds(330)
    for ago in (5 * MINUTE, 15 * MINUTE, HOUR):
        shown = queries.series(it.world, "checkout", queries.span(it.at, it.at - ago, it.at, None))
        counted = [
            shown["good"],
            *(one["good"] for one in shown["versions"].values()),
            shown["latency"]["p50"]["value"],
        ]
        assert len(counted) == 3, "all, the one version, and its latency"
        assert [one.count(None) for one in counted] == [0, 0, 0], ago
        whole = it.world.counters.requests(
            "checkout", shown["objective"], sum(shown["widths"]), shown["at"][-1]
        )
        assert isinstance(whole, Measured)
        assert (sum(shown["good"]), sum(shown["bad"])) == (whole.good, whole.bad)
