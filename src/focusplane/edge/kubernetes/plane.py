"""KubernetesPlane: the data plane port over the objects of a cluster. What is wanted is looked at again and again."""

import logging
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from focusplane.control.board import Board
from focusplane.control.state import TrafficState
from focusplane.define.focus import Focus
from focusplane.edge.kubernetes.client import Client
from focusplane.edge.kubernetes.convergence import converge, differ, look, read_back
from focusplane.edge.kubernetes.readiness import unready
from focusplane.edge.kubernetes.split import Wanted
from focusplane.kernel.errors import RefusedError
from focusplane.kernel.tick import MINUTE
from focusplane.plane.followed import ContestedError, Followed, Settled, Status
from focusplane.plane.ports import Clock, ReadBack
from focusplane.plane.rounds import Pace, Rounds

log = logging.getLogger("focusplane")

PACE = Pace((300, 500, 1_000, 2_000, 5_000), one_s=20.0, at_once=8, within_ms=3 * MINUTE)
"""The plane looks for drift each 30 seconds."""
NO_CLUSTER = "no cluster is configured: --kubeconfig FILE, or run in a Pod with a service account"


def _nobody(report: ReadBack) -> None:
    """Without a listener a report is only kept."""


class KubernetesPlane:
    """Every object that some focus names as its driver. Its methods belong to one event loop."""

    def __init__(
        self, clock: Clock, client: Client | None, on_report: Callable[[ReadBack], None] = _nobody
    ) -> None:
        self.name = "kubernetes"
        self._client = client
        self._board = Board()
        self._rounds = Rounds(clock, self, PACE, on_report)

    def publish(self, board: Board, focuses: Mapping[str, Focus]) -> None:
        """Take what is wanted of every object; what is new or not in step is looked at at once."""
        self._board = board
        self._rounds.follow(board, [one for one in map(self._wanted, focuses.values()) if one is not None])

    def _wanted(self, focus: Focus) -> Wanted | None:
        traffic = focus.controls.traffic
        if traffic is None or traffic.driver is None:
            return None
        entry = self._board.entries.get(f"{focus.name}/traffic")
        if entry is None or not isinstance(entry.state, TrafficState):
            state = TrafficState(traffic.initial, {traffic.initial: Fraction(1)})
            return Wanted(focus.name, traffic.driver, traffic, state)
        return Wanted(focus.name, traffic.driver, traffic, entry.state, entry.cause != "policy")

    def reports(self) -> Sequence[ReadBack]:
        return self._rounds.reports()

    async def observe(self, focus: Focus) -> Mapping[str, Mapping[str, float]]:
        wanted = self._wanted(focus)
        if wanted is None:
            return {}
        shares = await read_back(self._sure(), wanted)
        one = self._rounds.followed.get(wanted.node)
        if one is not None and one.in_step and differ(shares, wanted):
            self._rounds.lose(one)
        return {wanted.node: {version: float(share) for version, share in shares.items()}}

    async def ready(self, focus: Focus, version: str) -> Mapping[str, str]:
        """Where that version stands -> empty text if it can take traffic, else why not (N15)."""
        wanted = self._wanted(focus)
        if wanted is None:
            return {}
        place = str(wanted.traffic.backends.get(version) or version)
        least = max(1, focus.rollout.min_instances if focus.rollout is not None else 1)
        return {place: await unready(self._sure(), wanted, version, least)}

    async def run(self) -> None:
        """Never ends."""
        await self._rounds.run()

    async def close(self) -> None:
        await self._rounds.close()
        if self._client is not None:
            await self._client.close()

    async def look(self, one: Followed[Wanted], board: Board) -> Status:
        """An object in step is only looked at: what differs then is a drift, which is told before it is mended (F5)."""
        client, wanted = self._sure(), one.wanted
        if not one.in_step and not one.hands_off:
            return await converge(client, wanted, board)
        shares = (await look(client, wanted))[1]
        if not differ(shares, wanted):
            return Settled() if one.in_step else await converge(client, wanted, board)
        if one.hands_off:
            raise ContestedError(PACE.contested)
        log.warning("%s splits differently than the board", wanted.driver)
        return Settled()

    def system(self, _: Wanted) -> str:
        return "the API server"

    def _sure(self) -> Client:
        if self._client is None:
            raise RefusedError(NO_CLUSTER)
        return self._client
