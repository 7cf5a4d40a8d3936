"""Snapshot: the Board and what of each focus a data plane needs to act on it alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from focusplane.control.board import Board
from focusplane.control.flags.declared import flags_of
from focusplane.define.controls import Breaker, Fallback, Flag, Quota, Throttle
from focusplane.define.focus import Boundary, Focus
from focusplane.instrument.asked import asked_by
from focusplane.instrument.bounds import bounds_for
from focusplane.instrument.conventions import CLIENT, TENANT_ID


@dataclass(frozen=True, slots=True)
class FocusPart:
    """What an application needs to know of one focus. `latency_bounds` are upper bucket bounds in milliseconds."""

    name: str
    environment: str
    boundary: tuple[Boundary, ...] = ()
    latency_bounds: tuple[float, ...] = ()
    flags: Mapping[str, Flag] = field(default_factory=dict)
    throttle: Throttle | None = None
    quota: Quota | None = None
    breakers: Mapping[str, Breaker] = field(default_factory=dict)
    fallback: Fallback | None = None
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What its objectives ask of a request (`Request.mark`): attribute -> the values that some match names."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    board: Board = field(default_factory=Board)
    focuses: Mapping[str, FocusPart] = field(default_factory=dict)


def part_of(focus: Focus) -> FocusPart:
    """The part of a focus that leaves the plane: nothing about people, runbooks or objectives."""
    controls = focus.controls
    return FocusPart(
        name=focus.name,
        environment=focus.environment,
        boundary=focus.boundary,
        latency_bounds=bounds_for(focus),
        flags=flags_of(focus),
        throttle=controls.throttle,
        quota=controls.quota,
        breakers=controls.breakers,
        fallback=controls.fallback,
        attributes={
            key: tuple(sorted(values)) for key, values in {**asked_by(focus), **_named(focus)}.items()
        },
    )


def _named(focus: Focus) -> Mapping[str, set[str]]:
    """Tenants and clients that some match names."""
    matches = [match for objective in focus.objectives for match in objective.sli.matches]
    found = {
        TENANT_ID: {name for match in matches for name in match.tenants},
        CLIENT: {name for match in matches for name in match.clients},
    }
    return {key: values for key, values in found.items() if values}
