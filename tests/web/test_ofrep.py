"""OFREP 0.3 as its clients expect it."""

from dataclasses import replace
from fractions import Fraction

import httpx
import pytest

from focusplane.control.board import apply
from focusplane.control.command import ControlId, Set
from focusplane.control.state import FlagState
from focusplane.define.targeting import Clause, Crowd, Rule, Timed, Trait, When

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


async def test_a_changed_context_is_a_changed_answer_on_the_same_board(api: httpx.AsyncClient) -> None:
    path = "/ofrep/v1/evaluate/flags"
    first = await api.post(path, json={"context": {"targetingKey": "acme", "plan": "gold"}})
    seen = {"if-none-match": first.headers["etag"]}
    other = await api.post(path, json={"context": {"targetingKey": "zeta", "plan": "gold"}}, headers=seen)
    assert (other.status_code, len(other.json()["flags"])) == (200, 1)
    swapped = {"context": {"plan": "gold", "targetingKey": "acme"}}
    assert (await api.post(path, json=swapped, headers=seen)).status_code == 304


@pytest.mark.parametrize("path", ["flags/checkout/new-pricing", "flags/checkout%2Fnew-pricing"])
async def test_a_flag_is_asked_for_by_its_focus_with_a_slash(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.post(f"/ofrep/v1/evaluate/{path}", json={"context": {}})
    assert (answer.status_code, answer.json()["key"]) == (200, "checkout/new-pricing")


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("{", "PARSE_ERROR"),
        ("", "PARSE_ERROR"),
        ("[]", "PARSE_ERROR"),
        ("[" * 100_000, "PARSE_ERROR"),
        ('{"context": 7}', "INVALID_CONTEXT"),
        ('{"context": {"targetingKey": NaN}}', "INVALID_CONTEXT"),
    ],
)
async def test_a_body_that_cannot_be_read_is_said_in_the_words_of_the_protocol(
    api: httpx.AsyncClient, sent: str, code: str
) -> None:
    for key in ("", "/new-pricing"):
        answer = await api.post(
            f"/ofrep/v1/evaluate/flags{key}", content=sent, headers={"content-type": "application/json"}
        )
        assert (answer.status_code, answer.json().get("errorCode", answer.text)) == (400, code)
        assert answer.json()["errorDetails"]
        assert answer.json().get("key", "") == key.removeprefix("/")


async def test_json_that_is_sent_as_something_else_is_told_which_header_is_missing(
    api: httpx.AsyncClient,
) -> None:
    for key in ("", "/new-pricing"):
        answer = await api.post(
            f"/ofrep/v1/evaluate/flags{key}",
            content='{"context": {}}',
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "PARSE_ERROR")
        assert "content-type: application/json" in answer.json()["errorDetails"]


def aimed(plane, **more) -> None:  # type: ignore[no-untyped-def]
    policies = plane.world.policies
    focus = policies.set.focuses["checkout"]
    flag = replace(focus.controls.flags["new-pricing"], **more)
    focus = replace(focus, controls=replace(focus.controls, flags={"new-pricing": flag}))
    focuses = {**policies.set.focuses, "checkout": focus}
    policies = replace(policies, set=replace(policies.set, focuses=focuses))
    state = FlagState("on", Fraction(0))
    board = apply(plane.world.board, Set(FLAG, state, "nobody yet", "ana"))
    plane.world = replace(plane.world, policies=policies, board=board)


EU = Rule(When(Crowd(Clause((Trait("region", ("eu",)),)))), {"on": Fraction(1)})


async def test_rules_see_the_whole_context(api: httpx.AsyncClient, plane) -> None:  # type: ignore[no-untyped-def]
    aimed(plane, rules=(EU,))
    path = "/ofrep/v1/evaluate/flags/new-pricing"
    eu = (await api.post(path, json={"context": {"targetingKey": "acme", "region": "eu"}})).json()
    us = (await api.post(path, json={"context": {"targetingKey": "acme", "region": "us"}})).json()
    assert (eu["value"], eu["reason"]) == (True, "TARGETING_MATCH")
    assert eu["metadata"]["why"] == "rule 1: region eu"
    assert (us["value"], us["variant"]) == (False, "off")
    every = await api.post(
        "/ofrep/v1/evaluate/flags", json={"context": {"targetingKey": "a", "region": "eu"}}
    )
    assert [one["value"] for one in every.json()["flags"]] == [True]


async def test_a_step_of_a_schedule_that_begins_is_another_etag(api: httpx.AsyncClient, plane) -> None:  # type: ignore[no-untyped-def]
    at = plane.world.tick.at
    aimed(plane, schedule=(Timed(at + 1, Fraction(1), "then"),))
    path, body = "/ofrep/v1/evaluate/flags", {"context": {"targetingKey": "acme"}}
    first = await api.post(path, json=body)
    seen = {"if-none-match": first.headers["etag"]}
    assert (await api.post(path, json=body, headers=seen)).status_code == 304
    plane.world = replace(plane.world, tick=replace(plane.world.tick, at=at + 1))
    assert (await api.post(path, json=body, headers=seen)).status_code == 200


async def test_flags_say_whose_they_are_and_whether_they_are_to_go(api: httpx.AsyncClient, plane) -> None:  # type: ignore[no-untyped-def]
    aimed(plane, expires="2020-01-01")
    (told,) = (await api.get("/api/v1/flags", params={"focus": "checkout"})).json()["items"]
    assert (told["target"], told["stale"], told["evaluated_at"]) == ("checkout/new-pricing", True, None)
    assert told["why"][0] == "expired on 2020-01-01"
    assert told["why"][1].startswith("never evaluated, in ")
    assert (await api.get("/api/v1/flags", params={"days": 0})).status_code == 422
