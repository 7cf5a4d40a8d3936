"""Traps of what is not there: missing error series, typos, counters born at 1, restarts, bounds that nobody has."""

from collections.abc import Mapping

from focusplane.instrument.cumulative import Cumulative, Delta, total
from focusplane.instrument.labels import meaning_of
from focusplane.instrument.point import Explicit, Point, Said, Temporality, Total
from focusplane.instrument.scrape import Sample, Scrapes, Series
from focusplane.instrument.signal import Outcome, Signal, Slice, Source
from focusplane.kernel.tick import MINUTE, SECOND
from focusplane.observe.health import State
from focusplane.plane import queries
from focusplane.plane.arrival import Counted
from focusplane.testing.rig import Rig
from focusplane.wire.remote_write import RemoteWriteReader

S = 10**9
NOTHING = Said({})
POLICY = """\
apiVersion: focusplane/v1
kind: Focus
metadata: {name: app}
spec:
  owner: crew
  boundary: [{service: app}]
  objectives: [{name: it, target: 99%, window: 30d, sli: SLI}]
---
apiVersion: focusplane/v1
kind: Team
metadata: {name: crew}
spec: {members: [ana@example.org]}
"""


def play(it: Rig, seconds: int, attributes: Mapping[str, str], count: int = 50) -> None:
    for _ in range(seconds):
        end = it.at + SECOND
        one = Signal(
            "app", "production", Source.APP, "app/1", end - SECOND, end, Slice(), Outcome(200), count,
            attributes=attributes,
        )  # fmt: skip
        it.turn(Counted(f"batch {end}", (one,)), after_ms=SECOND)


def row(it: Rig) -> dict[str, object]:
    found: dict[str, object] = queries.focus(it.world, "app")["objectives"][0]
    return found


def test_trap_03_no_error_series_is_no_error_only_while_its_reporter_is_heard() -> None:
    """Missing error series: `rate(err)/rate(total)` is nothing where nothing failed, and `or vector(0)` turns silence into
    success. Here no failure is 100 % good while the service reports, and blind as soon as it does not.
    """
    it = Rig({"app.yaml": POLICY.replace("SLI", "{bad: {status: 5xx}}")})
    play(it, 20, {})
    assert (row(it)["state"], row(it)["bad"], row(it)["good"]) == ("ok", 0, 1_000)
    it.turn(after_ms=5 * MINUTE)
    assert it.world.health["app/it"].state is State.BLIND


def test_trap_03_a_match_that_never_fits_is_said_with_what_telemetry_says_instead() -> None:
    """A typo'd error query reads as 0 % errors for ever: in Sloth and Pyrra nobody ever says so. Here `focus doctor` and
    `focus explain` do, and tell a key that nobody sends from a value that never came.
    """
    for sli, words in (
        ("{bad: {attributes: {app.crash: ture}}}", "app.crash is told, and never was ture"),
        ("{bad: {attributes: {app.crsh: true}}}", "no telemetry has the attribute app.crsh"),
        ("{total: {attributes: {app.event: sesion}}}", "none of 1,000 answers has ever fitted `total`"),
        ("{good: {attributes: {app.crash: fals}}}", "none of 1,000 answers has ever fitted `good`"),
    ):
        it = Rig({"app.yaml": POLICY.replace("SLI", sli)})
        play(it, 20, {} if "crsh" in sli else {"app.crash": "", "app.event": ""})
        assert words in str(row(it)["unmatched"])
        lines = queries.explain(it.world, it.facts, "app")["present"][0]["lines"]
        assert any(words in line for line in lines)
    fine = Rig({"app.yaml": POLICY.replace("SLI", "{bad: {status: 5xx}}")})
    play(fine, 20, {})
    assert row(fine)["unmatched"] is None


def scraped(name: str) -> Series:
    return Series(NOTHING, NOTHING, "http_requests_total", "", name.encode(), b"target")


def point(at: int, count: int, start: int = 0) -> Point:
    said = (NOTHING, NOTHING, "m", "", b"s", start * S, at * S, Temporality.CUMULATIVE)
    return Point(*said, Total(count))


def test_trap_04_the_first_increment_of_a_counter_that_is_born_at_one_is_counted() -> None:
    """`increase` of a series that appears at 1 is 0: rare errors on new label sets are invisible to Prometheus. Here a series
    that appears at a target which was watched before it began there.
    """
    scrapes, tracker = Scrapes(), Cumulative(0)
    counted: list[int] = []
    for at in range(1, 6):
        samples = [Sample(scraped("ok"), at * S, 0, 10 * at)]
        if at == 5:
            samples.append(Sample(scraped("error"), at * S, 0, 1))
        turn = scrapes.begin()
        points = turn.points(samples).points
        turn.commit()
        deltas = tracker.begin()
        found = [(one.series, deltas.delta(one)) for one in points]
        deltas.commit()
        counted += [
            total(delta.value) for name, delta in found if name == b"error" and isinstance(delta, Delta)
        ]
    assert counted == [1]


def test_trap_05_each_instance_is_counted_before_they_are_summed() -> None:
    """`rate(sum(x))` over a restart makes 5,149 of 119 requests: the fall of one pod looks like a reset of all. Here deltas
    are taken of each series, and sums are made of these.
    """
    tracker, counted = Cumulative(0), 0
    values = {b"a": (5_000, 5_050, 5_060), b"b": (5_000, 5_030, 29)}  # b begins again
    for turn in range(3):
        deltas = tracker.begin()
        for name, counts in values.items():
            one = Point(
                NOTHING,
                NOTHING,
                "m",
                "",
                name,
                0,
                (turn + 1) * S,
                Temporality.CUMULATIVE,
                Total(counts[turn]),
            )
            found = deltas.delta(one)
            counted += total(found.value) if isinstance(found, Delta) else 0
        deltas.commit()
    assert counted == 50 + 30 + 10 + 29


def test_trap_06_a_bound_written_in_two_ways_is_one_bound() -> None:
    """`le="1"` became `le="1.0"` with Prometheus 3, and rules that name one find nothing: Pyrra #1502. Here bounds are numbers."""
    reader = RemoteWriteReader()
    labels = {"__name__": "http_request_duration_seconds_bucket", "job": "app"}
    made = [reader._meaning({**labels, "le": said}, b"") for said in ("1", "1.0", "1e0")]
    assert {one.bound for one in made if isinstance(one, Series)} == {1.0}
    assert len({one.name for one in made if isinstance(one, Series)}) == 1
    assert meaning_of({**labels, "le": "1"}) is not None
    assert Explicit((1.0,), (1, 0)) == Explicit((float("1"),), (1, 0))
