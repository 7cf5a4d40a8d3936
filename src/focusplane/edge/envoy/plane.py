"""EnvoyPlane: the data plane port over xDS."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from focusplane.control.board import Board
from focusplane.define.controls import Address
from focusplane.define.focus import Focus
from focusplane.edge.envoy.answers import Answer
from focusplane.edge.envoy.bootstrap import rest_source
from focusplane.edge.envoy.publisher import DRAIN_MS, Publisher, Question, Wait
from focusplane.edge.envoy.readback import Reader, complaints, is_loopback
from focusplane.edge.envoy.resources import Memo, Resources, compile_resources
from focusplane.kernel.errors import ConflictError
from focusplane.plane.arrival import COMPILER
from focusplane.plane.ports import Clock, ReadBack

AWAY_MS = 3_000
"""An Envoy holds several polls open at all times; without one for so long it is dead, or cut off."""
LIVELY_MS = 60_000
"""An Envoy polls at least every half minute; one that was silent for two is not reported."""


Objected = tuple[int, tuple[str, ...]]
"""A board, and what of it an Envoy did not take."""


def _nobody(report: ReadBack) -> None:
    """Without a listener a report is only kept."""


class EnvoyPlane:
    """Every Envoy that polls us. Its methods belong to one event loop."""

    def __init__(
        self,
        clock: Clock,
        name: str = "envoy",
        drain_ms: int = DRAIN_MS,
        on_report: Callable[[ReadBack], None] = _nobody,
        pin: str = "",
    ) -> None:
        self.name = name
        self._clock = clock
        self._on_report = on_report
        self._publisher = Publisher(drain_ms=drain_ms)
        self._memo = Memo(pin)
        self._admins: dict[str, Address] = {}
        self._reader = Reader()
        self._told: dict[str, ReadBack] = {}
        self._words: dict[str, tuple[Objected, str]] = {}
        """What each node did not take last, and why in its own words."""
        self._held: Counter[str] = Counter()
        """Polls that each node holds open now."""
        self._refused: ReadBack | None = None
        self._changed = asyncio.Event()
        self._closed = False

    def publish(self, board: Board, focuses: Mapping[str, Focus]) -> None:
        """Compile and offer. A board that cannot be obeyed leaves the last good one in force and is reported."""
        try:
            resources = compile_resources(focuses, board, lambda _: rest_source(), self._memo)
        except ConflictError as error:
            before = self._publisher.board_version
            self._refused = ReadBack(COMPILER, before, str(error), rejected=True, refused=board.version)
            self._on_report(self._refused)
            return
        if self._refused is not None:
            self._refused = None
            self._on_report(ReadBack(COMPILER, board.version))
        self.offer(resources, board)

    def offer(self, resources: Resources, board: Board) -> None:
        """Offer compiled resources to every Envoy that waits, also to those of planes that the board adopts."""
        self._publisher.take(resources, board)
        self._wake()
        self._tell()

    @property
    def retiring(self) -> tuple[str, ...]:
        """Clusters that no route names any more and that still drain."""
        return tuple(self._publisher.retired)

    def close(self) -> None:
        """Let every held poll go, so that a server can stop."""
        self._closed = True
        self._wake()

    def reports(self) -> Sequence[ReadBack]:
        refused = [self._refused] if self._refused is not None else []
        lively = self._publisher.lively(self._clock.now_ms(), LIVELY_MS)
        return [*refused, *(self._report(node) for node in lively)]

    async def observe(self, focus: Focus) -> Mapping[str, Mapping[str, float]]:
        return await self._reader.read(self._admins, focus.name)

    def meet(self, question: Question, admin: Address | None) -> None:
        """A poll came in; `admin` is where its Envoy's own page can be read, None if not from this machine."""
        self._publisher.arrive(question, self._clock.now_ms())
        if admin is not None and is_loopback(admin):
            self._admins[question.node] = admin
        else:
            self._admins.pop(question.node, None)
        self._forget()
        self._wake()
        self._tell()

    async def answer(self, question: Question, hold_ms: int) -> Answer | Wait:
        """The answer, as soon as there is one; a `Wait` when `hold_ms` passed without.

        Cancelled when the Envoy lets go of its poll: one that holds none for a while is reported to be away.
        """
        self._held[question.node] += 1
        try:
            return await self._answer(question, hold_ms)
        finally:
            self._held[question.node] -= 1
            if not self._held[question.node]:
                del self._held[question.node]
            asyncio.get_running_loop().call_later(AWAY_MS / 1000, self._tell)

    async def _answer(self, question: Question, hold_ms: int) -> Answer | Wait:
        end = self._clock.now_ms() + hold_ms
        while True:
            changed = self._changed
            now = self._clock.now_ms()
            said = self._publisher.answer(question, now)
            await self._listen(question.node)
            self._tell()
            if isinstance(said, Answer) or now >= end or self._closed:
                return said
            wake_at = min(end, said.until) if said.until else end
            try:
                async with asyncio.timeout((wake_at - now) / 1000):
                    await changed.wait()
            except TimeoutError:
                continue

    def _forget(self) -> None:
        """Of a node that the publisher has forgotten nothing is kept."""
        followers = self._publisher.followers
        if len(self._told) > len(followers) or len(self._admins) > len(followers):
            self._told = {node: told for node, told in self._told.items() if node in followers}
            self._admins = {node: admin for node, admin in self._admins.items() if node in followers}
            self._words = {node: words for node, words in self._words.items() if node in followers}

    def _wake(self) -> None:
        waiting, self._changed = self._changed, asyncio.Event()
        waiting.set()

    def _objected(self, node: str) -> Objected:
        return self._publisher.board_version, tuple(self._publisher.rejected(node))

    def _unheard(self, node: str) -> bool:
        """It did not take something, and can still be asked why."""
        objected = self._objected(node)
        known, _ = self._words.get(node, ((0, ()), ""))
        return bool(objected[1]) and node in self._admins and known != objected

    async def _listen(self, node: str) -> None:
        """REST has no place for why an Envoy refuses; its admin page has."""
        while self._unheard(node):
            objected = self._objected(node)
            self._words[node] = objected, await complaints(node, self._admins[node], objected[1])

    def _tell(self) -> None:
        for node in self._publisher.followers:
            if self._unheard(node):
                continue
            report = self._report(node)
            if self._told.get(node) != report:
                self._told[node] = report
                self._on_report(report)

    def _report(self, node: str) -> ReadBack:
        follower = self._publisher.followers[node]
        rejected = self._publisher.rejected(node)
        objection = follower.objection
        plane, epoch, version = follower.writer
        detail = objection or ("rejected " + ", ".join(rejected) if rejected else "")
        if rejected and not objection:
            known, words = self._words.get(node, ((0, ()), ""))
            detail += f": {words}" if words and known == self._objected(node) else ""
        silent = self._clock.now_ms() - follower.seen_at >= AWAY_MS
        away = silent and not self._held[node] and not self._closed
        return ReadBack(
            node,
            follower.board_version,
            detail,
            bool(rejected or objection),
            plane,
            epoch,
            away,
            version,
            refused=self._publisher.board_version if rejected and not objection else 0,
            remote=node not in self._admins,
        )
