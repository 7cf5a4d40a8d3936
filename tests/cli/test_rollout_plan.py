"""`focus rollout plan` from policy files, without a plane."""

from pathlib import Path

import pytest
from tests.cli.conftest import Plane

from focusplane.cli.main import run

POLICY = Path(__file__).parents[1] / "plane" / "checkout.yaml"


def test_a_plan_from_files_says_requests_time_and_steps(capsys: pytest.CaptureFixture[str]) -> None:
    stated = ["--traffic", "100/s", "--from", "0.1%", "--to", "2%"]
    assert run(["rollout", "plan", "checkout", "--policies", str(POLICY), *stated]) == 0
    told = capsys.readouterr().out
    assert "- {weight: 10%, for: 30s}" in told
    assert "mirror" in told
    assert "5% (declared)" in told


def test_a_focus_that_the_files_do_not_have_is_exit_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rollout", "plan", "pay", "--policies", str(POLICY), "--traffic", "1/s"]) == 1
    assert "known: checkout" in capsys.readouterr().err


def test_a_running_plane_is_asked_with_what_is_stated(plane: Plane) -> None:
    run(["rollout", "plan", "checkout", "--from", "0.1%", "--within", "10m"])
    assert plane.asked[0][1] == "/api/v1/rollouts/checkout/plan?from=0.1%25&within=10m"


def test_a_flag_is_planned_by_its_steps_and_the_plane_is_asked_for_it(
    plane: Plane, capsys: pytest.CaptureFixture[str]
) -> None:
    stated = ["--flag", "pricing", "--traffic", "100/s", "--from", "0.1%"]
    assert run(["rollout", "plan", "shop", "--policies", str(POLICY.with_name("pricing.yaml")), *stated]) == 0
    told = capsys.readouterr().out
    assert "flag               pricing" in told
    assert "25% (declared)" in told
    assert "if the variant is good" in told
    run(["rollout", "plan", "shop", "--flag", "pricing"])
    assert plane.asked[0][1] == "/api/v1/rollouts/shop/plan?flag=pricing"
