"""The first object for a driver is one that its real schema takes, and that the driver itself understands."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.edge.kubernetes.api_server import ApiServer
from tests.edge.kubernetes.cluster import ROUTES, Village, accept, board, focus, story
from tests.edge.kubernetes.schemas import faults
from tests.system.mesh import PAY

from focusplane.cli.export import export_command
from focusplane.edge.kubernetes.kinds import KINDS
from focusplane.edge.kubernetes.manifest import manifest

SUBSETS = "{v1: {service: pay, subset: v1, port: 80}, v2: {service: pay, subset: v2}}"
SERVICES = "{v1: {service: pay-v1, port: 80}, v2: {service: pay-v2, port: 80}}"


@pytest.mark.parametrize(
    ("driver", "versions"),
    [
        ("{httproute: {namespace: shop, name: pay}}", SERVICES),
        ("{linkerd: {namespace: shop, name: pay}}", SERVICES),
        ("{virtualservice: {namespace: shop, name: pay, rule: main}}", SUBSETS),
    ],
)
def test_the_first_object_fits_its_schema_and_gives_the_initial_version_everything(
    driver: str, versions: str
) -> None:
    mine = focus(driver, versions)
    made = manifest(mine, "public", "pay.example.org")
    assert mine.controls.traffic is not None
    assert mine.controls.traffic.driver is not None
    kind = KINDS[mine.controls.traffic.driver.kind]
    assert faults(f"{kind.api_version}/{kind.plural}", made) == []
    assert json.dumps(made).count('"weight": 100') == json.dumps(made).count('"weight": 0') == 1


def test_the_steps_of_a_rollout_wait_without_end_after_each_weight() -> None:
    made = manifest(
        focus("{rollout: {namespace: shop, name: pay}}", "{v1: {image: 'pay:1'}, v2: {image: 'pay:2'}}"),
        "",
        "",
    )
    assert made["spec"]["strategy"]["canary"]["steps"] == [
        {"setWeight": 0},
        {"pause": {}},
        {"setWeight": 10},
        {"pause": {}},
    ]


def test_what_was_applied_in_our_name_keeps_its_other_fields_when_weights_move(tmp_path: Path) -> None:
    (tmp_path / "pay.yaml").write_text(
        "apiVersion: focusplane/v1\nkind: Team\nmetadata: {name: crew}\nspec: {members: [a@example.org]}\n---\n"
        + PAY
    )
    ended = CliRunner().invoke(export_command, ["driver", str(tmp_path), "pay", "--host", "pay.example.org"])
    assert ended.exit_code == 0, ended.output
    server = ApiServer(accept)
    server.create(ROUTES, json.loads(ended.output), manager="focusplane")

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 90, "v2": 10}), {"pay": focus()})
        await village.in_step(5)
        spec = server.find("pay")["spec"]
        assert (spec["parentRefs"], spec["hostnames"]) == ([{"name": "public"}], ["pay.example.org"])
        assert [ref["weight"] for ref in spec["rules"][0]["backendRefs"]] == [90, 10]

    story(server, told)
