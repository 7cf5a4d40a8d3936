"""`focus explain --policy`: how soon a policy would tell somebody, without a plane."""

import json
from pathlib import Path

import pytest

from focusplane.cli.main import run

CHECKOUT = str(Path(__file__).parents[2] / "examples" / "checkout")


def test_a_policy_says_how_soon_it_would_tell_somebody(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "--policy", CHECKOUT, "checkout/availability", "--traffic", "200/s"]) == 0
    told = capsys.readouterr().out
    assert "if everything fails: pages after 48s (outage 40% failing over 2m and 30s)" in told
    assert run(["explain", "--policy", CHECKOUT, "checkout", "--json"]) == 0
    assert [one["objective"] for one in json.loads(capsys.readouterr().out)["items"]] == [
        "checkout/availability",
        "checkout/latency",
    ]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["checkout/nothing"], 1, "declares no 'checkout/nothing'"),
        (["cart"], 1, "declares no 'cart'"),
        (["checkout", "--traffic", "fast"], 2, "'fast' is not a rate"),
        (["checkout", "--traffic", "0/s"], 2, "without traffic nothing can be told"),
    ],
)
def test_what_cannot_be_explained_says_why(
    words: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["explain", "--policy", CHECKOUT, *words]) == status
    assert said in capsys.readouterr().err
