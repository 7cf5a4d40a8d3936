"""Whatever stands at the plane's address: no request waits for it, no exception reaches one, and what is lost is said."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.sdk.conftest import THROTTLE, TIGHT, Clients, Plane, declared, eventually, snapshot_text

from focusplane.control.board import apply
from focusplane.control.command import Set
from focusplane.control.state import ThrottleState
from focusplane.kernel.errors import UnreachableError, UsageError
from focusplane.sdk import Client, link, outbox
from focusplane.sdk.http import Line
from focusplane.wire.clock import SystemClock

LONG = 240.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: "


class Stranger:
    """Servers that say the same to everybody; byte by byte for ever if they drip."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.listening: list[socket.socket] = []
        self.threads: list[threading.Thread] = []

    def start(self, said: bytes, drips: bool = False) -> str:
        listening = socket.create_server(("127.0.0.1", 0))
        self.listening.append(listening)
        self.spawn(self.serve, listening, said, drips)
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    def spawn(self, work: Callable[..., None], *words: object) -> None:
        self.threads.append(threading.Thread(target=work, args=words))
        self.threads[-1].start()

    def serve(self, listening: socket.socket, said: bytes, drips: bool) -> None:
        with contextlib.suppress(OSError):
            while not self.over.is_set():
                connection, _ = listening.accept()
                self.spawn(self.answer, connection, said, drips)

    def answer(self, connection: socket.socket, said: bytes, drips: bool) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65_536)
            connection.sendall(said)
            while drips and not self.over.wait(0.01):
                connection.sendall(b"0")

    def stop(self) -> None:
        self.over.set()
        for listening in self.listening:
            listening.shutdown(socket.SHUT_RDWR)
            listening.close()
        for thread in self.threads:
            thread.join(LONG)


@pytest.fixture
def stranger() -> Iterator[Callable[..., str]]:
    servers = Stranger()
    yield servers.start
    servers.stop()


def works(shop: Client) -> None:
    with shop.request("checkout", "acme") as request:
        assert request.admitted
        assert shop.flag("new-pricing", request, default="d") == "d"


STRANGERS = {
    "html": OK + b"21\r\n\r\n<html>welcome</html>\n",
    "an error": b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
    "a redirect": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    "no http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "nothing": b"",
    "too long a header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
    "a length that is none": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
    "chunks that are none": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a huge number": OK + b"18\r\n\r\n" + b'{"plane":1' + b"0" * 7 + b"}",
    "less than it promised": OK + b"1000\r\n\r\n{}",
}


@pytest.mark.parametrize("what", STRANGERS)
def test_requests_go_on_whatever_answers_in_the_planes_place(clients, stranger, what):
    shop = clients(stranger(STRANGERS[what]))
    for _ in range(3):
        works(shop)
        shop.flush(LONG)
    health = shop.health()
    assert health.board == ""
    eventually(lambda: shop.health().trouble or shop.health().refused, LONG)
    assert not shop.health().trouble.startswith("a fault")


@pytest.mark.parametrize("head", [b"", OK + b"99999\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Slow: "])
def test_an_answer_that_never_ends_is_given_up_after_its_time(stranger, head):
    line = Line(stranger(head, True), timeout_s=0.3)
    with pytest.raises(UnreachableError):
        line.ask("GET", "/", {})
    line.close()


def test_an_answer_without_end_is_cut_at_its_size(stranger):
    line = Line(stranger(OK + b"5000\r\n\r\n" + b"x" * 5_000), timeout_s=LONG, max_answer=1_000)
    with pytest.raises(UnreachableError, match="more than 1000 bytes"):
        line.ask("GET", "/", {})
    line.close()


class StoodClock(SystemClock):
    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at

    def now_ms(self) -> int:
        return self.at


def test_containment_lapses_and_counting_goes_on_while_the_receiver_hangs(
    plane, clients, stranger, monkeypatch
):
    """Neither is a matter of the thread that waits for an answer."""
    monkeypatch.setattr(link, "POST_S", LONG)
    until = SystemClock().now_ms() + 3_600_000
    plane.publish(apply(declared(), Set(THROTTLE, ThrottleState(TIGHT, 1), "hot", "act-1", until)))
    shop = clients(plane.url, otlp=stranger(b"", True))
    eventually(lambda: shop.health().board, LONG)

    def admitted() -> bool:
        with shop.request("checkout", "acme") as first, shop.request("search", "acme"):
            return first.admitted

    eventually(lambda: not admitted(), LONG)
    eventually(lambda: not admitted() and len(shop._link.outbox) > 2, LONG)
    monkeypatch.setattr(shop._link.follower, "_clock", StoodClock(until))
    eventually(admitted, LONG)


def test_no_request_touches_a_socket(plane, clients, monkeypatch):
    """Not fast, but by construction: the thread of a request opens, sends and waits for nothing."""
    plane.hanging.clear()
    shop = clients(plane.url)
    mine, touched = threading.get_ident(), []
    for name in ("connect", "sendall", "recv_into", "settimeout"):
        real = getattr(socket.socket, name)

        def watched(self, *words, _real=real, _name=name):
            if threading.get_ident() == mine:
                touched.append(_name)
            return _real(self, *words)

        monkeypatch.setattr(socket.socket, name, watched)
    for _ in range(200):
        works(shop)
        with pytest.raises(KeyError), shop.request("checkout", "acme"):
            raise KeyError
    assert touched == []
    plane.hanging.set()
    eventually(lambda: plane.count() == 400, LONG)


def test_a_plane_that_comes_back_gets_what_was_kept_and_the_rest_is_counted_as_lost(
    plane, clients, monkeypatch
):
    """An hour away, in small: the box holds five batches."""
    monkeypatch.setattr(outbox, "MAX_BATCHES", 5)
    plane.otlp_status = [503] * 10_000
    shop = clients(plane.url, flush_ms=3_600_000)
    for _ in range(12):
        for _ in range(3):
            works_without_flag(shop)
        shop.flush(LONG)
    health = shop.health().telemetry
    assert health.lost == {"the outbox is full": 21}
    assert health.dropped_full == 7
    plane.otlp_status = []
    assert shop.flush(LONG)
    assert plane.count(focus__id="checkout") == 15


def works_without_flag(shop: Client) -> None:
    with shop.request("checkout", "acme"):
        pass


def test_what_is_refused_for_good_is_counted_by_cause(plane, clients):
    plane.otlp_status = [400, 413]
    shop = clients(plane.url, flush_ms=3_600_000)
    for _ in range(2):
        works_without_flag(shop)
        works_without_flag(shop)
        shop.flush(LONG)
    assert shop.health().telemetry.lost == {"refused with 400": 2, "refused with 413": 2}


def test_a_receiver_that_asks_for_a_pause_gets_it_but_not_for_ever(plane, clients):
    plane.otlp_status, plane.retry_after = [429], "86400"
    shop = clients(plane.url, flush_ms=3_600_000)
    works_without_flag(shop)
    assert not shop.flush(LONG)
    assert shop._link.outbox.pause_s == outbox.LONGEST_ASKED_S
    # The end of a process asks once more: then or never.
    assert shop.flush(LONG)
    assert plane.count() == 1


def test_a_clock_that_is_set_makes_no_interval_longer(plane, clients, monkeypatch):
    shop = clients(plane.url, flush_ms=3_600_000)
    works_without_flag(shop)
    assert shop.flush(LONG)
    hour_ns = 3_600_000_000_000

    class Jumped(SystemClock):
        def now_ns(self) -> int:
            return super().now_ns() - hour_ns

    monkeypatch.setattr(link, "SystemClock", Jumped)
    works_without_flag(shop)
    assert shop.flush(LONG)
    monkeypatch.undo()
    works_without_flag(shop)
    assert shop.flush(LONG)
    times = [
        (int(row["point"]["startTimeUnixNano"]), int(row["point"]["timeUnixNano"])) for row in plane.taken()
    ]
    assert len(times) == 3
    for start, end in times:
        assert 0 < end - start < hour_ns / 2
    assert times[1][1] < times[0][0]


def test_a_disk_that_takes_nothing_is_said_and_stops_nothing(plane, clients, tmp_path: Path):
    blocked = tmp_path / "a file"
    blocked.write_text("in the way of the folder")
    shop = clients(plane.url, cache_dir=blocked / "cache")
    eventually(lambda: shop.health().board == plane.board.etag, LONG)
    eventually(lambda: "cannot write" in shop.health().disk, LONG)
    assert shop.flag("new-pricing", "acme") is True


def test_a_fault_of_ours_is_said_and_survived(plane: Plane, clients: Clients, monkeypatch, caplog):
    shop = clients(plane.url)
    eventually(lambda: shop.health().board, LONG)
    monkeypatch.setattr(link, "FAULT_PAUSE_S", 0.01)
    real = shop._link.follower.take

    def faulty(text: bytes) -> bool:
        monkeypatch.setattr(shop._link.follower, "take", real)
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(shop._link.follower, "take", faulty)
    later = apply(declared(), Set(THROTTLE, ThrottleState(TIGHT, 1), "hot", "act-1", 2**50))
    plane.publish(later)
    eventually(lambda: shop.health().board == later.etag, LONG)
    assert "a fault in the SDK" in caplog.text


def test_a_name_that_no_header_can_carry_stops_nothing(plane, clients):
    shop = clients(plane.url, instance="東京-1")
    eventually(lambda: shop.health().board, LONG)
    assert plane.polls[0]["x-focus-node"] == "%E6%9D%B1%E4%BA%AC-1"


def test_a_token_is_read_as_files_hold_it_and_refused_if_no_header_can_carry_it(plane, tmp_path):
    shop = Client(plane.url, "secret\n", service="payment", otlp=plane.url, cache_dir=tmp_path)
    eventually(lambda: plane.polls, LONG)
    shop.close()
    assert plane.polls[0]["authorization"] == "Bearer secret"
    with pytest.raises(UsageError, match="token"):
        Client(plane.url, "sec\nret", service="payment", cache_dir=tmp_path)


def test_a_board_that_is_half_written_by_a_crash_is_an_empty_one(clients, tmp_path):
    text = snapshot_text(declared())
    for cut in (0, 1, len(text) // 2, len(text) - 1):
        shop = clients("http://127.0.0.1:9", cache_dir=tmp_path / str(cut))
        path = shop._link.follower.disk.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text[:cut])
        again = clients("http://127.0.0.1:9", cache_dir=tmp_path / str(cut))
        works(again)
        assert "cannot read" in again.health().disk
