"""An InferenceService of KServe: the model in its spec gets a percentage, what was rolled out before the rest."""

import pytest
from tests.edge.kubernetes.api_server import ApiServer, Object
from tests.edge.kubernetes.cluster import MODELS, Village, board, focus, story

VERSIONS = "{v1: {model: 's3://models/fraud/1'}, v2: {model: 's3://models/fraud/2'}}"
MINE = {"pay": focus("{inferenceservice: {namespace: shop, name: fraud}}", VERSIONS)}
NODE = "inferenceservice/shop/fraud"


def service(model: int, percent: int | None = None) -> Object:
    predictor: Object = {
        "model": {"modelFormat": {"name": "sklearn"}, "storageUri": f"s3://models/fraud/{model}"}
    }
    if percent is not None:
        predictor["canaryTrafficPercent"] = percent
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"namespace": "shop", "name": "fraud"},
        "spec": {"predictor": predictor},
    }


def controller(obj: Object) -> None:
    percent = obj["spec"]["predictor"].get("canaryTrafficPercent", 100)
    revision = "fraud-predictor-0000" + obj["spec"]["predictor"]["model"]["storageUri"][-1]
    traffic = [{"revisionName": revision, "latestRevision": True, "percent": percent}]
    if percent < 100:
        traffic.append(
            {"revisionName": "fraud-predictor-00001", "latestRevision": False, "percent": 100 - percent}
        )
    obj["status"] = {
        "observedGeneration": obj["metadata"]["generation"],
        "components": {
            "predictor": {
                "traffic": traffic,
                "latestReadyRevision": revision,
                "latestCreatedRevision": revision,
            }
        },
        "conditions": [{"type": "PredictorReady", "status": "True"}],
    }


def kserve(model: int, percent: int | None = None, manager: str = "kubectl") -> ApiServer:
    server = ApiServer(controller)
    server.create(MODELS, service(model, percent), manager)
    return server


def test_the_percentage_is_the_only_field_that_becomes_ours() -> None:
    server = kserve(2, None)

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 90, "v2": 10}), MINE)
        await village.in_step(5)
        fraud = server.find("fraud")
        assert fraud["spec"]["predictor"] == {**service(2, 10)["spec"]["predictor"]}
        owned = next(iter(server.owners.values()))["focusplane"]
        assert owned == {
            ("spec", "predictor", "canaryTrafficPercent"),
            ("metadata", "annotations", "focusplane/board"),
        }
        assert await village.plane.observe(MINE["pay"]) == {NODE: {"v1": 0.9, "v2": 0.1}}
        village.plane.publish(board({"v1": 100}, version=6), MINE)
        await village.in_step(6)
        assert server.find("fraud")["spec"]["predictor"]["canaryTrafficPercent"] == 0
        village.plane.publish(board({"v2": 100}, version=7), MINE)
        await village.in_step(7)
        assert await village.plane.observe(MINE["pay"]) == {NODE: {"v2": 1.0}}

    story(server, told)


def test_a_model_that_does_not_stand_in_the_spec_is_refused_and_not_ready() -> None:
    server = kserve(1)

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 90, "v2": 10}), MINE)
        said = await village.rejected()
        assert said.detail == f"{NODE} holds v1, not v2"
        assert list((await village.plane.ready(MINE["pay"], "v2")).values()) == [
            f"{NODE} holds v1: deploy s3://models/fraud/2 first"
        ]

    story(server, told)


@pytest.mark.parametrize("percent", [5, 40])
def test_a_percentage_that_a_pipeline_owns_is_left_alone(percent: int) -> None:
    server = kserve(2, percent, manager="pipeline")

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 90, "v2": 10}), MINE)
        said = await village.rejected()
        assert 'conflict with "pipeline"' in said.detail
        assert server.find("fraud")["spec"]["predictor"]["canaryTrafficPercent"] == percent

    story(server, told)


def test_a_model_that_is_deployed_without_waiting_is_a_drift_and_set_back_to_nothing() -> None:
    server = kserve(1)
    forced = {"pay": focus("{inferenceservice: {namespace: shop, name: fraud, force: true}}", VERSIONS)}

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 100}), forced)
        await village.in_step(5)
        server.edit(MODELS, "fraud", lambda obj: obj.update(spec=service(2)["spec"]), "pipeline")
        assert await village.plane.observe(forced["pay"]) == {NODE: {"v2": 1.0}}
        village.plane.publish(board({"v1": 100}, version=6), forced)
        await village.in_step(6)
        assert await village.plane.observe(forced["pay"]) == {NODE: {"v1": 1.0, "v2": 0.0}}

    story(server, told)
