"""A plane that must not start says why, with the exit status of its kind."""

import os
import socket
import subprocess
import sys
from contextlib import closing

import pytest
from tests.system.town import DOORS, HOST, PATIENCE_S, Town

from focusplane.assembly.doors import listen


def serve(town: Town, *more: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "focusplane", *town.serve_arguments(*more)]
    env = {**os.environ, "NO_COLOR": "1"}
    return subprocess.run(argv, capture_output=True, text=True, env=env, timeout=PATIENCE_S)


def test_a_second_plane_on_the_same_data_is_refused(town: Town) -> None:
    town.start_plane()
    refused = serve(town, *(word for door in DOORS for word in (f"--{door}", "0")))
    assert refused.returncode == 4
    assert "another plane owns" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert town.get("/status")["focuses"], "the first one is not disturbed"


@pytest.mark.parametrize("door", ["port", "otlp-grpc-port"])  # bound by us, and by gRPC itself
def test_a_port_in_use_is_named(town: Town, door: str) -> None:
    others = [word for other in DOORS if other != door for word in (f"--{other}", "0")]
    with closing(socket.socket()) as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = serve(town, *others, f"--{door}", str(port))
    assert refused.returncode == 2, refused.stderr
    assert f"{HOST}:{port}" in refused.stderr
    assert f"--{door}" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("ulimit -f 0", "the disk of {} fails"),  # no file may grow: a full disk without a disk of its own
        ("head -c 9000 /dev/urandom > {}/journal.db", "the journal in {} is damaged"),
        ("rmdir {} && touch {}", "the journal in {} cannot be written"),
    ],
    ids=["full", "garbage", "no directory"],
)
def test_data_that_cannot_be_used_is_named_with_what_to_do(town: Town, spoil: str, words: str) -> None:
    town.data.mkdir()
    told = spoil.replace("{}", str(town.data))
    argv = [sys.executable, "-m", "focusplane", *town.serve_arguments()]
    env = {**os.environ, "NO_COLOR": "1"}
    script = ["sh", "-c", f'{told} && exec "$@"', "sh", *argv]
    refused = subprocess.run(script, capture_output=True, text=True, env=env, timeout=PATIENCE_S)
    assert refused.returncode == 1, refused.stderr
    assert words.replace("{}", str(town.data)) in refused.stderr
    assert "hint" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_first_start_with_a_broken_policy_says_file_line_and_column(town: Town) -> None:
    path = town.policies / "shop.yaml"
    path.write_text(path.read_text().replace("  owner: crew\n  objectives", "  ownr: crew\n  objectives", 1))
    refused = serve(town)
    assert refused.returncode == 1
    assert "shop.yaml:5:3" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_plane_whose_lock_was_removed_ends_when_another_takes_its_data(town: Town) -> None:
    """The lock keeps a second plane out; where it is gone, the journal lets only the newest owner write."""
    town.start_plane()
    first = town.plane
    before = town.facts()
    (town.data / "lock").unlink()
    town.move_doors()
    town.start_plane()
    first.popen.wait(timeout=PATIENCE_S)
    assert first.popen.returncode == 4, first.last_words()
    assert "another plane has taken over" in first.last_words()
    assert "Traceback" not in first.last_words()
    assert town.facts()[: len(before)] == before
    assert [fact["kind"] for fact in town.facts("plane.started")] == ["plane.started"] * 2
    town.stop(town.plane)
    assert town.focus("journal", "verify", "--data", str(town.data)).returncode == 0


def test_every_door_asks_the_kernel_whether_a_silent_peer_still_lives() -> None:
    """What is accepted inherits it: a peer that lost its power is let go after two minutes, not never."""
    with closing(listen(HOST, 0, "--port")) as door:
        door.listen()
        with closing(socket.create_connection(door.getsockname())):
            accepted, _ = door.accept()
            with closing(accepted):
                assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
