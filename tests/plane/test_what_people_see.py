"""The read models over a plane in virtual time: what became of what people asked for, in words."""

from fractions import Fraction
from pathlib import Path

from focusplane.act.request import (
    AbortRollout,
    ClearControl,
    Done,
    Freeze,
    PauseRollout,
    SetControl,
    StartRollout,
    Undo,
)
from focusplane.instrument.signal import Dropped
from focusplane.plane import queries
from focusplane.plane.arrival import Asked, Counted, PolicyRead, Reported
from focusplane.plane.snapshot import preserve, revive
from focusplane.testing.rig import Load, Rig

POLICY = (Path(__file__).parent / "checkout.yaml").read_text()


def rig(text: str = POLICY, **failing: str) -> Rig:
    made = Rig({"checkout.yaml": text})
    shares = {version: Fraction(share) for version, share in failing.items()}
    made.loads.append(Load("checkout", per_second=100, tenants=50, failing=shares))
    made.seconds(10)
    return made


def test_a_rollout_that_did_not_begin_is_shown_with_its_reason_until_one_does() -> None:
    it = rig()
    it.ready["v2"] = "no connection"
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(3)
    shown = queries.rollout(it.world, "checkout")
    assert (shown["phase"], shown["waiting"]) == ("idle", "")
    assert shown["refused"]["version"] == "v2"
    assert "v2 is not ready to take traffic" in shown["refused"]["reason"]
    assert "no connection" in shown["refused"]["reason"]
    it.ready.clear()
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(3)
    shown = queries.rollout(it.world, "checkout")
    assert (shown["phase"], shown["refused"]) == ("stepping", None)


def test_a_refusal_survives_a_restart() -> None:
    it = rig()
    it.ready["v2"] = "no connection"
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(3)
    again = revive(preserve(it.world))
    assert queries.rollout(again, "checkout")["refused"] == queries.rollout(it.world, "checkout")["refused"]


def test_a_rollout_that_is_called_off_before_it_began_says_so() -> None:
    it = rig()
    it.turn(
        Asked("1", "ana", StartRollout("checkout", "v2")),
        Asked("2", "ben", AbortRollout("checkout", "wrong night")),
    )
    assert queries.rollout(it.world, "checkout")["refused"]["reason"] == "wrong night"


def test_a_pause_lasts_until_somebody_resumes_it_and_a_freeze_until_its_end() -> None:
    it = rig(v1="1/1000")
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(3)
    it.ask(Freeze(reason="migration"))
    it.seconds(2)
    frozen = queries.rollout(it.world, "checkout")
    assert (frozen["hold_ends_at"], frozen["hold_until"]) == (None, "until the freeze ends")
    it.ask(PauseRollout("checkout", "lunch"))
    paused = queries.rollout(it.world, "checkout")
    assert (paused["hold_ends_at"], paused["hold_until"]) == (None, "until somebody resumes it")


def test_a_pause_that_the_policy_ends_by_taking_the_version_back_says_when() -> None:
    it = rig(POLICY.replace("holdAtMost: 3m", "holdAtMost: 3m\n    then: rollback"), v1="1/1000")
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(3)
    it.ask(PauseRollout("checkout", "lunch"))
    paused = queries.rollout(it.world, "checkout")
    assert paused["hold_ends_at"] == it.at + 180_000
    assert paused["hold_until"] == "then it is taken back"


def test_what_was_seen_outside_is_said_in_words() -> None:
    it = rig(v1="1/1000")
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(3)
    seen = queries.rollout(it.world, "checkout")["seen"]
    assert "v2 5%" in seen["text"]
    assert "{" not in seen["text"]


def test_how_much_of_a_window_was_seen_is_said_as_times() -> None:
    it = rig(v1="1/1000")
    shown = queries.focus(it.world, "checkout")["objectives"][0]
    assert shown["seen_text"].endswith("s of 30d seen")
    assert 0 < shown["seen_ms"] < 20_000


def test_a_control_says_who_moved_it_when_and_that_it_sticks() -> None:
    it = rig()
    key = "flag.new-pricing"
    assert _standing(it, key) == "declared"
    it.ask(SetControl("checkout", key, {"variant": "off"}, "it is broken"), by="ana")
    assert _standing(it, key) == "killed by ana at 2026-01-01 00:00:10Z, sticks"
    it.ask(ClearControl("checkout", key), by="ben")
    assert _standing(it, key) == "as declared; cleared by ben at 2026-01-01 00:00:10Z"
    it.ask(SetControl("checkout", "throttle", {"rate": "5/s"}, "flood", 60_000), by="ana")
    told = "set by ana at 2026-01-01 00:00:10Z, until 2026-01-01 00:01:10Z"
    assert _standing(it, "throttle") == told


def test_an_action_that_was_undone_says_so_where_its_control_stands() -> None:
    it = rig()
    done = it.ask(SetControl("checkout", "throttle", {"rate": "5/s"}, "flood", 60_000), by="ana")
    assert isinstance(done, Done)
    it.seconds(2)
    it.ask(Undo(done.subject), by="ben")
    assert _standing(it, "throttle").startswith("as declared; set by ana, undone at 2026-01-01 00:00:1")


def _standing(it: Rig, control: str) -> str:
    rows = {row["control"]: row for row in queries.controls(it.world, "checkout")}
    return str(rows[control]["standing"])


def test_what_waits_for_a_yes_is_in_the_status_and_in_the_focus() -> None:
    asks = "mode: act\n      approval: {by: approver, count: 1, within: 15m}"
    it = rig(POLICY.replace("mode: act", asks, 1), v1="1/1000")
    it.seconds(50)
    it.loads[0].failing["v1"] = Fraction(1, 2)
    it.seconds(120)
    waiting = queries.status(it.world)["waiting"]
    assert [one["phase"] for one in waiting] == ["awaiting approval"]
    assert queries.focus(it.world, "checkout")["waiting"] == waiting


def test_what_vanished_and_is_held_is_in_the_status_until_its_tombstone() -> None:
    it = rig()
    team = POLICY.partition("---\n")[2]
    it.turn(PolicyRead({"checkout.yaml": team}, "2026-01-01"))
    assert "checkout" in queries.status(it.world)["policies"]["held"]
    buried = f"{team}---\napiVersion: focusplane/v1\nkind: Removed\nmetadata: {{name: checkout}}\n"
    it.turn(PolicyRead({"checkout.yaml": buried}, "2026-01-01"))
    assert queries.status(it.world)["policies"]["held"] == []


def test_telemetry_that_was_not_counted_is_told_by_focus_and_cause() -> None:
    it = rig()
    stray = Dropped("no focus.id, and no boundary names service 'shop' in production", 7)
    it.turn(Counted("k", (), (stray,)))
    (row,) = [one for one in queries.status(it.world)["unused"] if not one["focus"]]
    assert row == {"focus": "", "cause": stray.cause, "count": 7}


def test_a_gateway_that_follows_and_sends_no_counts_is_known() -> None:
    it = rig()
    it.turn(Reported("envoy", "mute-1", 1), Reported("sdk", "app-1", 1))
    counts = {one["node"]: one["counts"] for one in queries.nodes(it.world)}
    assert counts["mute-1"] is False
    assert counts["app-1"] is None
