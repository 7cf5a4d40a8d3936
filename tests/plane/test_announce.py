"""What a plane says while it runs: one line for each thing that an operator must know, and never a secret."""

import asyncio
import logging
from pathlib import Path

from tests.plane.test_loop import Plane, go

from focusplane.act.fact import Fact, Kind
from focusplane.act.request import Freeze, SetControl
from focusplane.edge.channels import missing
from focusplane.plane.announce import announce, line, plain
from focusplane.plane.arrival import PolicyRead

AT = 1_795_357_200_000


def test_a_fact_is_one_line_with_its_time_what_and_why() -> None:
    fact = Fact(
        AT, Kind.DECIDED, "checkout", "act-1", "burns\nat 4x", {"what": "throttle", "by": "ana", "x": 1}
    )
    assert line(fact) == (
        logging.WARNING,
        "2026-11-22 14:20:00Z  decision.act  checkout  act-1  what=throttle  by=ana  -  burns at 4x",
    )
    assert line(Fact(AT, Kind.HEALTH_CHANGED, "checkout", "availability", "ok")) is None


def test_neither_control_characters_nor_addresses_nor_whole_letters_come_through() -> None:
    told = plain("\x1b[31mred\r\n slack://token@secret/x is wrong \u202e" + "x" * 1000)
    assert told.startswith(" [31mred   slack://... is wrong  xxx")
    assert len(told) == 500
    assert "secret" not in told


def test_what_is_committed_is_said_once_and_who_reaches_nobody_is_said_at_the_start(tmp_path: Path) -> None:
    said: list[tuple[int, str]] = []

    async def story(data: Path) -> None:
        async with Plane(data) as plane:
            task = asyncio.create_task(announce(plane.loop, 0, missing, lambda *told: said.append(told)))
            await plane.loop.ask(Freeze("checkout", "an audit"), "ana", "operator")
            ask = SetControl("checkout", "throttle", {"rate": "5/s"}, "flood", 60_000)
            await plane.loop.ask(ask, "ana", "operator")
            plane.loop.put(PolicyRead({"checkout.yaml": "kind: Fokus"}, "2026-01-01"))
            while not any("policy.refused" in text for _, text in said):
                await plane.loop.next_turn(plane.loop.world.tick.number, 1.0)
                await asyncio.sleep(0)
            task.cancel()

    go(story, tmp_path)
    kinds = [text.split("  ")[1] for _, text in said if text.startswith("20")]
    assert kinds[:2] == ["plane.started", "policy.loaded"]
    assert [kind for kind in kinds[2:] if kind != "incident.opened"] == [
        "automation.frozen", "decision.act", "policy.refused",
    ]  # fmt: skip
    unset = [text for level, text in said if level == logging.WARNING and text.startswith("channel ")]
    assert unset == [
        "channel pager of team payments reaches nobody: PAGER_URL is not set in the plane's environment"
    ]
