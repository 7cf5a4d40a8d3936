"""The outside of a plane, played by chance from a seed: nodes, channels, destinations and senders, none of them reliable."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from random import Random

from focusplane.act.effect import Notify
from focusplane.control.board import Board
from focusplane.control.state import FlagState, TrafficState
from focusplane.define.controls import Address
from focusplane.define.focus import Focus
from focusplane.define.synthetic import Request as Synthetic
from focusplane.define.units import Probe
from focusplane.instrument.signal import Exposed, Outcome, Signal, Slice, Source
from focusplane.kernel.errors import RefusedError, UnreachableError
from focusplane.kernel.tick import SECOND
from focusplane.observe.synthetic import Heard, Reply
from focusplane.observe.tries import Saw, Tried
from focusplane.plane.loop import Loop
from focusplane.plane.perform import NOTIFY_S, OBSERVE_S, PROBE_S
from focusplane.plane.ports import Batch, ReadBack
from focusplane.sdk.fence import Refuse, fence
from focusplane.testing.rig import START
from focusplane.testing.virtual_time import Life


class VirtualClock:
    """Implements `plane.ports.Clock` on the time of the running loop."""

    def now_ms(self) -> int:
        return START + round(asyncio.get_running_loop().time() * 1000)


@dataclass(slots=True)
class Weather:
    """How bad the outside is. All of it comes from one seed; once `calm`, nothing is lost and nobody fails."""

    chance: Random
    calm: bool = False
    events: list[str] = field(default_factory=list)

    def strikes(self, share: float) -> bool:
        """Whether a misfortune of that share happens now."""
        return self.chance.random() < share and not self.calm

    def delay(self, most_s: float) -> float:
        """Seconds that something takes: mostly short, now and then as long as `most_s`."""
        spread = self.chance.random() ** 4
        return (0.02 if self.calm else most_s) * spread

    def note(self, what: str) -> None:
        """What happened, for the story of a seed that failed."""
        self.events.append(f"{asyncio.get_running_loop().time():9.3f}  {what}")


@dataclass(slots=True)
class Node:
    """A data plane node: it takes what its fence lets in, and keeps it when the plane dies."""

    dataplane: str
    name: str
    board: Board = field(default_factory=Board)
    taken: list[Board] = field(default_factory=list)
    refused: int = 0

    def take(self, board: Board) -> None:
        if isinstance(fence(self.board, board, adopting=False), Refuse):
            self.refused += 1
        elif board.etag != self.board.etag:
            self.taken.append(board)
            self.board = board

    def shares(self, focus: str) -> dict[str, float]:
        state = self.board.state(focus, "traffic")
        weights = state.weights if isinstance(state, TrafficState) else {}
        return {version: float(weight) for version, weight in weights.items() if weight}


class Fabric:
    """Implements `plane.ports.DataPlane`: boards reach its nodes late, twice, out of order or not at all."""

    def __init__(self, name: str, nodes: Sequence[Node], weather: Weather, life: Life) -> None:
        self.name = name
        self._nodes, self._weather, self._life = nodes, weather, life
        self._board = Board()
        self.published: list[Board] = []

    def publish(self, board: Board, focuses: Mapping[str, Focus]) -> None:
        if self._weather.strikes(0.02):
            raise OSError("no space left on device")
        self._board = board
        self.published.append(board)
        for node in self._nodes:
            self._send(node)

    def reports(self) -> Sequence[ReadBack]:
        return [ReadBack(node.name, node.board.version) for node in self._nodes]

    async def observe(self, focus: Focus) -> Mapping[str, Mapping[str, float]]:
        await asyncio.sleep(self._weather.delay(1.5 * OBSERVE_S))
        if self._weather.strikes(0.1):
            raise OSError("connection refused")
        return {node.name: node.shares(focus.name) for node in self._nodes if self.name == "envoy"}

    def poll(self, node: Node, put: Callable[[ReadBack], None]) -> None:
        """A node asks for the board, and says which one it runs; either may be lost."""
        if not self._life.alive:
            return
        if self._board.plane and self._board.etag != node.board.etag:
            self._send(node)
        if node.board.plane == self._board.plane and not self._weather.strikes(0.1):
            put(ReadBack(node.name, node.board.version))

    def _send(self, node: Node) -> None:
        """What is on its way arrives also if the plane that sent it has died meanwhile."""
        loop = asyncio.get_running_loop()
        for _ in range(2 if self._weather.strikes(0.1) else 1):
            if not self._weather.strikes(0.15):
                loop.call_later(self._weather.delay(3.0), node.take, self._board)


class Channel:
    """Implements `plane.ports.Notifier`; a message may be taken although the sender sees a failure."""

    def __init__(self, weather: Weather) -> None:
        self._weather = weather
        self.taken: list[tuple[str, str]] = []

    async def send(self, notify: Notify) -> bool:
        await asyncio.sleep(self._weather.delay(3.0))
        if self._weather.strikes(0.2):
            raise UnreachableError("the channel did not take the message")
        self.taken.append((notify.title, notify.body))
        if self._weather.strikes(0.1):
            await asyncio.sleep(2 * NOTIFY_S)
        await asyncio.sleep(self._weather.delay(1.0))
        if self._weather.strikes(0.1):
            raise ConnectionResetError("the answer was lost")
        return True


class Pages:
    """Implements `plane.ports.Visitor`."""

    def __init__(self, weather: Weather) -> None:
        self._weather = weather

    async def visit(self, probe: Probe) -> Tried:
        await asyncio.sleep(self._weather.delay(1.0))
        if self._weather.strikes(0.1):
            raise LookupError("an error of its own")
        if self._weather.strikes(0.1):
            return Tried(Saw.BAD, "status 503, expected was 2xx")
        return Tried(Saw.GOOD, "status 200")

    async def ask(self, request: Synthetic, version: str, gateway: bool) -> Reply:
        await asyncio.sleep(self._weather.delay(1.0))
        if self._weather.strikes(0.1):
            raise LookupError("an error of its own")
        heard = self._weather.strikes(0.1)
        return Reply(Heard.SILENT, "no connection") if heard else Reply(Heard.GOOD)


class Destinations:
    """Implements `plane.ports.Prober`."""

    def __init__(self, weather: Weather) -> None:
        self._weather = weather

    async def ready(self, addresses: Sequence[Address]) -> Mapping[str, str]:
        await asyncio.sleep(self._weather.delay(1.5 * PROBE_S))
        if self._weather.strikes(0.1):
            raise LookupError("an error of its own")
        why = "no connection" if self._weather.strikes(0.1) else ""
        return {str(address): why for address in addresses}


@dataclass(slots=True)
class Sender:
    """Counts what the gateway served, second by second, and repeats each batch until it is acknowledged."""

    focus: str
    node: Node
    weather: Weather
    clock: VirtualClock
    says: Node | None = None
    """an application that says which variant of the flag `banner` its requests had"""
    failing: dict[str, Fraction] = field(default_factory=dict)
    acknowledged: dict[str, int] = field(default_factory=dict)
    """batch key -> requests in it"""
    refused: int = 0
    _number: int = 0

    def batch(self) -> Batch:
        """The second that ends now."""
        self._number += 1
        end, key = self.clock.now_ms(), f"batch {self._number}"
        signals = []
        for version, share in (self.node.shares(self.focus) or {"v1": 1.0}).items():
            whole = round(60 * share)
            bad = int(whole * self.failing.get(version, Fraction(0)))
            for status, count in ((200, whole - bad), (503, bad)):
                if count:
                    signals.append(_signal(self.focus, version, status, count, end))
        return Batch(key, (*signals, *self._variants(end)))

    def _variants(self, end: int) -> Iterator[Signal]:
        """What the application says beside the gateway: the same requests, by the variants that its board gives them."""
        state = self.says.board.state(self.focus, "flag.banner") if self.says is not None else None
        if not isinstance(state, FlagState):
            return
        yield replace(_signal(self.focus, "", 0, 0, end), source=Source.APP, reporter="till-1")
        parts = {state.variant: state.percentage, state.rest or "off": 1 - state.percentage}
        for variant, share in parts.items():
            whole = round(60 * share)
            bad = int(whole * self.failing.get(variant, Fraction(0)))
            for status, count in ((200, whole - bad), (503, bad)):
                if count:
                    said = _signal(self.focus, "", status, count, end)
                    app = replace(said, source=Source.APP, reporter="till-1", only_exposed=True)
                    yield replace(app, exposed=(Exposed("banner", variant),))

    async def deliver(self, batch: Batch, plane: "Callable[[], tuple[Life, Loop] | None]") -> None:
        """Until it is acknowledged; a request or its answer may be lost, and then the batch is sent again."""
        while batch.key not in self.acknowledged:
            await asyncio.sleep(self.weather.delay(0.5))
            serving = plane()
            if serving is not None and not self.weather.strikes(0.1):
                await self._post(batch, *serving)
            await asyncio.sleep(0.2 + self.weather.delay(1.0))
        if self.weather.strikes(0.1):  # a sender that did not see the answer
            serving = plane()
            if serving is not None:
                await self._post(batch, *serving)

    async def _post(self, batch: Batch, life: Life, loop: Loop) -> None:
        try:
            await life.ask(loop.accept(batch))
        except ConnectionResetError:
            return
        except RefusedError:
            self.refused += 1
            return
        if not self.weather.strikes(0.1):
            self.acknowledged[batch.key] = sum(signal.count for signal in batch.signals)


def _signal(focus: str, version: str, status: int, count: int, end: int) -> Signal:
    part = Slice(tenant="acme", version=version)
    return Signal(focus, "production", Source.EDGE, "edge-1", end - SECOND, end, part, Outcome(status), count)
