"""SLIs that count slices, tries and parts: what a policy may say, and what is refused with a hint."""

import re
from pathlib import Path

import pytest

from focusplane.define.load import Loaded, load
from focusplane.define.problem import Severity
from focusplane.define.sli import SliKind

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "slis.md"
HEAD = "apiVersion: focusplane/v1\n"
TEAM = HEAD + "kind: Team\nmetadata: {name: payments}\nspec: {members: [ana@example.org]}\n"


def focus(name: str, *objectives: str) -> str:
    rows = "".join(f"    - {{{row}}}\n" for row in objectives)
    return (
        f"{HEAD}kind: Focus\nmetadata: {{name: {name}}}\nspec:\n  owner: payments\n"
        f"  boundary: [{{service: {name}}}]\n  objectives:\n{rows}---\n"
    )


def objective(sli: str, name: str = "it", rest: str = "target: 99%, window: 30d") -> str:
    return f"name: {name}, {rest}, sli: {sli}"


EVENTS = "{bad: {status: 5xx}}"
OTHERS = "".join(focus(name, objective(EVENTS, "ok")) for name in ("search", "cart", "pay")) + focus(
    "auth", objective(EVENTS, "availability")
)


def read(sli: str, rest: str = "target: 99%, window: 30d", more: str = "") -> Loaded:
    own = focus("shop", objective(EVENTS, "availability"), objective(sli, rest=rest) + more)
    return load({"a.yaml": own + OTHERS + TEAM})


def snippets() -> list[str]:
    block = PAGE.read_text().split("## Slices of time")[1].split("```")[1]
    return re.findall(r"^sli: (.*)$", block, re.MULTILINE)


def test_the_page_has_a_snippet_of_every_kind() -> None:
    kinds = {read(sli).policies.focuses["shop"].objective("it").sli.kind for sli in snippets()}
    assert kinds == set(SliKind)


@pytest.mark.parametrize("sli", snippets())
def test_what_the_page_shows_is_accepted(sli: str) -> None:
    loaded = read(sli)
    assert not [one for one in loaded.problems if one.severity is Severity.ERROR]
    shown = loaded.policies.focuses["shop"].objective("it")
    assert shown.sli.unit_ms > 0
    assert shown.min_bad == 1


@pytest.mark.parametrize(
    ("sli", "code"),
    [
        ("{freshness: {within: 10m}, latency: {under: 1s}}", "D220"),
        ("{freshness: {within: 10m}, slices: {every: 1m, failing: 1%}}", "D220"),
        ("{composite: {rule: all, of: [{objective: auth/availability}]}, bad: {status: 5xx}}", "D220"),
        ("{bad: {status: 5xx}, slices: {every: 7s, failing: 1%}}", "D221"),
        ("{bad: {status: 5xx}, slices: {every: 25s, failing: 1%}}", "D221"),
        ("{bad: {status: 5xx}, slices: {every: 7m, failing: 1%}}", "D221"),
        ("{bad: {status: 5xx}, slices: {every: 12h, failing: 1%}}", "D221"),
        ("{freshness: {within: 30s, every: 1m}}", "D229"),
        ("{throughput: {atLeast: 1/d, every: 1h}}", "D229"),
        ("{composite: {rule: all, of: [{objective: auth/availability}], after: 2h}}", "D221"),
        ("{composite: {rule: all, of: []}}", "D013"),
        ("{bad: {status: 5xx}, slices: {every: 1m, failing: 0%}}", "D012"),
        ("{bad: {status: 5xx}, slices: {every: 1m, failing: 1%, idle: maybe}}", "D014"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_hint(sli: str, code: str) -> None:
    found = [one for one in read(sli).problems if one.code == code]
    assert found
    assert found[0].severity is Severity.ERROR


def test_a_window_holds_at_least_four_units_and_a_budget_one_of_them() -> None:
    hourly = "{bad: {status: 5xx}, slices: {every: 1h, failing: 1%}}"
    assert "D222" in {one.code for one in read(hourly, "target: 99%, window: 3h").problems}
    small = {one.code: one for one in read(hourly, "target: 99.9%, window: 1d").problems}
    assert small["D232"].severity is Severity.WARNING
    told = {one.code: one.what for one in read(hourly).problems}
    assert "stretched to 4h" in told["D231"]


def test_what_is_counted_in_units_is_not_judged_apart_for_groups() -> None:
    sliced = "{bad: {status: 5xx}, slices: {every: 1m, failing: 1%}}"
    assert "D233" in {one.code for one in read(sliced, more=", by: tenant").problems}


def test_a_slack_for_the_canary_comes_from_the_requests_of_a_slice_and_not_from_its_budget() -> None:
    loaded = read("{bad: {status: 5xx}, slices: {every: 1m, failing: 3%}}")
    shown = loaded.policies.focuses["shop"].objective("it")
    assert shown.may_fail == 3 * shown.budget
