import io
from pathlib import Path

from rich.console import Console, RenderableType

from focusplane.demo.episode import (
    CHANGED,
    DETECTED,
    FIRST_BAD,
    LAST_REQUEST,
    STARTED,
    VERIFIED,
    Episode,
    Harm,
    Moment,
)
from focusplane.demo.record import Promise, Record
from focusplane.demo.report import ending, harm_words, line, table
from focusplane.demo.sample import Sample

GOLDEN = Path(__file__).parent / "golden"
SEEN = Sample(
    at=1,
    phase="stepping",
    version="v2",
    stable="v1",
    weight="5%",
    ruling="hold",
    e_regress=12.5,
    e_safe=0.0123,
    canary_bad=2,
    canary_total=40,
    baseline_bad=1,
    baseline_total=800,
    rate=203.4,
    failed=3,
    p50_ms=24,
    burn=1.25,
    budget_left="99.31%",
    incident="inc-3f9c open",
    sentence="v2 serves 5%; evidence is being gathered",
)
MOMENTS = (
    Moment(STARTED, 0, -1_250, "v2 gets 5%, v1 is the way back"),
    Moment(FIRST_BAD, 1_250, 0, "as a user saw it"),
    Moment(DETECTED, 5_900, 4_650, "v2 fails 12% where v1 fails 0.1%"),
    Moment(CHANGED, 5_901, 4_651, "the journal holds it, Envoy is told"),
    Moment(LAST_REQUEST, 5_904, 4_654, "as the load generator sent it"),
    Moment(VERIFIED, 16_000, 14_750, "read back, and the SLI answers"),
)
RECORD = Record(
    "S1",
    0,
    ".focus/s1",
    [
        Promise("v2 gets 5% and no more", True, "Envoy routes v1 95%, v2 5%"),
        Promise("the sky is blue", False, "it rains"),
    ],
    [Episode("v2", "v1", MOMENTS, Harm(5_904, 60, 7, 1_120, 1, 7, 138, 6, 5, 340))],
    ended_at=121_000,
)


def shown(what: RenderableType) -> str:
    out = io.StringIO()
    Console(file=out, width=110, color_system=None).print(what)
    return "\n".join(text.rstrip() for text in out.getvalue().splitlines()) + "\n"


def test_the_live_table_shows_phase_evidence_arms_customers_and_budget() -> None:
    assert shown(table(SEEN, "v2 is rolled out")) == (GOLDEN / "table.txt").read_text()


def test_the_ending_shows_timeline_harm_and_promises() -> None:
    assert shown(ending(RECORD)) == (GOLDEN / "ending.txt").read_text()


def test_a_look_fits_in_one_line_and_dashes_stand_for_what_is_not_known() -> None:
    assert line(SEEN) == (
        "stepping    v2     5%  harm e=12.5 safe e=0.0123 of 20  new 2/40 stable 1/800 bad  "
        "203/s, 3 failed in 5 s, p50 24 ms  burn 1.25x  budget 99.31%  inc-3f9c open"
    )
    assert line(Sample(1, stable="v1")).startswith("no rollout  v1 alone")
    assert "harm e=– safe e=–" in line(Sample(1, version="v2"))


def test_evidence_beyond_reading_is_said_in_words() -> None:
    assert "harm e=over a million safe" in line(Sample(1, version="v4", e_regress=1e12))


def test_a_version_that_answered_nobody_harmed_nobody() -> None:
    assert harm_words(Episode("v9", "v1", (), Harm(0, 0, 0, 0, 0, 0, 0, 0, 0, 0))) == "v9 answered nobody."


def test_a_record_without_promises_has_held_nothing() -> None:
    assert not Record("S1", 0, "").held
    assert not RECORD.held
