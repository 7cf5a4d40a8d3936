"""What the record of an incident says, out of facts alone."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from focusplane.act.action import Action, Phase
from focusplane.act.fact import Fact, Kind
from focusplane.act.incident import Incident, Stage
from focusplane.define.slo import Level
from focusplane.learn.postmortem import QUESTIONS, postmortem, record, render
from focusplane.learn.timeline import BEFORE_MS, Mark, answers, timeline

AT = 1_000_000_000
INCIDENT = Incident(
    "inc-1", "checkout", "e1", Stage.OPEN, Level.ACT, "v2 fails", "too many 503", AT + 40, AT + 40, AT, "v2"
)


ACTION = Action(
    "act-1", "dec-1", "checkout", "kill", "roll back", None, "worse", "focusplane", Phase.VERIFIED, AT + 60, AT + 900,
    AT + 5_000, incident="inc-1",
)  # fmt: skip


def told(after: int, kind: Kind, subject: str = "x", focus: str = "checkout", **body: str) -> Fact:
    return Fact(AT + after, kind, focus, subject, "because", body)


STORY = (
    told(-50, Kind.ROLLOUT_STARTED),
    told(40, Kind.INCIDENT_OPENED, "inc-1"),
    told(60, Kind.DECIDED, "act-1", what="roll back"),
    told(60, Kind.BOARD_MOVED, control="traffic", cause="act-1"),
    told(90, Kind.ACTION_MOVED, "act-1", phase="applied"),
    told(900, Kind.ACTION_MOVED, "act-1", phase="verified"),
)

facts = st.lists(
    st.builds(
        told,
        st.integers(-2 * BEFORE_MS, 2 * BEFORE_MS),
        st.sampled_from(list(Kind)),
        st.sampled_from(["inc-1", "act-1", "x"]),
        st.sampled_from(["checkout", "search", ""]),
        phase=st.sampled_from(["applied", "verified", "failed"]),
    )
)


def test_the_delays_count_from_the_first_bad_answer() -> None:
    assert timeline(INCIDENT, STORY, [ACTION]).delays == {
        "first bad answer": 0,
        "detected": 40,
        "decided": 60,
        "control moved": 60,
        "applied": 90,
        "verified": 900,
    }


def test_a_postmortem_says_how_far_its_review_is_and_what_came_of_it() -> None:
    def review(incident: Incident) -> str:
        return postmortem(incident, timeline(incident, STORY, [ACTION]), [ACTION]).sections[-1].text

    over = replace(INCIDENT, stage=Stage.RESOLVED)
    assert review(INCIDENT) == "It is not over yet."
    assert review(over) == "Nobody has looked back at it yet: focus incident review inc-1"
    looked = replace(over, stage=Stage.REVIEW, reviewed_by="ana")
    assert review(looked).startswith("ana looks back at it.")
    closed = replace(looked, stage=Stage.CLOSED, conclusion="a slower first step")
    assert review(closed) == "Reviewed by ana. a slower first step"


@given(facts)
def test_a_timeline_is_in_order_and_marks_each_moment_once(found: list[Fact]) -> None:
    moments = timeline(INCIDENT, found, [ACTION]).moments
    assert [one.at for one in moments] == sorted(one.at for one in moments)
    marks = [one.mark for one in moments if one.mark]
    assert len(marks) == len(set(marks))
    assert all(one.after_ms >= 0 for one in moments if one.mark)


@given(facts, st.randoms(use_true_random=False))
def test_the_order_in_which_facts_of_different_times_are_read_means_nothing(
    found: list[Fact], chance: object
) -> None:
    unique = list({fact.at: fact for fact in found}.values())
    assert timeline(INCIDENT, unique, [ACTION]) == timeline(INCIDENT, unique[::-1], [ACTION])


@given(facts)
def test_another_focus_never_stands_in_the_story(found: list[Fact]) -> None:
    others = [replace(fact, focus="search") for fact in found]
    assert len(timeline(INCIDENT, others, [ACTION]).moments) == 1


def test_the_beginning_and_the_end_of_another_incident_of_the_focus_are_not_decisive() -> None:
    another = (
        told(20, Kind.INCIDENT_OPENED, "inc-0"),
        told(40, Kind.INCIDENT_OPENED, "inc-1"),
        told(70, Kind.INCIDENT_MOVED, "inc-0", stage="resolved"),
    )
    over = (*another, told(90, Kind.INCIDENT_MOVED, "inc-1", stage="resolved"))
    assert timeline(INCIDENT, another, []).delays == {"first bad answer": 0, "detected": 40}
    assert timeline(INCIDENT, over, []).delays == {"first bad answer": 0, "detected": 40, "resolved": 90}
    assert [one.mark for one in timeline(INCIDENT, another, []).moments if one.after_ms == 20] == [Mark.OTHER]


def test_what_comes_after_the_end_belongs_to_it_only_by_name() -> None:
    over = replace(INCIDENT, stage=Stage.RESOLVED, resolved_at=AT + 1000)
    later = (told(2000, Kind.DECIDED, "act-9"), told(3000, Kind.INCIDENT_NOTED, "inc-1"))
    assert [one.after_ms for one in timeline(over, later, []).moments] == [0, 3000]


def test_a_postmortem_holds_the_record_and_asks_the_four_questions() -> None:
    hurt = replace(INCIDENT, impact={"failed": 62, "tenants_hurt": 31, "odd_thing": "x"})
    document = postmortem(hurt, timeline(hurt, STORY, [ACTION]), [ACTION])
    written = render(document)
    assert "62 requests failed" in written
    assert "odd thing: x" in written
    assert all(question in written for question in QUESTIONS)
    assert "was verified 900ms after the first bad answer" in written
    assert record(document)["incident"] == "inc-1"


def test_what_people_wrote_cannot_become_markup() -> None:
    named = replace(INCIDENT, title="# <b>x</b>\n## y")
    first, *_ = render(postmortem(named, timeline(named, (), ()), ())).splitlines()
    assert first == r"# \# \<b\>x\</b\> \#\# y"


def test_facts_of_one_turn_stand_in_the_order_in_which_they_follow_and_nothing_is_told_twice() -> None:
    at = 5_000
    facts = [
        Fact(at, Kind.DECIDED, "checkout", "act-1", "worse", {"what": "traffic: v1 100%"}),
        Fact(at, Kind.ACTION_MOVED, "checkout", "act-1", "nothing stands in the way", {"phase": "ready"}),
        Fact(
            at,
            Kind.BOARD_MOVED,
            "checkout",
            "checkout/traffic",
            "worse",
            {"control": "traffic", "cause": "act-1"},
        ),
        Fact(
            at,
            Kind.CHANGED,
            "checkout",
            "chg-1",
            "traffic: v1 100%",
            {"change": "control", "by": "focusplane"},
        ),
        Fact(at, Kind.CHANGED, "checkout", "chg-2", "new-pricing on", {"change": "flag", "by": "ana"}),
        Fact(at, Kind.INCIDENT_OPENED, "checkout", "inc-1", "v2 was taken back", {}),
    ]
    incident = Incident("inc-1", "checkout", "e", Stage.OPEN, Level.ACT, "v2", "worse", at, at, at - 1_000)
    told = timeline(incident, facts, [ACTION])
    assert [moment.mark for moment in told.moments if moment.mark] == [
        Mark.FIRST_BAD, Mark.DETECTED, Mark.DECIDED, Mark.MOVED,
    ]  # fmt: skip
    assert [moment.why for moment in told.moments if moment.what.startswith("change")] == ["new-pricing on"]


def test_the_proof_of_another_action_is_never_the_proof_of_this_incident() -> None:
    step = replace(
        ACTION, key="act-0", what="traffic: v2 5%", rollout="roll-1", planned_at=AT + 10, rule="rollout"
    )
    stranger = replace(ACTION, key="act-9", what="set throttle", incident="inc-2")
    facts = (
        told(10, Kind.DECIDED, "act-0", what="traffic: v2 5%"),
        told(10, Kind.BOARD_MOVED, control="traffic", cause="act-0"),
        told(20, Kind.ACTION_MOVED, "act-0", phase="applied"),
        told(40, Kind.INCIDENT_OPENED, "inc-1"),
        told(50, Kind.DECIDED, "act-9", what="set throttle"),
        told(50, Kind.BOARD_MOVED, control="throttle", cause="act-9"),
        told(70, Kind.ACTION_MOVED, "act-9", phase="applied"),
        told(80, Kind.ACTION_MOVED, "act-9", phase="verified"),
        told(85, Kind.ACTION_MOVED, "act-7", phase="verified"),
    )
    alone = timeline(INCIDENT, facts, [step, stranger])
    assert alone.delays == {"first bad answer": 0, "detected": 40}
    assert "not reached: control moved, applied, verified" in render(
        postmortem(INCIDENT, alone, [step, stranger])
    )
    answered = timeline(INCIDENT, (*facts, *STORY[2:]), [step, stranger, ACTION])
    assert answered.delays == {
        "first bad answer": 0,
        "detected": 40,
        "decided": 60,
        "control moved": 60,
        "applied": 90,
        "verified": 900,
    }


def test_of_a_rollout_the_way_back_is_an_answer_and_the_steps_that_exposed_it_are_none() -> None:
    incident = replace(INCIDENT, episode="rollout roll-1")
    step = replace(ACTION, key="act-0", rollout="roll-1", planned_at=AT + 10)
    back = replace(ACTION, rollout="roll-1", planned_at=incident.opened_at)
    other = replace(ACTION, key="act-2", rollout="roll-2")
    assert [answers(incident, one) for one in (step, back, other)] == [False, True, False]
    assert [answers(INCIDENT, one) for one in (step, back, other)] == [False, False, False]


def test_each_row_of_an_action_names_it() -> None:
    rows = [(one.what, one.action) for one in timeline(INCIDENT, STORY, [ACTION]).moments]
    assert rows[3:] == [
        ("decided: roll back (act-1)", "act-1"),
        ("control moved: traffic (roll back, act-1)", "act-1"),
        ("action: applied (roll back, act-1)", "act-1"),
        ("action: verified (roll back, act-1)", "act-1"),
    ]
