"""Faults: a rollout is under way, and something breaks that is not the new version."""

from collections.abc import Mapping

from focusplane.demo import disk_full, kill_envoy, kill_plane, telemetry_stops
from focusplane.demo.play import Plot


def plots() -> Mapping[str, Plot]:
    """Every fault by the name that `focus demo --fault` takes."""
    return {
        "kill-plane": kill_plane.plot,
        "kill-envoy": kill_envoy.plot,
        "telemetry-stops": telemetry_stops.plot,
        "disk-full": disk_full.plot,
    }
