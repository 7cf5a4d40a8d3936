"""`focus explain checkout` during a hold says why nothing happens, with the counts behind it."""

from fractions import Fraction
from pathlib import Path

from focusplane.act.request import PauseRollout, StartRollout
from focusplane.plane import queries
from focusplane.plane.queries import Shown
from focusplane.testing.rig import Load, Rig

POLICY = (Path(__file__).parent / "checkout.yaml").read_text()


def rows(it: Rig) -> tuple[str, dict[str, Shown]]:
    shown = queries.explain(it.world, it.facts, "checkout")
    return shown["reason"], {row["what"]: row for row in shown["present"]}


def running() -> Rig:
    it = Rig({"checkout.yaml": POLICY})
    it.loads.append(Load("checkout", failing={"v1": Fraction(1, 1000), "v2": Fraction(1, 1000)}))
    it.seconds(5)
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(4)
    return it


def test_a_hold_without_evidence_says_what_is_missing() -> None:
    it = running()
    while it.world.rollouts["checkout"].held_since is None:
        it.seconds(1)
    reason, found = rows(it)
    rollout = it.world.rollouts["checkout"]
    assert rollout.hold_reason in reason
    row = found["rollout of v2"]
    assert (row["state"], row["reason"]) == (str(rollout.phase), rollout.hold_reason)
    assert any(line.startswith("the judge says") for line in row["lines"])
    assert any(line.startswith("held since") for line in row["lines"])
    assert any("requests against" in line for line in row["lines"])


def test_a_pause_says_that_only_a_person_ends_it() -> None:
    it = running()
    it.ask(PauseRollout("checkout", "a look at the logs"))
    reason, found = rows(it)
    assert "a look at the logs" in reason
    assert any("until somebody resumes it" in line for line in found["rollout of v2"]["lines"])


def test_without_telemetry_it_says_that_it_is_blind() -> None:
    it = Rig({"checkout.yaml": POLICY})
    reason, found = rows(it)
    assert "no telemetry yet" in reason
    assert found["objective availability"]["lines"][:2] == [
        "no telemetry yet",
        "error budget unknown: no telemetry yet",
    ]


def test_a_mitigation_says_whether_its_condition_holds_now() -> None:
    it = running()
    calm = rows(it)[1]["mitigation kill"]["reason"]
    assert calm.startswith("its condition does not hold: availability burns at level none")
    it.loads[0] = Load("checkout", failing={"v1": Fraction(1), "v2": Fraction(1)})
    it.seconds(60)
    _, found = rows(it)
    assert found["mitigation kill"]["reason"].startswith("its condition holds: ")
    veto, acted = found["mitigation kill"]["lines"]
    assert veto.startswith("decision.hold at ")
    assert acted.startswith("last acted at ")
    assert found["objective availability"]["state"] in ("burning", "exhausted")
    assert any(line.startswith("firing: ") for line in found["objective availability"]["lines"])
