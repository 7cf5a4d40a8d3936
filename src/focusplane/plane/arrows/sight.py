"""What arrows read from the counters: tenants' shares, whether a version still carries, when it first failed."""

from collections.abc import Mapping
from fractions import Fraction

from focusplane.act.effect import Observe
from focusplane.control.state import TrafficState
from focusplane.define.focus import Focus
from focusplane.define.sli import SliKind
from focusplane.kernel.tick import MINUTE, SECOND
from focusplane.observe.counters import Counters
from focusplane.observe.reading import Measured, NoData
from focusplane.plane.arrows.words import said_weights
from focusplane.plane.draft import Draft
from focusplane.plane.world import Look, Node

NODE_ALIVE_MS = 90 * SECOND
TOLERANCE = Fraction(1, 1000)
"""Integer weights of a gateway round the declared ones by less than this."""
NOTHING = Fraction(0)
DRIVERS = "kubernetes"
"""The data plane whose nodes are the objects of drivers."""
FLAG_DRIVERS = "flag-drivers"
"""The data plane whose nodes are flags of other services."""


def leading(focus: Focus) -> str:
    """The objective that speaks for the whole: the first that counts events, one by one before in slices; else the first."""
    events = [one for one in focus.objectives if one.sli.kind is SliKind.EVENTS]
    ranked = sorted(events, key=lambda one: one.sli.unit_ms > 0) or focus.objectives
    return ranked[0].name if ranked else ""


def recent(counters: Counters, focus: Focus, dimension: str, span_ms: int) -> Mapping[str, Measured]:
    """Every value of the dimension with requests in the last `span_ms` before the data watermark."""
    mark = counters.watermark(focus.name)
    if isinstance(mark, NoData):
        return {}
    return counters.slices_over(focus.name, leading(focus), dimension, mark - span_ms, mark)


def tenant_shares(draft: Draft, focus: Focus) -> dict[str, Fraction]:
    """Tenant -> its share of the requests of the last minute; nothing if the newest telemetry is old."""
    mark = draft.world.counters.watermark(focus.name)
    if isinstance(mark, NoData) or draft.at - mark > MINUTE:
        return {}
    counts = recent(draft.world.counters, focus, "tenant", MINUTE)
    total = sum(measured.total for measured in counts.values())
    return {tenant: Fraction(measured.total, total) for tenant, measured in counts.items() if total}


def astray(shares: Mapping[str, Mapping[str, Fraction]], wanted: TrafficState) -> str:
    """The first node whose configured weights are not the wanted ones, in words; empty if there is none."""
    for node, found in sorted(shares.items()):
        versions = {*found, *wanted.weights}
        if any(abs(found.get(v, NOTHING) - wanted.weights.get(v, NOTHING)) > TOLERANCE for v in versions):
            return f"{node} runs {said_weights(found) or 'nothing'}"
    return ""


def splitters(draft: Draft, focus: Focus) -> list[Node]:
    """What splits the traffic of this focus, as far as it was heard of: our gateways, or the object of its driver."""
    traffic, nodes = focus.controls.traffic, draft.world.nodes.values()
    if traffic is None or traffic.driver is None:
        return [node for node in nodes if node.dataplane == "envoy"]
    return [n for n in nodes if n.dataplane == DRIVERS and n.node == str(traffic.driver)]


def gateways(draft: Draft, focus: Focus) -> list[Node]:
    """Those that live; one that was silent for so long is gone."""
    return [n for n in splitters(draft, focus) if draft.at - n.seen_at < NODE_ALIVE_MS]


def unread(draft: Draft, focus: Focus, look: Look) -> list[str]:
    """Living gateways that this look should have read and did not: what they run is not known."""
    return sorted(n.node for n in gateways(draft, focus) if not n.remote and n.node not in look.shares)


def adrift(draft: Draft, focus: Focus) -> str:
    """What is not outside as the Board wants it, and is not put right by itself; empty if nothing is known to be."""
    driven = {
        str(one.driver)
        for one in (focus.controls.traffic, *focus.controls.flags.values())
        if one and one.driver
    }
    contested = [node for node in draft.world.nodes.values() if node.contested and node.node in driven]
    return draft.world.drifts.get(focus.name, "") or "; ".join(
        f"{one.node}: {one.detail}" for one in contested[:3]
    )


def asked(draft: Draft, focus: Focus) -> bool:
    """A look at what runs outside of this focus is under way."""
    return any(isinstance(one, Observe) and one.focus == focus.name for one in draft.world.outbox.values())
