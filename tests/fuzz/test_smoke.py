"""A short look through every door; `make fuzz` takes minutes. And what the fuzzers found once, for good."""

import random
from pathlib import Path

import httpx
import pytest
from tests.fuzz import api, payloads
from tests.fuzz.mutate import as_bytes
from tests.fuzz.targets import StillClock, Target, targets

from focusplane.demo.processes import Processes
from focusplane.edge.envoy.plane import EnvoyPlane
from focusplane.edge.envoy.xds import MAX_BODY, xds_app
from focusplane.kernel.errors import DataError
from focusplane.observe.counters import Counters
from focusplane.observe.snapshot import pack
from focusplane.plane.arrival import Arrival
from focusplane.plane.snapshot import revive
from focusplane.wire import codec

TRIES = {"policy": 40, "snapshot": 80}
pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize("target", list(targets()), ids=lambda target: target.name)
def test_nothing_but_the_promised_refusals_comes_out_of(target: Target) -> None:
    for number in range(TRIES.get(target.name, 150)):
        made = target.made(random.Random(f"smoke {target.name} {number}"))
        target.taken(made)


def test_a_real_plane_answers_as_its_schema_says(tmp_path: Path) -> None:
    with Processes(tmp_path / "logs") as processes:
        url, token = api.plane(tmp_path, processes)
        assert api.attack(url, token, start=1, tries=15) == []


@pytest.mark.parametrize("body", [b"{}", b'{"node": {}}', b"[" * 100_000, b'{"node": [1]}', b"null"])
async def test_a_discovery_request_without_its_node_is_the_gateways_mistake(body: bytes) -> None:
    answer = await discover(body)
    assert answer.status_code == 400
    assert answer.text.startswith("not a DiscoveryRequest")


async def test_a_discovery_request_without_end_is_refused_before_it_is_held() -> None:
    assert (await discover(b"x" * (MAX_BODY + 1))).status_code == 413


async def discover(body: bytes) -> httpx.Response:
    transport = httpx.ASGITransport(xds_app(EnvoyPlane(StillClock()), hold_ms=0))
    async with httpx.AsyncClient(transport=transport, base_url="http://xds") as client:
        return await client.post("/v3/discovery:runtime", content=body)


@pytest.mark.parametrize("shares", ['"1/0"', '{"edge-1": "x"}', '{"edge-1": {"v1": "1/0"}}', "3"])
def test_a_journal_entry_of_another_shape_is_damaged_and_nothing_else(shares: str) -> None:
    text = f'[{{"_": "Observed", "key": "k", "focus": "f", "shares": {shares}}}]'
    with pytest.raises(DataError):
        codec.decode(text.encode(), tuple[Arrival, ...])


@pytest.mark.parametrize(
    "change", [{"frozen": b""}, {"frozen": {"tock": b"1"}}, {"seen": 1}, {"version": 9}, {"counters": b"x"}]
)
def test_a_world_snapshot_with_wrong_parts_is_damaged_and_nothing_else(change: dict[str, object]) -> None:
    with pytest.raises(DataError):
        revive(payloads.packed({**payloads.unpacked(), **change}))


@pytest.mark.parametrize("header", [{}, [], {"rings": [[1, []]], "lanes": {}}, {"rings": 3, "lanes": []}])
def test_a_counter_snapshot_with_a_wrong_header_is_damaged_and_nothing_else(header: object) -> None:
    with pytest.raises(DataError):
        Counters().restore(pack(header, []), {})  # type: ignore[arg-type]


def test_a_lone_surrogate_is_no_text() -> None:
    with pytest.raises(DataError):
        codec.decode(as_bytes(["\ud800"]).replace(b"\\ud800", b"\xed\xa0\x80"), tuple[str, ...])
