"""Dashboards: valid, the same each time, and every query is one that the plane's /metrics can answer."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import promql_parser
import pytest

from focusplane.cli.main import run
from focusplane.define.load import load
from focusplane.edge.dialects.grafana import KINDS, dashboards
from focusplane.web.routes import health

ROOT = Path(__file__).resolve().parents[3]
POLICIES = load({"checkout.yaml": (ROOT / "examples" / "checkout" / "focus.yaml").read_text()}).policies
MADE = {
    (kind, name): text for kind in KINDS for name, text in dashboards(kind, POLICIES.focuses.values()).items()
}


def expressions(board: dict[str, Any]) -> Iterator[str]:
    for panel in board["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    yield from (one["expr"] for one in board["annotations"]["list"])


def metrics(expr: str) -> set[str]:
    found: set[str] = set()

    def look(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.add(str(node.name))

    promql_parser.walk(promql_parser.parse(expr), look)
    return found


def served() -> set[str]:
    """Families of /metrics, with the suffix that a scraper sees, and what the exported rules record."""
    source = (
        Path(health.__file__).read_text() + (ROOT / "src/focusplane/web/objective_metrics.py").read_text()
    )
    for path in sorted((ROOT / "src/focusplane/learn/rules").glob("*.py")):
        source += path.read_text()
    named = set(re.findall(r'"(focus[_:][a-z_:]+)"', source))
    return named | {f"{name}_total" for name in named}


@pytest.mark.parametrize("made", MADE, ids=lambda made: made[0])
def test_every_expression_parses_and_names_a_metric_that_the_plane_serves_or_its_rules_record(
    made: tuple[str, str],
) -> None:
    board = json.loads(MADE[made])
    told = list(expressions(board))
    assert len(told) > 5
    assert {name for expr in told for name in metrics(expr)} - served() == set()


@pytest.mark.parametrize("made", MADE, ids=lambda made: made[0])
def test_ids_are_unique_and_panels_neither_overlap_nor_leave_the_grid(made: tuple[str, str]) -> None:
    board = json.loads(MADE[made])
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("made", MADE, ids=lambda made: made[0])
def test_the_source_of_data_is_a_variable_and_changes_and_incidents_are_drawn(made: tuple[str, str]) -> None:
    board = json.loads(MADE[made])
    assert [one["type"] for one in board["templating"]["list"]] == ["datasource"]
    sources = [panel["datasource"]["uid"] for panel in board["panels"] if "datasource" in panel]
    assert set(sources) == {"${datasource}"}
    assert [one["name"] for one in board["annotations"]["list"]] == ["Changes", "Incidents"]
    assert len(board["uid"]) <= 40
    assert board["schemaVersion"] >= 41


def test_the_same_policies_give_the_same_dashboards_in_any_order() -> None:
    again = {
        (kind, name): text
        for kind in KINDS
        for name, text in dashboards(kind, reversed(list(POLICIES.focuses.values()))).items()
    }
    assert again == MADE


def test_burn_rates_are_drawn_with_the_factors_of_the_objective() -> None:
    board = json.loads(MADE["focus", "focus-checkout.json"])
    burn = next(panel for panel in board["panels"] if panel["title"] == "Burn rates")
    values = [step["value"] for step in burn["fieldConfig"]["defaults"]["thresholds"]["steps"]]
    assert values == sorted(values, key=lambda value: -1 if value is None else value)
    assert {14.4, 6, 3, 1} <= set(values)


def test_a_focus_whose_name_is_long_has_a_uid_that_fits() -> None:
    focus = POLICIES.focuses["checkout"]
    made = dashboards("focus", [replace(focus, name="x" * 63)])
    assert len(json.loads(next(iter(made.values())))["uid"]) <= 40


def test_one_dashboard_goes_to_stdout_and_several_need_a_directory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout, cookbook = ROOT / "examples" / "checkout", ROOT / "examples" / "slo-cookbook"
    assert run(["export", "grafana", str(checkout)]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "checkout: objectives and budgets"
    assert run(["export", "grafana", str(cookbook)]) == 2
    capsys.readouterr()
    assert run(["export", "grafana", str(cookbook), "--out", str(tmp_path / "boards")]) == 0
    names = capsys.readouterr().out.split()
    assert len(names) > 5
    assert sorted(path.name for path in (tmp_path / "boards").iterdir()) == sorted(names)
