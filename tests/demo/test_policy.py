import pytest

from focusplane.demo.policy import diff, ports_in, value_at, with_ports, with_value, without_first
from focusplane.kernel.errors import PolicyError

TEXT = """\
apiVersion: focusplane/v1
kind: Team
metadata: {name: payments}
---
apiVersion: focusplane/v1
kind: Focus
metadata: {name: checkout}
spec:
  controls:
    traffic:
      listen: 127.0.0.1:10000          # the gateway
      versions: {v1: [127.0.0.1:9101, 127.0.0.1:9102], v2: [127.0.0.1:9201]}
  rollout:
    steps: [{weight: 5%, for: 10m, minRequests: 1000}, 25%, 100%]   # slow is safe
    judge: {alpha: 5%, slack: 0.1%}
"""
STEPS = ("spec", "rollout", "steps")


def test_ports_are_found_once_and_in_order() -> None:
    assert ports_in(TEXT) == [10000, 9101, 9102, 9201]


def test_ports_are_replaced_all_at_once_even_where_they_overlap() -> None:
    moved = with_ports(TEXT, {9101: 9102, 9102: 9101})
    assert "v1: [127.0.0.1:9102, 127.0.0.1:9101]" in moved
    assert "listen: 127.0.0.1:10000 " in moved


def test_a_value_is_replaced_in_the_text_and_comments_stay() -> None:
    changed = with_value(TEXT, STEPS, "[25%, 50%, 100%]")
    assert "steps: [25%, 50%, 100%]   # slow is safe" in changed
    assert changed.replace("[25%, 50%, 100%]", value_at(TEXT, STEPS)) == TEXT


def test_a_scalar_is_replaced_where_it_stands() -> None:
    assert "judge: {alpha: 5%, slack: 0.5%}" in with_value(
        TEXT, ("spec", "rollout", "judge", "slack"), "0.5%"
    )


def test_a_block_of_steps_is_replaced_as_a_whole() -> None:
    text = "kind: Focus\nspec:\n  rollout:\n    steps:\n      - 5%\n      - 100%\n    promote: evidence\n"
    assert with_value(text, STEPS, "[25%]").endswith("steps:\n      [25%]\n    promote: evidence\n")


def test_a_place_that_is_not_there_is_an_error_that_names_it() -> None:
    with pytest.raises(PolicyError, match=r"no spec\.rollout\.nothing"):
        with_value(TEXT, ("spec", "rollout", "nothing"), "1")


def test_the_diff_shows_the_changed_line_only_with_one_around() -> None:
    shown = diff(TEXT, with_value(TEXT, STEPS, "[25%]"), "focus.yaml").splitlines()
    assert shown[:2] == ["--- focus.yaml (before)", "+++ focus.yaml (after)"]
    assert sum(line.startswith("-    steps") for line in shown) == 1
    assert sum(line.startswith("+    steps") for line in shown) == 1
    assert len(shown) == 7


def test_the_first_of_some_steps_is_left_out_and_the_rest_stays_in_its_place() -> None:
    text = (
        "kind: Focus\nspec:\n  rollout:\n    steps:\n      - 5%\n      - 25%\n      - 100%\n    then: ask\n"
    )
    left = with_value(text, STEPS, without_first(value_at(text, STEPS)))
    assert left == text.replace("      - 5%\n", "")


def test_a_single_step_cannot_be_left_out() -> None:
    with pytest.raises(PolicyError):
        without_first("- 100%")
