"""A plane whose turns are those of a rig, and who may ask it."""

from tests.web.conftest import FakePlane
from tests.web.scene import ADMIN

from focusplane.act.request import Answer, Request
from focusplane.define.people import Role
from focusplane.kernel.errors import UnavailableError
from focusplane.plane.identity import Named, Tokens, sha256
from focusplane.plane.world import World
from focusplane.testing.rig import Rig

TOKENS = Tokens(
    ADMIN,
    (
        Named("pipeline", Role.JUDGE, sha256("judge-token")),
        Named("eve", Role.VIEWER, sha256("viewer-token")),
        Named("app", Role.SDK, sha256("sdk-token")),
    ),
)
BEARER = {"authorization": "Bearer judge-token"}


class Played(FakePlane):
    """A plane whose turns are those of a rig."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.stuck = False
        super().__init__(rig.world)

    @property
    def world(self) -> World:
        return self.rig.world

    @world.setter
    def world(self, world: World) -> None:
        """The rig has it."""

    async def ask(self, request: Request, by: str, role: str) -> Answer:
        if self.stuck:
            raise UnavailableError("nothing can be written down")
        self.asked.append((request, by))
        return self.rig.ask(request, by, role)
