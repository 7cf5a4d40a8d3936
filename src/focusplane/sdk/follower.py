"""Keeps the view of the requests at the newest board that the fence lets in."""

import json
import threading
from dataclasses import replace

from focusplane.control.board import expire
from focusplane.control.snapshot import Snapshot
from focusplane.kernel.errors import DataError
from focusplane.kernel.tick import Tick
from focusplane.sdk.disk import Disk
from focusplane.sdk.door import Door
from focusplane.sdk.fence import Refuse, fence
from focusplane.sdk.view import compile_view
from focusplane.wire.board_json import decode
from focusplane.wire.clock import SystemClock


class Follower:
    """Keeps the view at the newest board that the fence lets in, and lets lapsed containment end by itself."""

    def __init__(self, door: Door, disk: Disk, clock: SystemClock) -> None:
        self._door, self.disk, self._clock = door, disk, clock
        self._turn = threading.Lock()
        self.received = disk.load()
        """As the plane sent it: what the fence compares with."""
        self._effective = self.received
        self.adopting = False
        self.refused = ""
        with self._turn:
            self._install(self.received)

    def unlock(self) -> None:
        """In a forked child: the thread that held the lock does not exist here."""
        self._turn = threading.Lock()

    def take(self, text: bytes) -> bool:
        """A board from the plane; False if it is damaged or the fence refuses it."""
        try:
            snapshot = decode(json.loads(text))
        except (ValueError, RecursionError, DataError) as damaged:
            self.refused = f"not a board: {damaged}"
            return False
        answer = fence(self.received.board, snapshot.board, self.adopting)
        if isinstance(answer, Refuse):
            self.refused = answer.reason
            return False
        self.adopting, self.refused = False, ""
        with self._turn:
            self._install(snapshot)
            self.received = snapshot
        self.disk.store(snapshot)
        return True

    def expire(self) -> None:
        """End what lapses now, whether or not the plane is there to say so (N7)."""
        now = self._clock.now_ms()
        with self._turn:
            entries = self._effective.board.entries.values()
            if any(entry.lapses_at is not None and entry.lapses_at <= now for entry in entries):
                self._install(self._effective)

    def _install(self, snapshot: Snapshot) -> None:
        """Make it what requests see, after its lapsed containment has ended."""
        board, _ = expire(snapshot.board, Tick(self._clock.now_ms(), 0))
        self._effective = replace(snapshot, board=board)
        self._door.view = compile_view(self._effective, self._door.view, self._door.now_ns())
