"""A Rollout of Argo is moved by its own means: a step that sets the weight, an abort, a promotion."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.edge.kubernetes.api_server import ApiServer, Object
from tests.edge.kubernetes.cluster import ROLLOUTS, Village, board, focus, story

IMAGES = "{v1: {image: 'pay:1'}, v2: {image: 'pay:2'}}"
MINE = {"pay": focus("{rollout: {namespace: shop, name: pay}}", IMAGES)}
NODE = "rollout/shop/pay"
STEPS = [
    {"setWeight": 0},
    {"pause": {}},
    {"setWeight": 10},
    {"pause": {}},
    {"setWeight": 50},
    {"pause": {"duration": "1h"}},
]


def template(image: str) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "pay", "image": image}]}}


def rollout(image: str) -> Object:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"namespace": "shop", "name": "pay"},
        "spec": {
            "selector": {"matchLabels": {"app": "pay"}},
            "template": template(image),
            "strategy": {"canary": {"steps": STEPS}},
        },
    }


def controller(obj: Object) -> None:
    """What Argo's controller does with a Rollout whose stable Pods are of the first image, in one stride."""
    status = obj.setdefault("status", {})
    coming = "h" + obj["spec"]["template"]["spec"]["containers"][0]["image"][-1]
    status.setdefault("stableRS", "h1")
    status.setdefault("currentStepIndex", 0)
    if status.get("currentPodHash", coming) != coming:
        status |= {"currentStepIndex": 0, "abort": False}
    status["currentPodHash"] = coming
    status["observedGeneration"] = str(obj["metadata"]["generation"])
    steps = obj["spec"]["strategy"]["canary"]["steps"]
    at = status["currentStepIndex"]
    if status.get("promoteFull") or coming == status["stableRS"]:
        status |= {
            "stableRS": coming,
            "promoteFull": False,
            "phase": "Healthy",
            "currentStepIndex": len(steps),
        }
        weight = 100
    elif status.get("abort"):
        status |= {"phase": "Degraded", "message": "RolloutAborted: Rollout aborted update"}
        weight = 0
    else:
        if "setWeight" in steps[at]:
            status["currentStepIndex"] = at + 1
        weight = next(step["setWeight"] for step in reversed(steps[: at + 1]) if "setWeight" in step)
        status |= {"phase": "Paused", "controllerPause": True}
    status["canary"] = {"weights": {"canary": {"weight": weight}, "stable": {"weight": 100 - weight}}}


def argo(image: str = "pay:2", carries_out: Callable[[Object], None] = controller) -> ApiServer:
    server = ApiServer(carries_out)
    server.create(ROLLOUTS, rollout(image))
    label = "rollouts-pod-template-hash"
    server.lists["replicasets"] = [
        {"metadata": {"labels": {label: f"h{number}"}}, "spec": {"template": template(f"pay:{number}")}}
        for number in (1, 2)
    ]
    return server


def test_a_weight_is_the_step_that_sets_it_and_the_rest_of_the_rollout_stays() -> None:
    server = argo()

    async def told(village: Village) -> None:
        before = server.find("pay")["spec"]
        village.plane.publish(board({"v1": 90, "v2": 10}), MINE)
        await village.in_step(5)
        status = server.find("pay")["status"]
        assert (status["currentStepIndex"], status["canary"]["weights"]["canary"]["weight"]) == (3, 10)
        assert server.find("pay")["spec"] == before
        assert await village.plane.observe(MINE["pay"]) == {NODE: {"v1": 0.9, "v2": 0.1}}

    story(server, told)


def test_back_to_nothing_is_an_abort_and_forward_from_there_a_retry() -> None:
    server = argo()

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 90, "v2": 10}), MINE)
        await village.in_step(5)
        village.plane.publish(board({"v1": 100}, version=6), MINE)
        await village.in_step(6)
        assert server.find("pay")["status"]["abort"] is True
        assert await village.plane.observe(MINE["pay"]) == {NODE: {"v1": 1.0, "v2": 0.0}}
        village.plane.publish(board({"v1": 90, "v2": 10}, version=7), MINE)
        await village.in_step(7)
        assert server.find("pay")["status"]["abort"] is False

    story(server, told)


def test_everything_is_a_full_promotion() -> None:
    server = argo()

    async def told(village: Village) -> None:
        village.plane.publish(board({"v2": 100}), MINE)
        await village.in_step(5)
        assert server.find("pay")["status"]["stableRS"] == "h2"
        assert await village.plane.observe(MINE["pay"]) == {NODE: {"v2": 1.0}}

    story(server, told)


@pytest.mark.parametrize(
    ("image", "weights", "told_as"),
    [
        ("pay:1", {"v1": 90, "v2": 10}, f"{NODE} runs v1, not v2"),
        ("pay:2", {"v1": 75, "v2": 25}, f"{NODE} has no step that sets 25% and waits"),
        ("pay:2", {"v1": 50, "v2": 50}, f"{NODE} has no step that sets 50% and waits"),
    ],
)
def test_what_its_arms_or_its_steps_do_not_have_is_refused(
    image: str, weights: dict[str, int], told_as: str
) -> None:
    server = argo(image)

    async def told(village: Village) -> None:
        village.plane.publish(board(weights), MINE)
        said = await village.rejected()
        assert said.detail == told_as
        assert not any(method == "PATCH" and path.endswith("/status") for method, path in server.asked)

    story(server, told)


def test_an_image_that_no_version_declares_is_seen_by_its_own_name() -> None:
    server = argo("pay:3")
    server.lists["replicasets"][1]["spec"]["template"] = template("pay:3")

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 100}), MINE)
        assert await village.plane.observe(MINE["pay"]) == {NODE: {"v1": 1.0, "pay:3": 0.0}}

    story(server, told)


def test_a_version_is_ready_once_its_image_is_deployed() -> None:
    server = argo("pay:1")

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 100}), MINE)
        assert list((await village.plane.ready(MINE["pay"], "v2")).values()) == [
            f"{NODE} runs v1: deploy pay:2 first"
        ]
        server.edit(ROLLOUTS, "pay", lambda obj: obj["spec"].update(template=template("pay:2")), "ci")
        assert list((await village.plane.ready(MINE["pay"], "v2")).values()) == [""]

    story(server, told)


def test_traffic_that_a_new_image_gets_by_itself_is_a_drift_and_aborted() -> None:
    server = argo("pay:1")

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 100}), MINE)
        await village.in_step(5)

        def deploy(obj: Object) -> None:
            obj["spec"]["template"] = template("pay:2")
            obj["spec"]["strategy"]["canary"]["steps"] = STEPS[2:]

        server.edit(ROLLOUTS, "pay", deploy, "ci")
        assert await village.plane.observe(MINE["pay"]) == {NODE: {"v1": 0.9, "v2": 0.1}}
        village.plane.publish(board({"v1": 100}, version=6), MINE)
        await village.in_step(6)
        assert server.find("pay")["status"]["abort"] is True

    story(server, told)
