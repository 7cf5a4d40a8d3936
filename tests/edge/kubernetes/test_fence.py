"""Whose weights they are stands beside them: a plane that remembers less, or another one, changes nothing (N6)."""

from dataclasses import replace

import pytest
from tests.edge.kubernetes.api_server import ApiServer
from tests.edge.kubernetes.cluster import ROUTES, Village, accept, board, focus, http_route, story, weights_of

from focusplane.edge.kubernetes.fence import ANNOTATION, marked
from focusplane.plane.adoption import forbids
from focusplane.plane.followed import Writer

PAY = {"pay": focus()}


def annotated(text: str) -> ApiServer:
    server = ApiServer(accept)
    route = http_route({"pay-v1": 80, "pay-v2": 20})
    route["metadata"]["annotations"] = {ANNOTATION: text}
    server.create(ROUTES, route)
    return server


@pytest.mark.parametrize(
    ("annotation", "words", "found"),
    [
        ("p1.1.9", "runs board version 9, this plane has only 5", Writer("p1", 1, 9)),
        ("p1.2.1", "runs epoch 2, this plane is epoch 1", Writer("p1", 2, 1)),
        ("p2.1.1", "runs what plane p2 wrote, this is plane p1", Writer("p2", 1, 1)),
        ("nonsense", "runs what plane nonsense wrote, this is plane p1", Writer("nonsense")),
    ],
)
def test_weights_of_a_later_board_or_another_plane_are_left_alone(
    annotation: str, words: str, found: Writer
) -> None:
    server = annotated(annotation)

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 90, "v2": 10}), PAY)
        said = await village.rejected()
        assert said.detail == f"{words}: focus adopt takes it over"
        assert (said.plane, said.epoch, said.version, said.refused) == (
            found.plane,
            found.epoch,
            found.version,
            0,
        )
        assert weights_of(server.find("pay")) == {"pay-v1": 80, "pay-v2": 20}

    story(server, told)


def test_an_adopted_plane_is_taken_over_and_marked_as_ours_even_if_its_weights_are_right() -> None:
    server = annotated("p2.7.3")

    async def told(village: Village) -> None:
        adopting = replace(board({"v1": 80, "v2": 20}), adopts=("p2",), epoch=8)
        village.plane.publish(adopting, PAY)
        await village.in_step(5)
        assert server.find("pay")["metadata"]["annotations"] == {ANNOTATION: "p1.8.5"}

    story(server, told)


def test_a_write_on_its_way_misses_once_a_later_board_has_written() -> None:
    server = annotated("p1.1.4")

    def later() -> None:
        server.edit(
            ROUTES,
            "pay",
            lambda obj: obj["metadata"]["annotations"].update({ANNOTATION: "p1.1.6"}),
            "focusplane",
        )

    server.meanwhile = later

    async def told(village: Village) -> None:
        village.plane.publish(board({"v1": 90, "v2": 10}), PAY)
        said = await village.rejected()
        assert "runs board version 6" in said.detail
        assert weights_of(server.find("pay")) == {"pay-v1": 80, "pay-v2": 20}

    story(server, told)


def test_weights_that_another_tool_keeps_setting_back_are_left_to_it_and_told_until_others_are_wanted() -> (
    None
):
    server = annotated("p1.1.4")

    def half(obj: dict) -> None:  # type: ignore[type-arg]
        for ref in obj["spec"]["rules"][1]["backendRefs"]:
            ref["weight"] = 50

    async def told(village: Village) -> None:
        for lost in range(1, 4):
            village.plane.publish(board({"v1": 90, "v2": 10}, version=4 + lost), PAY)
            await village.in_step(4 + lost)
            server.edit(ROUTES, "pay", half, "focusplane")
            await village.plane.observe(PAY["pay"])
        village.plane.publish(board({"v1": 90, "v2": 10}, version=8), PAY)
        said = await village.rejected()
        assert "somebody else has changed it 3 times within 3m" in said.detail
        assert said.refused == 8
        assert weights_of(server.find("pay")) == {"pay-v1": 50, "pay-v2": 50}
        village.plane.publish(board({"v1": 100}, version=9), PAY)
        await village.in_step(9)
        assert weights_of(server.find("pay")) == {"pay-v1": 100, "pay-v2": 0}

    story(server, told)


def test_no_annotation_is_nobody_and_never_objected_to() -> None:
    assert marked({"annotations": {}}) == marked({}) == Writer()
    assert forbids(Writer(), board({"v1": 100})) == ""
