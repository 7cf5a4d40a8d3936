"""Boards on disk: the newest, whole or not at all, and what could not be written is told."""

import json
import os
import stat
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.plane.pricing import POLICY

from focusplane.control.board import Board
from focusplane.define.focus import Focus
from focusplane.define.load import load
from focusplane.edge.flag_file import flag_file
from focusplane.kernel.errors import ConflictError
from focusplane.plane.ports import ReadBack
from focusplane.plane.written import WrittenPlane, put

FOCUSES = load({"shop.yaml": POLICY}, "2026-01-01").policies.focuses


def board(version: int) -> Board:
    return Board(plane="p-1", epoch=1, version=version)


def test_of_boards_that_come_while_one_is_written_only_the_newest_is_and_none_goes_back() -> None:
    begun, may_end, written = threading.Event(), threading.Event(), list[int]()

    def write(board: Board, focuses: Mapping[str, Focus]) -> None:
        begun.set()
        assert may_end.wait(60)
        written.append(board.version)

    plane = WrittenPlane("slow", "disk", write)
    plane.publish(board(1), {})
    assert begun.wait(60)
    for version in range(2, 50):
        plane.publish(board(version), {})
    may_end.set()
    plane.close()
    assert written == [1, 49]
    assert plane.reports() == (ReadBack("disk", 49),)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ConflictError("two listen there")])
def test_what_cannot_be_written_is_told_with_the_board_that_still_lies_there(error: Exception) -> None:
    fails = [False, True, False]

    def write(board: Board, focuses: Mapping[str, Focus]) -> None:
        if fails[board.version - 1]:
            raise error

    told: list[ReadBack] = []
    for last in (1, 2, 3):
        plane = WrittenPlane("disk", "disk", write)
        for version in range(1, last + 1):
            plane.publish(board(version), {})
            while plane.reports()[0].board_version < version and not plane.reports()[0].rejected:
                threading.Event().wait(0.001)
        plane.close()
        told += plane.reports()
    assert told == [
        ReadBack("disk", 1),
        ReadBack("disk", 1, str(error), rejected=True, refused=2),
        ReadBack("disk", 3),
    ]


def test_what_nobody_expected_is_said_in_the_log_and_the_next_board_is_written(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def write(board: Board, focuses: Mapping[str, Focus]) -> None:
        if board.version == 1:
            raise LookupError("a mistake of ours")

    plane = WrittenPlane("disk", "disk", write)
    plane.publish(board(1), {})
    while "a board was not written: a mistake of ours" not in caplog.text:
        threading.Event().wait(0.001)
    plane.publish(board(2), {})
    plane.close()
    assert plane.reports() == (ReadBack("disk", 2),)


def test_a_file_is_replaced_whole_and_nothing_half_written_is_left(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    put(path, "old")
    put(path, "new")
    assert path.read_text() == "new"
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="directory"):
        put(tmp_path / "taken", "text")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["flags.json", "taken"]


def test_a_file_can_be_read_by_whoever_the_umask_lets(tmp_path: Path) -> None:
    """An Envoy, or an application, is seldom the user that the plane is."""
    before = os.umask(0o022)
    try:
        put(tmp_path / "flags.json", "{}")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "flags.json").stat().st_mode) == 0o644


def test_the_flag_set_is_written_once_and_again_when_somebody_took_it_away(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    plane = flag_file(path)
    places = set[int]()
    for version in (1, 2):
        plane.publish(board(version), FOCUSES)
        while plane.reports()[0].board_version < version:
            threading.Event().wait(0.001)
        places.add(path.stat().st_ino)
    assert len(places) == 1, "the same document is not written again"
    assert set(json.loads(path.read_text())["flags"]) == {"pricing", "banner"}
    path.unlink()
    plane.publish(board(3), FOCUSES)
    plane.close()
    assert path.exists()
    assert plane.reports() == (ReadBack("file", 3),)
