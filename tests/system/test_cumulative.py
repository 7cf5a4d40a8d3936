"""kill -9 of a real plane that cumulative points are sent to: each request is counted once, also those of its absence (N5)."""

from collections.abc import Callable

from tests.system.customers import Accumulator
from tests.system.town import Town, counted, until

from focusplane.instrument.cumulative import BASELINE


def more_acknowledged(sender: Accumulator) -> Callable[[], bool]:
    goal = len(sender.acknowledged) + 5
    return lambda: len(sender.acknowledged) >= goal


def test_cumulative_series_are_counted_exactly_through_kills_and_absences_of_the_plane(town: Town) -> None:
    town.start_plane()
    with Accumulator(town.otlp) as sender:
        until(more_acknowledged(sender), "telemetry is taken")
        for end in (town.kill, town.stop):
            end(town.plane)
            before = sender.total
            until(lambda goal=before + 100: sender.total > goal, "the sender counts on without a plane")
            town.start_plane()
            until(more_acknowledged(sender), "telemetry is taken again")
    assert sender.repeated, "the plane was away"
    young = Accumulator(town.otlp, "till-2", began_ns=sender.began_ns, totals=(500, 0))  # never heard of

    def found() -> tuple[int, int]:
        young.deliver(young.batch(0, 0))
        return counted(town, sender)

    truth = (sender.good + 500, sender.total + 500)
    until(lambda: found() >= truth, "all of it is counted, the time without a plane too")
    assert found() == truth
    assert BASELINE not in {one["cause"] for one in town.get("/status")["unused"]}
