"""What an application says of a request besides: kept as far as objectives ask, bounded, and read by the receiver."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from tests.edge.otlp_world import Recorder, focus
from tests.edge.otlp_world import core as intake

from focusplane.control.board import Board
from focusplane.control.snapshot import Snapshot, part_of
from focusplane.define.focus import Focus
from focusplane.define.rollout import Extra, JudgeSpec, RolloutSpec, Step
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.sdk.door import Door
from focusplane.sdk.meter import MAX_TENANTS, Meter, merged
from focusplane.sdk.otlp import body
from focusplane.sdk.view import View, compile_view
from focusplane.wire.board_json import decode, encode_snapshot
from focusplane.wire.clock import SystemClock
from focusplane.wire.otlp_answer import Encoding, Telemetry

SESSIONS = Sli(
    SliKind.EVENTS,
    Match(attributes=(("app.crash", ("true",)),)),
    Match(),
    total=Match(attributes=(("app.event", ("session",)),)),
)


def asking() -> Focus:
    plain = focus()
    return replace(plain, objectives=(replace(plain.objectives[0], sli=SESSIONS),))


def door(known: bool = True) -> Door:
    view = View("payment", "production")
    if known:
        sent = encode_snapshot(Snapshot(Board("p", 1), {"checkout": part_of(asking())}))
        view = compile_view(decode(sent), view, 0)
    return Door(view, Meter(), "x-tenant")


def marked(at: Door, said: Mapping[str, str | int | float | bool]) -> tuple[tuple[str, str], ...]:
    with at.request("checkout", "acme", 0) as request:
        request.mark(said)
    return request.marks


def heard(at: Door) -> list[tuple[dict[str, str], str, int]]:
    plane, end = Recorder(asking()), SystemClock().now_ns()
    text = body({"service.name": "payment"}, merged(at.meter.collect()).values(), end - 1_000_000_000, end)
    asyncio.run(intake(plane).take(Telemetry.METRICS, Encoding.JSON, text))
    return [(dict(one.attributes), one.slice.client, one.count) for one in plane.signals]


def test_only_what_objectives_ask_for_is_kept_and_the_receiver_reads_it() -> None:
    at = door()
    said = {"app.event": "session", "app.crash": True, "app.secret": "x", "client.id": "ios"}
    assert marked(at, said) == (("app.crash", "true"), ("app.event", "session"), ("client.id", "ios"))
    marked(at, {"app.event": "session", "app.crash": False})
    assert heard(at) == [
        ({"app.crash": "true", "app.event": "session"}, "ios", 1),
        ({"app.crash": "", "app.event": "session"}, "", 1),
    ]


def test_before_any_board_a_few_marks_are_kept_as_they_are() -> None:
    at = door(known=False)
    kept = marked(at, {f"a{number}": "v" * 1_000 for number in range(50)})
    assert (len(kept), {len(value) for _, value in kept}) == (8, {128})


def test_a_part_of_a_request_speaks_for_the_whole_of_it() -> None:
    at = door()
    with at.request("checkout", "acme", 0) as outer:
        with at.request("checkout", "acme", 0) as inner:
            inner.mark({"app.crash": 1, "app.event": "session"})
        outer.mark({"app.event": "session"})
    assert heard(at) == [({"app.crash": "", "app.event": "session"}, "", 1)]


def test_marks_cannot_say_whose_request_it_is_and_clients_are_bounded() -> None:
    at = door(known=False)
    marked(at, {"focus.id": "other", "tenant.id": "victim"})
    assert [(one, count) for one, _, count in heard(at)] == [({}, 1)]
    for number in range(MAX_TENANTS + 200):
        marked(at, {"client.id": f"c{number}"})
    clients = [client for _, client, _ in heard(at)]
    assert len(clients) == MAX_TENANTS + 1
    assert clients[-1] == "other"


def test_a_cost_is_kept_in_steps_where_a_rollout_is_judged_by_it() -> None:
    judge = JudgeSpec(Fraction(1, 20), Fraction(1), Fraction(0), extras=(
        Extra("cost", Fraction(1), Fraction(0), cap=Fraction(1, 20)),))  # fmt: skip
    rolled = replace(asking(), rollout=RolloutSpec((Step(Fraction(1)),), judge))
    sent = encode_snapshot(Snapshot(Board("p", 1), {"checkout": part_of(rolled)}))
    view = compile_view(decode(sent), View("payment", "production"), 0)
    assert marked(Door(view, Meter(), "x-tenant"), {"focus.cost": 0.01239}) == (("focus.cost", "0.01223"),)
    assert marked(door(), {"focus.cost": 0.01239}) == ()
