"""The way of the evidence is in the API while it goes, and in the journal for a plane that has stopped."""

from fractions import Fraction
from pathlib import Path

from focusplane.act.fact import Kind
from focusplane.act.request import StartRollout
from focusplane.control.rollout import Phase
from focusplane.plane import queries
from focusplane.plane.snapshot import preserve, revive
from focusplane.testing.rig import Load, Rig

POLICY = (Path(__file__).parent / "checkout.yaml").read_text()


def taken_back() -> Rig:
    it = Rig({"checkout.yaml": POLICY})
    it.loads.append(Load("checkout", failing={"v2": Fraction(12, 100)}))
    it.seconds(10)
    it.ask(StartRollout("checkout", "v2"))
    it.seconds(30)
    assert it.world.rollouts["checkout"].phase is Phase.ROLLED_BACK
    return it


def test_the_path_leads_to_the_verdict_and_is_shown_with_it() -> None:
    it = taken_back()
    verdict = queries.rollout(it.world, "checkout")["verdict"]
    path = verdict["path"]
    assert path["harm"][-1] == float(f"{verdict['e_regress']:.4g}")
    assert path["harm"][0] < 20 <= path["harm"][-1]
    assert len(path["at"]) == len(path["low"]) == len(path["metrics"]["errors"]["harm"])
    assert path["high"][0] is None


def test_what_the_journal_says_of_a_rollout_is_the_same_path_and_stands_in_no_other_part() -> None:
    it = taken_back()
    rollout = it.world.rollouts["checkout"].id
    explained = queries.explain(it.world, it.facts, rollout)
    assert explained["path"] == queries.rollout(it.world, "checkout")["verdict"]["path"]
    assert all("path" not in one["body"] for one in explained["transitions"])
    assert "path" not in explained["inputs"]
    kept = [fact for fact in it.said(Kind.ROLLOUT_MOVED) if "path" in fact.body]
    assert [fact.body["phase"] for fact in kept] == ["rolled-back"]


def test_a_path_outlives_a_restart() -> None:
    it = taken_back()
    assert revive(preserve(it.world)).paths == it.world.paths
