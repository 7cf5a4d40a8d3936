"""One request, one count: a service that reports the same requests under several metric names is counted by the best one.

Our own counter comes first, then our histogram (which then only times), then the stable names of OpenTelemetry, then
the old ones, then what Prometheus clients count and time apart. An application that has our SDK and OpenTelemetry's instrumentation, or that emits both old and new names,
would otherwise be counted twice.
"""

from dataclasses import dataclass

from focusplane.instrument import conventions as names
from focusplane.instrument.signal import Source
from focusplane.kernel.tick import MINUTE

HELD_MS = 5 * MINUTE
"""How long a metric that has fallen silent still holds back the lesser ones."""
_RANKS = {
    names.METRIC_REQUESTS: (0, ("http", "rpc")),
    names.METRIC_DURATION: (1, ("http", "rpc")),
    "http.server.request.duration": (2, ("http",)),
    "rpc.server.call.duration": (2, ("rpc",)),
    "http.server.duration": (3, ("http",)),
    "rpc.server.duration": (3, ("rpc",)),
    names.SCRAPED_HTTP: (4, ("http",)),
    names.SCRAPED_GRPC: (4, ("rpc",)),
    names.SCRAPED_SPRING: (5, ("http",)),
    **{metric: (6 + place, ("http", "rpc")) for place, metric in enumerate(names.SCRAPED_TIMES)},
}
_COUNT_ONLY = frozenset((names.METRIC_REQUESTS, names.SCRAPED_HTTP, names.SCRAPED_GRPC, names.SCRAPED_SPRING))
_MAY_ONLY_TIME = frozenset((names.METRIC_DURATION, *names.SCRAPED_TIMES))


@dataclass(frozen=True, slots=True)
class Emitter:
    """Whose requests these are: one version of one service, counted by one kind of source, for one focus."""

    focus: str
    environment: str
    source: Source
    service: str
    version: str


class Precedence:
    """The best metric that each of at most `limit` emitters has sent lately; the longest silent is forgotten first."""

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._best: dict[tuple[Emitter, str], tuple[int, str, int]] = {}

    def note(self, emitter: Emitter, metric: str, end_ms: int) -> None:
        """The emitter sent this metric, for an interval that ended then (Unix ms)."""
        rank, protocols = _RANKS[metric]
        for protocol in protocols:
            held = self._best.get((emitter, protocol))
            if held is not None and held[0] < rank and end_ms - held[2] <= HELD_MS:
                continue
            self._best.pop((emitter, protocol), None)
            self._best[emitter, protocol] = (rank, metric, end_ms)
        while len(self._best) > self._limit:
            del self._best[next(iter(self._best))]

    def times_beside(self, better: str, metric: str) -> bool:
        """Whether this metric still times what the better one only counts."""
        return metric in _MAY_ONLY_TIME and better in _COUNT_ONLY

    def better(self, emitter: Emitter, metric: str) -> str:
        """The name of the metric that counts instead of this one, or empty if this one counts. `note` it before."""
        rank, protocols = _RANKS[metric]
        for protocol in protocols:
            held = self._best.get((emitter, protocol))
            if held is not None and held[0] < rank:
                return held[1]
        return ""

    def focuses(self, environment: str, service: str) -> frozenset[str]:
        """The focuses that a service has lately reported for."""
        emitters = (emitter for emitter, _ in self._best)
        return frozenset(
            one.focus for one in emitters if (one.environment, one.service) == (environment, service)
        )
