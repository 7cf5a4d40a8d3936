"""The link to the plane: boards in, telemetry out, and neither when the plane is away, damaged or old."""

import json
import os
import subprocess
import sys
import textwrap
import threading
from dataclasses import replace
from fractions import Fraction

import pytest
from tests.sdk.conftest import FLAG, THROTTLE, TIGHT, declared, eventually, free_port, snapshot_text

from focusplane.control.board import Board, apply
from focusplane.control.command import Set
from focusplane.control.state import FlagState, ThrottleState
from focusplane.kernel.errors import UsageError
from focusplane.sdk import Client
from focusplane.sdk.disk import Disk
from focusplane.sdk.fence import Accept, Refuse, fence
from focusplane.sdk.outbox import MAX_BATCHES, Outbox
from focusplane.wire.clock import SystemClock

KILLED = apply(declared(), Set(FLAG, FlagState("off"), "burn 14x", "act-1"))


def nowhere() -> str:
    return f"http://127.0.0.1:{free_port()}"


def test_a_published_board_reaches_the_application_by_its_long_poll(plane, shop):
    assert shop.flag("new-pricing", "acme") is True
    plane.publish(KILLED)
    eventually(lambda: shop.flag("new-pricing", "acme") is False and shop.health().board == KILLED.etag)
    assert plane.polls[0]["authorization"] == "Bearer secret"
    assert plane.polls[0]["x-focus-node"]
    assert plane.polls[1]["if-none-match"] == f'"{declared().etag}"'


def test_it_starts_from_the_disk_when_the_plane_is_away(plane, clients):
    first = clients(plane.url)
    plane.publish(KILLED)
    eventually(lambda: first._link.follower.disk.load().board == KILLED)
    first.close()
    plane.garbage = b"not a board"
    second = clients(plane.url)
    assert second.flag("new-pricing", "acme") is False
    assert second.health().board == KILLED.etag


def test_an_absent_plane_leaves_the_application_with_its_defaults(clients):
    alone = clients(nowhere())
    with alone.request("checkout", tenant="acme") as request:
        assert alone.flag("new-pricing", request, default=True) is True
        assert request.call("psp").allowed
    assert alone.flush(0.2) is False
    assert alone.health().connected is False


@pytest.mark.parametrize(
    "garbage",
    [b"", b"[]", b"\xff\xfe", b'{"plane": 1}', b"[" * 100_000, snapshot_text(declared())[:-9], b"null"],
)
def test_garbage_is_refused_and_the_last_board_stays(plane, shop, garbage):
    with plane.changed:
        plane.garbage = garbage
        plane.changed.notify_all()
    eventually(lambda: shop.health().refused)
    assert shop.flag("new-pricing", "acme") is True
    plane.garbage = None
    plane.publish(KILLED)
    eventually(lambda: shop.flag("new-pricing", "acme") is False)


def test_a_lower_generation_of_the_same_epoch_is_refused(plane, shop):
    plane.publish(KILLED)
    eventually(lambda: shop.health().board == KILLED.etag)
    plane.publish(declared())
    eventually(lambda: shop.health().refused)
    assert shop.flag("new-pricing", "acme") is False


def test_another_plane_needs_adoption(plane, shop):
    plane.publish(KILLED)
    eventually(lambda: shop.health().board == KILLED.etag)
    plane.publish(declared(plane="plane-b"))
    eventually(lambda: "adopt" in shop.health().refused)
    assert shop.flag("new-pricing", "acme") is False
    shop.adopt()
    eventually(lambda: shop.flag("new-pricing", "acme") is True and shop.health().board == "plane-b.1.4")


def test_a_plane_that_holds_its_board_back_is_connected_and_obeyed_once_it_answers_again(plane, shop):
    plane.publish(KILLED)
    eventually(lambda: shop.health().board == KILLED.etag)
    plane.fenced = True
    adopting = replace(KILLED, version=KILLED.version + 9, epoch=2)
    plane.publish(adopting)
    eventually(lambda: "focus adopt" in shop.health().refused)
    assert (shop.health().connected, shop.health().board) == (True, KILLED.etag)
    plane.fenced = False
    eventually(lambda: shop.health().board == adopting.etag and not shop.health().refused)


def test_a_client_that_was_closed_asks_for_no_board_any_more(plane, shop):
    eventually(lambda: len(plane.polls) >= 2)
    following = [thread for thread in threading.enumerate() if thread.name == "focusplane-follow"]
    before = len(plane.polls)
    shop.close()
    for thread in following:
        thread.join(240)
    assert len(plane.polls) == before, "the plane sees that it has gone"


def test_the_fence_orders_plane_epoch_version_and_generations():
    old = declared()
    assert isinstance(fence(Board(), old, False), Accept)
    assert isinstance(fence(old, old, False), Accept)
    assert isinstance(fence(old, declared(epoch=2), False), Accept)
    assert fence(declared(epoch=2), KILLED, False) == Refuse("epoch 1 is below 2")
    assert fence(KILLED, old, False) == Refuse("version 4 is below 5")
    mixed = Board("plane-a", 1, 9, old.entries)
    assert fence(KILLED, mixed, False) == Refuse("checkout/flag.new-pricing has generation 1, below 2")
    assert isinstance(fence(KILLED, old, True), Accept)
    other = declared(plane="plane-b")
    assert isinstance(fence(KILLED, other, False), Refuse)
    assert isinstance(fence(KILLED, replace(other, adopts=("plane-x", "plane-a")), False), Accept)
    assert isinstance(fence(KILLED, replace(other, adopts=("plane-x",)), False), Refuse)


class StoodClock:
    """A wall clock that says what the test wants."""

    def __init__(self, at: int) -> None:
        self.at = at

    def now_ms(self) -> int:
        return self.at


def test_containment_expires_while_the_plane_is_away(plane, clients, monkeypatch):
    until = SystemClock().now_ms() + 3_600_000
    plane.publish(apply(declared(), Set(THROTTLE, ThrottleState(TIGHT, 1), "too hot", "act-1", until)))
    shop = clients(plane.url)
    eventually(lambda: shop.health().board)
    plane.garbage = b"gone mad"

    def refused() -> int:
        admitted = []
        for _ in range(5):
            with shop.request("checkout", "acme") as request:
                admitted.append(request.admitted)
        return admitted.count(False)

    assert refused() == 4
    monkeypatch.setattr(shop._link.follower, "_clock", StoodClock(until))
    eventually(lambda: refused() == 0)


def test_containment_that_lapsed_while_the_application_was_down_is_not_used(plane, clients, tmp_path):
    board = apply(declared(), Set(THROTTLE, ThrottleState(TIGHT, 1), "too hot", "act-1", 1_000))
    board = apply(board, Set(FLAG, FlagState("off"), "burn", "act-2"))
    url = nowhere()
    disk = Disk(tmp_path / "cache", url, "payment", "production")
    disk.path.parent.mkdir()
    disk.path.write_bytes(snapshot_text(board))
    shop = clients(url)
    with shop.request("checkout", "acme") as one, shop.request("checkout", "acme") as two:
        assert one.admitted
        assert two.admitted
    assert shop.flag("new-pricing", "acme") is False  # judgement sticks


def test_a_damaged_disk_snapshot_is_an_empty_one(clients, tmp_path):
    url = nowhere()
    disk = Disk(tmp_path / "cache", url, "payment", "production")
    disk.path.parent.mkdir()
    disk.path.write_bytes(b'{"plane": ')
    assert clients(url).flag("new-pricing", "acme", default="d") == "d"


def test_a_retry_carries_identical_bytes_and_counts_once(plane, shop):
    plane.otlp_status = [503, 429, 502]
    with shop.request("checkout", "acme"):
        pass
    eventually(lambda: plane.count(focus__id="checkout") == 1)
    assert shop.health().telemetry.retried == 3
    counted = [row["point"] for row in plane.taken() if row["point"]["count"] != "0"]
    assert len({json.dumps(point) for point in counted}) == 1


def test_what_the_receiver_refuses_for_good_is_dropped_and_counted(plane, shop):
    plane.otlp_status = [400]
    with shop.request("checkout", "acme"):
        pass
    eventually(lambda: shop.health().telemetry.dropped_refused == 1)
    with shop.request("checkout", "acme"):
        pass
    eventually(lambda: plane.count() == 1)


def test_the_outbox_is_bounded_and_drops_the_oldest():
    outbox = Outbox(nowhere(), {}, timeout_s=1)
    for number in range(MAX_BATCHES + 7):
        outbox.put(b"%d" % number, 3)
    assert len(outbox) == MAX_BATCHES
    assert outbox.fate.dropped_full == 7
    assert outbox.fate.lost == {"the outbox is full": 21}
    assert outbox.post() is False
    assert len(outbox) == MAX_BATCHES


def test_an_address_that_is_none_is_refused_at_once(tmp_path):
    with pytest.raises(UsageError, match="no http"):
        Client("localhost:7600", "", service="s", cache_dir=tmp_path)


def test_the_address_of_telemetry_comes_from_the_environment_or_the_planes_host(plane, monkeypatch, clients):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", plane.url)
    shop = clients(plane.url, otlp=None)
    with shop.request("checkout"):
        pass
    eventually(lambda: plane.count() == 1)


def run(code: str, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "FOCUS_EXIT_S": "60", **env},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_the_end_of_the_process_flushes_what_was_counted(plane, tmp_path):
    code = f"""
        from focusplane.sdk import Client
        shop = Client("{plane.url}", service="payment", otlp="{plane.url}", cache_dir="{tmp_path}", flush_ms=60_000)
        with shop.request("checkout", "acme"): pass
    """
    run(code)
    assert plane.count(focus__id="checkout", tenant__id="acme") == 1


def test_a_forked_child_counts_for_itself(plane, tmp_path):
    code = f"""
        import os
        from focusplane.sdk import Client
        shop = Client("{plane.url}", service="payment", otlp="{plane.url}", cache_dir="{tmp_path}", flush_ms=60_000)
        with shop.request("checkout", "parent"): pass
        child = os.fork()
        with shop.request("checkout", "child" if child == 0 else "parent"): pass
        shop.close()
        if child == 0:
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    """
    run(code)
    assert (plane.count(tenant__id="parent"), plane.count(tenant__id="child")) == (2, 1)
    assert len({row["service.instance.id"] for row in plane.taken()}) == 2


def test_the_sdk_is_light():
    code = """
        import sys
        import focusplane.sdk
        heavy = {"numpy", "ruamel", "fastapi", "starlette", "msgspec", "google.protobuf", "grpc", "httpx", "sqlalchemy"}
        rooms = {f"focusplane.{room}" for room in ("define.load", "observe", "act", "learn", "plane", "edge", "web", "cli")}
        print(sorted(name for name in sys.modules if name in heavy | rooms))
    """
    assert run(code).strip() == "[]"


def test_weights_and_percentages_of_a_board_are_exact_after_the_journey(plane, shop):
    third = apply(declared(), Set(FLAG, FlagState("on", Fraction(1, 3)), "ramp", "ana"))
    plane.publish(third)
    eventually(lambda: shop.health().board == third.etag)
    assert shop._link.follower.received.board == third
