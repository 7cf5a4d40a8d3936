"""Flags as the plane serves them now, compiled once for each board and policy."""

from dataclasses import dataclass, field

from focusplane.control.board import Board
from focusplane.control.flag import Lamps
from focusplane.control.flags.declared import Declared, declared_of
from focusplane.define.focus import PolicySet
from focusplane.plane.world import World


@dataclass(slots=True)
class FlagsNow:
    """Remembers the last answer: of the same board and policies it is the same."""

    _board: Board = field(default_factory=Board)
    _policies: PolicySet = field(default_factory=PolicySet)
    _declared: Declared = field(default_factory=dict)
    _lamps: Lamps = field(default_factory=Lamps)
    _begun: tuple[int, int] = (-1, 0)
    """A time, and how many steps of schedules had begun then: every stream asks at every turn."""

    def lamps(self, world: World) -> Lamps:
        self._look(world)
        return self._lamps

    def declared(self, world: World) -> Declared:
        self._look(world)
        return self._declared

    def stamp(self, world: World) -> str:
        """Changes when another flag may be served: with the board, and with each step of a schedule that begins."""
        self._look(world)
        if self._begun[0] != world.tick.at:
            steps = (
                step.at
                for flags in self._declared.values()
                for flag in flags.values()
                for step in flag.schedule
            )
            self._begun = world.tick.at, sum(at <= world.tick.at for at in steps)
        begun = self._begun[1]
        return f"{world.board.etag}.{begun}" if begun else world.board.etag

    def _look(self, world: World) -> None:
        policies = world.policies.set
        if policies is not self._policies:
            self._declared, self._begun = declared_of(policies.focuses), (-1, 0)
        if policies is not self._policies or world.board is not self._board:
            self._lamps = Lamps.of(self._declared, world.board, self._lamps)
        self._policies, self._board = policies, world.board
