"""xDS resources as files: an Envoy that reads them starts without the plane, from the last state written."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from focusplane.control.board import Board
from focusplane.define.focus import Focus
from focusplane.edge.envoy.answers import TYPE_URL, Kind
from focusplane.edge.envoy.bootstrap import CLUSTERS_FILE, LISTENERS_FILE, file_source
from focusplane.edge.envoy.names import Resource
from focusplane.edge.envoy.resources import Memo, compile_resources
from focusplane.edge.envoy.version import Version
from focusplane.plane.written import WrittenPlane, put


def envoy_files(directory: Path, pin: str = "") -> WrittenPlane:
    """A data plane of files: every board is written for an Envoy that must start while the plane is dead."""

    def write(board: Board, focuses: Mapping[str, Focus]) -> None:
        write_files(directory, focuses, board, pin)

    return WrittenPlane("envoy-files", "files", write)


def routes_file(listener: str) -> str:
    """One file for each listener: Envoy takes exactly one RouteConfiguration from a file."""
    return "routes-" + hashlib.sha256(listener.encode()).hexdigest()[:12]


def write_files(directory: Path, focuses: Mapping[str, Focus], board: Board, pin: str = "") -> None:
    """Write the whole state, each file by an atomic and synced rename, clusters before the routes that use them.

    Clusters of a version that was removed go at once: keep a version declared until its traffic has drained.
    Raises `ConflictError` for a board that cannot be obeyed and `OSError` when the disk does not take it; what was
    there before then stays. Blocks for the syncs.
    """
    folder = str(directory.resolve())
    memo = Memo(pin)
    resources = compile_resources(focuses, board, lambda name: file_source(folder, routes_file(name)), memo)
    directory.mkdir(parents=True, exist_ok=True)
    if not resources.clusters:
        return
    _write(directory, CLUSTERS_FILE, Kind.CLUSTERS, resources.clusters, board)
    for name, resource in resources.routes.items():
        _write(directory, routes_file(name), Kind.ROUTES, {name: resource}, board)
    _write(directory, LISTENERS_FILE, Kind.LISTENERS, resources.listeners, board)


def _write(directory: Path, name: str, kind: Kind, resources: Mapping[str, Resource], board: Board) -> None:
    typed = [{"@type": TYPE_URL[kind], **resource} for resource in resources.values()]
    content = hashlib.sha256(json.dumps(typed, sort_keys=True).encode()).hexdigest()[:16]
    version = Version(board.epoch, board.version, content)
    text = json.dumps({"version_info": str(version), "type_url": TYPE_URL[kind], "resources": typed})
    put(directory / f"{name}.json", text)
