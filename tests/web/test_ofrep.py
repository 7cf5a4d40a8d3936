"""OFREP 0.3 as its clients expect it."""

from dataclasses import replace
from fractions import Fraction

import httpx
import pytest

from focusplane.control.board import apply
from focusplane.control.command import ControlId, Set
from focusplane.control.state import FlagState

pytestmark = pytest.mark.anyio
FLAG = ControlId("checkout", "flag.new-pricing")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_a_flag_is_evaluated_with_variant_and_reason(api: httpx.AsyncClient) -> None:
    answer = await api.post(
        "/ofrep/v1/evaluate/flags/new-pricing", json={"context": {"targetingKey": "acme"}}
    )
    told = answer.json()
    assert (told["value"], told["variant"], told["reason"]) == (True, "on", "STATIC")
    assert told["metadata"]["focus"] == "checkout"


async def test_a_killed_flag_serves_its_off_variant(api: httpx.AsyncClient, plane) -> None:  # type: ignore[no-untyped-def]
    board = apply(plane.world.board, Set(FLAG, FlagState("off"), "it hurts", "ana"))
    plane.world = replace(plane.world, board=board)
    told = (await api.post("/ofrep/v1/evaluate/flags/checkout.new-pricing", json={})).json()
    assert (told["value"], told["variant"], told["reason"]) == (False, "off", "DISABLED")


async def test_a_percentage_without_a_targeting_key_serves_off(api: httpx.AsyncClient, plane) -> None:  # type: ignore[no-untyped-def]
    board = apply(plane.world.board, Set(FLAG, FlagState("on", Fraction(1, 2)), "half", "ana"))
    plane.world = replace(plane.world, board=board)
    told = (await api.post("/ofrep/v1/evaluate/flags/new-pricing", json={"context": {}})).json()
    assert (told["variant"], told["reason"]) == ("off", "UNKNOWN")


async def test_an_unknown_flag_says_so_in_the_words_of_the_protocol(api: httpx.AsyncClient) -> None:
    answer = await api.post("/ofrep/v1/evaluate/flags/nothing", json={"context": {}})
    assert answer.status_code == 404
    assert answer.json()["errorCode"] == "FLAG_NOT_FOUND"
    assert answer.json()["errorDetails"]


async def test_a_targeting_key_that_is_no_text_is_an_invalid_context(api: httpx.AsyncClient) -> None:
    answer = await api.post("/ofrep/v1/evaluate/flags/new-pricing", json={"context": {"targetingKey": 7}})
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "INVALID_CONTEXT")


async def test_all_flags_come_once_for_each_board(api: httpx.AsyncClient) -> None:
    body = {"context": {"targetingKey": "acme"}}
    first = await api.post("/ofrep/v1/evaluate/flags", json=body)
    assert [one["key"] for one in first.json()["flags"]] == ["new-pricing"]
    again = await api.post(
        "/ofrep/v1/evaluate/flags", json=body, headers={"if-none-match": first.headers["etag"]}
    )
    assert again.status_code == 304
