"""Policies change while things are live, and incidents end: nothing is left hanging, nobody is paged twice for one failure."""

from fractions import Fraction
from pathlib import Path

from focusplane.act.action import OPEN, Phase
from focusplane.act.effect import Event
from focusplane.act.fact import Kind
from focusplane.act.incident import LIVE, Stage
from focusplane.act.request import (
    Approve,
    Freeze,
    RecordChange,
    Refused,
    ResolveIncident,
    SetControl,
    StartRollout,
    Undo,
)
from focusplane.control.state import FlagState
from focusplane.kernel.tick import MINUTE
from focusplane.plane.arrival import PolicyRead, Reported
from focusplane.testing.rig import Load, Rig

POLICY = (Path(__file__).parent / "checkout.yaml").read_text()
REMOVED = "---\napiVersion: focusplane/v1\nkind: Removed\nmetadata: {name: %s}\n"
TEAM = POLICY.partition("---\n")[2]


def rig(**failing: str) -> Rig:
    made = Rig({"checkout.yaml": POLICY})
    shares = {version: Fraction(share) for version, share in failing.items()}
    made.loads.append(Load("checkout", per_second=100, tenants=50, failing=shares))
    made.seconds(10)
    return made


def edit(it: Rig, text: str) -> None:
    it.turn(PolicyRead({"checkout.yaml": text}, "2026-01-01"))


def test_a_tombstone_ends_everything_that_is_live_on_its_focus() -> None:
    it = rig(v1="1/1000")
    it.ask(SetControl("checkout", "throttle", {"rate": "10/s"}, "flood", for_ms=300_000))
    it.ask(StartRollout("checkout", "v2"))
    it.deaf = True
    it.seconds(12)
    assert [incident.stage in LIVE for incident in it.world.incidents.values()]
    edit(it, TEAM + REMOVED % "checkout")
    it.seconds(2)
    assert "checkout" not in it.world.policies.set.focuses
    assert not [a.key for a in it.world.actions.values() if a.phase in OPEN]
    assert not [i.id for i in it.world.incidents.values() if i.stage in LIVE]
    assert it.said(Kind.ROLLOUT_MOVED)[-1].body["phase"] == "aborted"
    for key in it.world.actions:
        assert isinstance(it.ask(Undo(key)), Refused)
        assert isinstance(it.ask(Approve(key)), Refused)


def test_a_focus_that_comes_back_has_higher_generations_than_ever() -> None:
    it = rig()
    for _ in range(3):
        it.ask(SetControl("checkout", "throttle", {"rate": "10/s"}, "flood", for_ms=300_000))
    before = it.world.board.entries["checkout/throttle"].generation
    edit(it, TEAM + REMOVED % "checkout")
    edit(it, POLICY)
    assert it.world.board.entries["checkout/throttle"].generation > before


def test_a_version_that_carries_traffic_cannot_be_removed() -> None:
    it = rig(v1="1/1000")
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(3)
    for version, address in (("v1", "v1: [127.0.0.1:9101], "), ("v2", ", v2: [127.0.0.1:9102]")):
        text = POLICY.replace(address, "").replace(
            "initial: v1", f"initial: {'v2' if version == 'v1' else 'v1'}"
        )
        edit(it, text + REMOVED % f"checkout/version.{version}")
        assert f"{version} of checkout carries traffic" in it.said(Kind.POLICY_REFUSED)[-1].reason
        assert version in it.world.policies.set.focuses["checkout"].controls.traffic.versions  # type: ignore[union-attr]


def test_the_rules_of_a_live_rollout_cannot_be_taken_away() -> None:
    it = rig(v1="1/1000")
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(3)
    edit(it, POLICY[: POLICY.index("  rollout:")] + POLICY[POLICY.index("  alerts:") :])
    assert "a rollout of v2 runs by the rules" in it.said(Kind.POLICY_REFUSED)[-1].reason
    assert it.world.policies.set.focuses["checkout"].rollout is not None


def test_the_same_mistake_made_again_later_is_said_again() -> None:
    it = rig()
    for text in ("kind: Nonsense", POLICY, "kind: Nonsense"):
        edit(it, text)
    assert len(it.said(Kind.POLICY_REFUSED)) == 2


def test_a_drift_that_lasts_pages_once() -> None:
    it = rig()
    it.loads[0].per_second, it.loads[0].tenants = 10, 5
    it.really = {"v2": Fraction(1)}
    it.seconds(700)
    opened = [notify for notify in it.sent if "drifts [opened]" in notify.title]
    assert len(opened) == 1


def test_a_harmful_version_that_a_freeze_keeps_in_the_traffic_pages_once() -> None:
    it = rig(v1="1/1000", v2="1/4")
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(1)
    it.ask(Freeze(reason="migration night"))
    it.seconds(40)
    pages = [notify.title for notify in it.sent if "still exposed" in notify.title]
    assert pages == ["v2 of checkout is worse and still exposed [opened]"]


def test_an_incident_that_a_person_resolved_does_not_page_again_for_what_the_windows_still_hold() -> None:
    it = rig(v1="1/2")
    it.seconds(120)
    (incident,) = it.world.incidents.values()
    it.loads[0].failing["v1"] = Fraction(0)
    it.ask(ResolveIncident(incident.id, "the database is back"))
    it.seconds(60)
    assert [one.stage for one in it.world.incidents.values()] == [Stage.RESOLVED]


def test_actions_that_answer_an_incident_carry_its_name() -> None:
    it = rig(v1="1/1000", v2="1/8")
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(30)
    (incident,) = it.world.incidents.values()
    mine = [action.what for action in it.world.actions.values() if action.incident == incident.id]
    assert "traffic: v1 100%" in mine


def test_nodes_that_come_and_go_are_forgotten() -> None:
    it = rig()
    for number in range(20):
        it.turn(Reported("sdk", f"pod-{number}", 1), after_ms=10 * 60_000)
    assert len(it.world.nodes) <= 8


def test_an_action_that_was_superseded_says_by_what() -> None:
    it = rig()
    for rate in ("10/s", "9/s"):
        it.turn(*[], after_ms=1)
        it.ask(SetControl("checkout", "throttle", {"rate": rate}, "flood", for_ms=300_000))
        it.deaf = True
    first, second = it.world.actions.values()
    assert first.phase is Phase.SUPERSEDED
    assert second.key in first.detail


def test_an_incident_about_an_action_does_not_hide_an_outage() -> None:
    it = rig()
    it.deaf = True
    it.ask(SetControl("checkout", "flag.new-pricing", {"variant": "off"}, "a try"))
    it.seconds(15)
    assert [incident.episode.split()[0] for incident in it.world.incidents.values()] == ["action"]
    it.loads[0].failing["v1"] = Fraction(9, 10)
    it.seconds(120)
    assert "burn" in {incident.episode for incident in it.world.incidents.values()}
    assert any("fails its availability" in notify.title for notify in it.sent)


def test_a_page_that_reached_nobody_is_sent_again_while_its_incident_is_live() -> None:
    it = rig(v1="9/10")
    it.mute = True
    it.seconds(400)
    first = next(notify.key for notify in it.sent if notify.title.endswith("[opened]"))
    pages = [notify.key for notify in it.sent if notify.key == first]
    assert len(pages) >= 3
    assert [notify.again for notify in it.sent if notify.key == first][:2] == [False, True]
    it.mute = False
    it.seconds(240)
    reached = len([notify for notify in it.sent if notify.key == pages[0]])
    it.seconds(600)
    assert len([notify for notify in it.sent if notify.key == pages[0]]) == reached
    assert it.world.undelivered == {}


def test_a_page_of_an_incident_that_is_over_is_not_sent_any_more() -> None:
    it = rig(v1="9/10")
    it.mute = True
    it.seconds(120)
    (key,) = {i.id for i in it.world.incidents.values() if i.episode == "burn"}
    it.ask(ResolveIncident(key))
    it.loads[0].failing.clear()
    it.seconds(300)
    owed = [one.notify for one in it.world.undelivered.values() if one.notify.incident == key]
    assert {(one.event, one.quiet) for one in owed} == {(Event.RESOLVE, True)}, (
        "that it is over is owed to the pager"
    )
    for _ in range(24):
        it.turn(after_ms=16 * MINUTE)
    assert key not in {one.notify.incident for one in it.world.undelivered.values()}


# -- a directory in the middle of something (N16) ---------------------------------------------------------------------

SEARCH = POLICY.partition("---\n")[0].replace("checkout", "search").replace("10000", "10001")
HALF_MERGED = POLICY.replace(
    "      target: 99.5%\n",
    "<<<<<<< ours\n      target: 99.5%\n=======\n      target: 99.9%\n>>>>>>> theirs\n",
)


def test_a_file_with_the_marks_of_a_merge_is_refused_with_its_line_and_the_set_stays() -> None:
    assert HALF_MERGED != POLICY
    it = rig()
    before = it.world.policies.set.digest
    edit(it, HALF_MERGED)
    assert it.world.policies.set.digest == before
    (refused,) = it.said(Kind.POLICY_REFUSED)
    line = HALF_MERGED.splitlines().index("<<<<<<< ours") + 1
    assert any(problem.line in (line, line + 1) for problem in it.world.policies.refused), refused.reason
    edit(it, POLICY)
    assert it.world.policies.refused == ()


def test_half_a_directory_is_not_obeyed_and_pages_and_the_whole_one_is_taken_up_again() -> None:
    it = Rig({"checkout.yaml": POLICY, "search.yaml": SEARCH})
    assert {*it.world.policies.set.focuses} == {"checkout", "search"}
    board = it.world.board.version
    it.turn(PolicyRead({"checkout.yaml": POLICY}, "2026-01-01"))
    assert {*it.world.policies.set.focuses} == {"checkout", "search"}
    assert "search" in it.world.policies.held
    assert it.world.board.version == board, "no data plane hears of it"
    assert [fact.reason for fact in it.said(Kind.POLICY_HELD) if fact.body.get("alarm")] == [
        "the policy set shrank from 3 to 2 documents without tombstones: search held"
    ]
    assert {message.title for message in it.sent} == {"the policy set is not obeyed"}
    it.turn(PolicyRead({"checkout.yaml": POLICY, "search.yaml": SEARCH}, "2026-01-01"))
    assert it.world.policies.held == ()


def test_an_incident_dates_from_the_first_failures_and_blames_the_change_before_them() -> None:
    it = Rig({"checkout.yaml": POLICY})
    it.loads.append(Load("checkout", per_second=50, tenants=20, failing={"v1": Fraction(1, 1000)}))
    it.seconds(100)
    it.ask(RecordChange("flag", "new-pricing on for everybody", "checkout"), by="ana")
    began = it.at
    it.loads[0].failing["v1"] = Fraction(1, 2)
    it.seconds(130)
    (incident,) = it.world.incidents.values()
    assert abs(incident.first_bad_at - began) <= 2_000
    assert incident.opened_at > began + 30_000
    assert incident.suspects[0].change.what == "new-pricing on for everybody"


def test_a_mitigation_on_windows_of_its_own_opens_an_incident_and_pages_when_it_acts() -> None:
    text = POLICY.replace(
        "{objective: availability, burn: 4}", "{objective: availability, burn: 20, windows: [2m, 30s]}"
    )
    it = Rig({"checkout.yaml": text})
    it.loads.append(Load("checkout", per_second=50, tenants=20, failing={"v1": Fraction(1, 1000)}))
    it.seconds(60)
    it.loads[0].failing["v1"] = Fraction(1, 2)
    it.seconds(40)
    assert it.world.board.state("checkout", "flag.new-pricing") == FlagState("off")
    (incident,) = it.world.incidents.values()
    assert incident.title == "checkout fails its availability: set flag new-pricing to off"
    assert it.sent[0].title.startswith(f"{incident.title} [opened]")
