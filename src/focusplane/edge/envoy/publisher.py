"""Which answer an Envoy gets now: versions are added before routes use them and removed after the last request left.

Level, not edge: there is no script of phases to get stuck in. At every question the answer follows from what is wanted,
what this Envoy has acknowledged, and which clusters are still on their way out:

    clusters   what is wanted, and every retired one until all Envoys acknowledged routes without it and it has drained
    routes     what is wanted, once this Envoy has acknowledged all its clusters; until then it keeps what it runs
    listeners  likewise

So a change of weights alone is one step, and a new version three. Times are milliseconds of any steady clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from focusplane.control.board import Board, Lost
from focusplane.edge.envoy.answers import Answer, Answers, Kind
from focusplane.edge.envoy.fastlane import Overtaken
from focusplane.edge.envoy.names import Resource
from focusplane.edge.envoy.resources import RUNTIME, Resources
from focusplane.edge.envoy.version import Fresh, Version, generation_of, objection, parse, writer

RETRY_MS = 5_000
"""How long rejected content is kept from an Envoy before it is offered again."""
DRAIN_MS = 16_000
"""How long a retired cluster stays: longer than the timeout of a route."""
FORGET_MS = 600_000
"""An Envoy that was silent for so long is forgotten, and no longer holds up a removal."""
SWEEP_MS = 60_000
MOST_FOLLOWERS = 2_000
"""The one that was silent the longest makes room for another."""
SPARE_SUBSCRIPTIONS = 16
"""What one Envoy may follow besides the route tables that there are."""


@dataclass(frozen=True, slots=True)
class Wait:
    """There is nothing to say now. `until` is when that may change by itself, 0 for never."""

    why: str
    until: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """One poll of one Envoy for one type."""

    node: str
    kind: Kind
    names: tuple[str, ...]
    version: str


@dataclass(slots=True)
class Subscription:
    """What one Envoy runs of one type, and what became of the last answer."""

    echo: str = ""
    running: str = ""
    sent: str = ""
    sent_at: int = 0
    refusals: int = 0
    objection: str = ""
    """Why it must not be answered, as of its last question."""

    @property
    def rejected(self) -> bool:
        """Asked twice more with the old version after it was sent the new one: not lost, rejected."""
        return self.refusals >= 2


def _begins(kind: Kind, known: Subscription | None) -> bool:
    """Whether who has nothing of that kind is an Envoy that starts. It waits for its runtime before it asks for clusters, for as
    long as that takes: what its predecessor ran must not stand in the way of either.
    """
    if kind is Kind.RUNTIME:
        return known is not None and known.echo != ""
    return kind is Kind.CLUSTERS


@dataclass(slots=True)
class Follower:
    """One Envoy that asks."""

    seen_at: int = 0
    subscriptions: dict[tuple[Kind, tuple[str, ...]], Subscription] = field(default_factory=dict)
    board_version: int = 0

    @property
    def objection(self) -> str:
        """One type that must not be answered holds up all of them."""
        return next((one.objection for one in self.subscriptions.values() if one.objection), "")

    @property
    def writer(self) -> tuple[str, int, int]:
        """The plane, epoch and board version that the objection is about."""
        echoes = (parse(one.echo) for one in self.subscriptions.values() if one.objection)
        return next(((*writer(echo), generation_of(echo)) for echo in echoes), ("", 0, 0))


@dataclass(slots=True)
class Publisher:
    """The desired resources and how far each Envoy is. Not safe for several threads: it has one owner."""

    drain_ms: int = DRAIN_MS
    epoch: int = 0
    board_version: int = 0
    adopts: tuple[str, ...] = ()
    """Whose Envoys may be taken over."""
    lost: tuple[Lost, ...] = ()
    """Boards of ours that a lost memory wrote: who runs one is not answered."""
    wanted: Resources | None = None
    retired: dict[str, Resource] = field(default_factory=dict)
    followers: dict[str, Follower] = field(default_factory=dict)
    _answers: Answers = field(default_factory=Answers)
    _overtaken: Overtaken = field(default_factory=Overtaken)
    _settled_at: int = 0
    """Since when every Envoy runs the wanted routes and listeners; 0 while some does not."""
    _swept_at: int = 0

    def take(self, resources: Resources, board: Board) -> None:
        """Want these resources from now on, in the name of that board."""
        self._answers.plane, self.adopts, self.lost = board.plane, board.adopts, board.lost
        if self.wanted is not None:
            self._overtaken.overtake(self.wanted.routes, resources.routes)
        known = {**self.retired, **(self.wanted.clusters if self.wanted else {})}
        self.retired = {name: made for name, made in known.items() if name not in resources.clusters}
        self.wanted, self.epoch, self.board_version = resources, board.epoch, board.version
        self._settled_at = 0
        self._offer(resources)
        for follower in self.followers.values():
            for subscription in follower.subscriptions.values():
                self._object(subscription)
            self._note_progress(follower)

    def arrive(self, question: Question, now: int) -> None:
        """Take in what the poll says about its Envoy; once for each poll, before the first `answer`."""
        echo = parse(question.version)
        self._forget(question.node, now)
        follower = self.followers.setdefault(question.node, Follower())
        key = (question.kind, question.names)
        if isinstance(echo, Fresh) and _begins(question.kind, follower.subscriptions.get(key)):
            follower.subscriptions.clear()  # it has just started
        follower.seen_at = now
        if key not in follower.subscriptions and not self._may_follow(follower, question):
            return
        subscription = follower.subscriptions.setdefault(key, Subscription())
        subscription.echo = question.version
        subscription.running = echo.content if isinstance(echo, Version) else ""
        if subscription.sent and subscription.sent != subscription.running:
            subscription.refusals += 1
        else:
            subscription.sent, subscription.refusals = "", 0
        self._note_progress(follower)
        self._settle(now)

    def answer(self, question: Question, now: int) -> Answer | Wait:
        """What to say to that poll now."""
        self._settle(now)
        follower = self.followers.get(question.node, Follower())
        follower.seen_at = now
        if self.wanted is None:
            return Wait("no board was published yet")
        subscription = follower.subscriptions.get((question.kind, question.names))
        if subscription is None:
            return Wait("there is nothing of that name, or it follows too much already")
        self._object(subscription)
        if follower.objection:
            return Wait(follower.objection)
        offered = self._answers.find(question.kind, question.names)
        if offered is None:
            return Wait("there is nothing of that name, and an empty answer is never given")
        if offered.content == subscription.running:
            return Wait("up to date", self._drained_at())
        return self._hand_out(question, follower, subscription, offered, now)

    def lively(self, now: int, within_ms: int) -> list[str]:
        """The Envoys that asked within that time, by name."""
        return sorted(node for node, one in self.followers.items() if one.seen_at > now - within_ms)

    def in_step(self, node: str) -> bool:
        """Whether that Envoy runs the wanted routes and listeners."""
        return self._in_step(self.followers[node])

    def rejected(self, node: str) -> list[str]:
        """The types whose present content that Envoy did not take, with the names asked for."""
        return [
            " ".join((kind.value, *names))
            for (kind, names), subscription in self.followers[node].subscriptions.items()
            if subscription.rejected and self._content(kind, names) == subscription.sent
        ]

    def _forget(self, asking: str, now: int) -> None:
        """Anybody who may poll may name nodes: what is remembered of them ends by itself, and is bounded."""
        if now - self._swept_at >= SWEEP_MS:
            self._swept_at = now
            old = [node for node, one in self.followers.items() if now - one.seen_at >= FORGET_MS]
            for node in old:
                del self.followers[node]
        if asking not in self.followers and len(self.followers) >= MOST_FOLLOWERS:
            del self.followers[min(self.followers, key=lambda node: self.followers[node].seen_at)]

    def _may_follow(self, follower: Follower, question: Question) -> bool:
        """Before the first board nothing is known to exist; from then on only what exists is followed."""
        if self.wanted is None:
            return len(follower.subscriptions) < SPARE_SUBSCRIPTIONS
        if not self._answers.knows(question.kind, question.names):
            return False
        most = len(self.wanted.routes) + SPARE_SUBSCRIPTIONS
        if len(follower.subscriptions) >= most:
            gone = [key for key in follower.subscriptions if not self._answers.knows(*key)]
            for key in gone:
                del follower.subscriptions[key]
        return len(follower.subscriptions) < most

    def _object(self, subscription: Subscription) -> None:
        echo = parse(subscription.echo)
        subscription.objection = objection(
            echo, self.epoch, self.board_version, self._answers.plane, self.adopts, self.lost
        )

    def _hand_out(
        self, question: Question, follower: Follower, subscription: Subscription, offered: Answer, now: int
    ) -> Answer | Wait:
        if question.kind in (Kind.ROUTES, Kind.LISTENERS) and not self._has_clusters(follower):
            return Wait("its clusters come first")
        if question.kind is Kind.ROUTES and not self._has_lane(follower):
            return Wait("its weights come by the fast lane first")
        if subscription.sent == offered.content and subscription.rejected:
            retry_at = subscription.sent_at + RETRY_MS
            if now < retry_at:
                return Wait("rejected this content", retry_at)
        if subscription.sent != offered.content:
            subscription.refusals = 0
        subscription.sent, subscription.sent_at = offered.content, now
        return offered

    def _offer(self, resources: Resources) -> None:
        generation = self.board_version
        clusters: Mapping[str, Resource] = {**resources.clusters, **self.retired}
        self._answers.offer(Kind.CLUSTERS, clusters, self.epoch, generation)
        self._answers.find(Kind.CLUSTERS, ())  # so that an Envoy that runs it already is known to cover it
        self._answers.offer(Kind.LISTENERS, resources.listeners, self.epoch, generation)
        self._answers.offer(Kind.ROUTES, resources.routes, self.epoch, generation)
        layer = {"name": RUNTIME, "layer": self._overtaken.layer(resources.routes)}
        self._answers.offer(Kind.RUNTIME, {RUNTIME: layer}, self.epoch, generation)

    def _content(self, kind: Kind, names: tuple[str, ...]) -> str:
        offered = self._answers.find(kind, names)
        return offered.content if offered is not None else ""

    def _has_clusters(self, follower: Follower) -> bool:
        subscription = follower.subscriptions.get((Kind.CLUSTERS, ()))
        if subscription is None or self.wanted is None:
            return False
        return self._answers.covers(subscription.running, self.wanted.clusters)

    def _has_lane(self, follower: Follower) -> bool:
        """Without a runtime subscription, or one that it rejects, there is nothing to wait for."""
        subscription = follower.subscriptions.get((Kind.RUNTIME, (RUNTIME,)))
        if subscription is None or subscription.rejected:
            return True
        return subscription.running == self._content(Kind.RUNTIME, (RUNTIME,))

    def _in_step(self, follower: Follower) -> bool:
        asked = {kind for kind, _ in follower.subscriptions}
        return {Kind.ROUTES, Kind.LISTENERS} <= asked and all(
            subscription.running == offered.content
            for (kind, names), subscription in follower.subscriptions.items()
            if kind in (Kind.ROUTES, Kind.LISTENERS)
            and (offered := self._answers.find(kind, names)) is not None
        )

    def _note_progress(self, follower: Follower) -> None:
        if self.wanted is not None and self._in_step(follower):
            follower.board_version = self.board_version

    def _settle(self, now: int) -> None:
        """Once all run the wanted routes the fast lane is empty; retired clusters go when they have drained too."""
        if self.wanted is None or not (self.retired or self._overtaken):
            return
        if not all(self.in_step(node) for node in self.lively(now, FORGET_MS)):
            self._settled_at = 0
            return
        if self._overtaken:
            self._overtaken.forget()
            self._offer(self.wanted)
        if not self._settled_at:
            self._settled_at = now
        elif self.retired and now >= self._drained_at():
            self.retired = {}
            self._offer(self.wanted)

    def _drained_at(self) -> int:
        return self._settled_at + self.drain_ms if self.retired and self._settled_at else 0
