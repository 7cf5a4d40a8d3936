"""What the faults break things with: a disk that fills, a path that is cut, a version that turns bad, a pager that listens."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.demo.test_shop import module, start_shop

from focusplane.cli.run import FAULTS
from focusplane.define.controls import Address
from focusplane.demo.disk import Quota
from focusplane.demo.faults import plots
from focusplane.demo.processes import Processes, answers, free_ports, listens, wait_until
from focusplane.edge.sql_journal import SqlJournal

PATIENCE_S = 240
WRITER = """
import sys
from pathlib import Path
from focusplane.demo.disk import small_disk
from focusplane.edge.sql_journal import SqlJournal
from focusplane.kernel.errors import JournalError
from focusplane.kernel.tick import Tick
from focusplane.plane.ports import Turn
import os

data = Path(sys.argv[1])
disk = small_disk(data)
journal = SqlJournal(data)
journal.commit(Turn(Tick(1, 1), (), ()))
disk.fill(os.getpid())
try:
    for number in range(2, 500):
        journal.commit(Turn(Tick(number, number), (), ()))
    print("never full")
except JournalError as error:
    print(error.what)
disk.free(os.getpid())
journal.commit(Turn(Tick(number, number), (), ()))
journal.close()
disk.leave()
print(number)
"""


def test_every_fault_that_the_command_line_offers_has_a_plot() -> None:
    assert tuple(plots()) == FAULTS


def test_a_small_disk_is_full_is_freed_and_leaves_its_data_behind(tmp_path: Path) -> None:
    data = tmp_path / "data"
    ran = subprocess.run(
        [sys.executable, "-c", WRITER, str(data)], capture_output=True, text=True, check=True, timeout=400
    )
    said, last = ran.stdout.splitlines()
    assert said.startswith(f"the disk of {data} is full")
    journal = SqlJournal(data, read_only=True)
    assert [turn.tick.number for turn in journal.turns(int(last) - 1)] == [int(last)]
    journal.close()


def test_a_quota_stops_a_process_and_lets_it_go_on_without_any_rights(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; file = Path(sys.argv[1]).open('ab', buffering=0)\n"
        "for word in sys.stdin:\n"
        "    try: file.write(b'x'); print('written', flush=True)\n"
        "    except OSError as error: print(error.strerror, flush=True)\n"
    )
    wal = tmp_path / "journal.db-wal"
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(wal)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdin is not None
    assert child.stdout is not None

    def write() -> str:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write("go\n")
        child.stdin.flush()
        return child.stdout.readline().strip()

    disk = Quota(tmp_path)
    assert write() == "written"
    disk.fill(child.pid)
    assert write() == "File too large"
    disk.free(child.pid)
    assert write() == "written"
    child.communicate()


def test_a_version_turns_bad_when_it_is_told_to_and_not_before(tmp_path: Path) -> None:
    spoilt = tmp_path / "v2.spoilt"
    body = {"basket": "b", "card": {"kind": "amex"}, "amount": 100}
    with Processes(tmp_path / "logs") as processes:
        port, _ = start_shop(processes, tmp_path, "v2", "--until", str(spoilt))
        assert (
            httpx.post(f"http://127.0.0.1:{port}/checkout", json=body, timeout=PATIENCE_S).status_code == 200
        )
        spoilt.touch()
        assert (
            httpx.post(f"http://127.0.0.1:{port}/checkout", json=body, timeout=PATIENCE_S).status_code == 502
        )


def test_a_relay_carries_until_it_is_killed_and_again_when_it_is_back(tmp_path: Path) -> None:
    port, behind = free_ports(2)
    with Processes(tmp_path) as processes:
        pager = processes.start("pager", module("pager", port=behind, log=tmp_path / "pages"))
        wait_until(answers(f"http://127.0.0.1:{behind}/healthz"), pager, PATIENCE_S)
        for _ in range(2):
            relay = processes.start("relay", module("relay", port=port, to=behind))
            wait_until(listens(Address("127.0.0.1", port)), relay, PATIENCE_S)
            assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=PATIENCE_S).text == "ok"
            processes.kill(relay)
            with pytest.raises(httpx.TransportError):
                httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=PATIENCE_S)


def test_the_pager_writes_each_page_down_in_a_line(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with Processes(tmp_path) as processes:
        pager = processes.start("pager", module("pager", port=port, log=tmp_path / "pages"))
        wait_until(answers(f"http://127.0.0.1:{port}/healthz"), pager, PATIENCE_S)
        for title in ("one", "two"):
            page = json.dumps({"title": title}, indent=2)
            assert (
                httpx.post(f"http://127.0.0.1:{port}/", content=page, timeout=PATIENCE_S).status_code == 200
            )
    told = (tmp_path / "pages").read_text().splitlines()
    assert [json.loads(line)["title"] for line in told] == ["one", "two"]
