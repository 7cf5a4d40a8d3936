"""`focus migrate` on a real plane and a real PostgreSQL: what harms nobody stands, what harms is stopped and taken back."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest
from tests.system.customers import PLAIN, Sender
from tests.system.postgres import INSTALL, postgres
from tests.system.town import PATIENCE_S, Town, counted, until

pytestmark = [
    pytest.mark.requires_server("initdb", INSTALL),
    pytest.mark.requires_server("psql", "apt-get install postgresql-client"),
]
ADD, WAIT = "ALTER TABLE orders ADD COLUMN note text", "SELECT pg_sleep(60)"
PATIENT = ("--watch", "1s", "--patience", "60s")
"""For how long nothing can be seen is a matter of the machine, too."""
QUICK = (*PATIENT, "--lock-limit", "10s")
"""What harms nobody makes others wait for a moment."""


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture
def shop(town: Town, database: str) -> Iterator[Town]:
    """A plane that sees `orders`, whose table is in the database."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "DROP TABLE IF EXISTS orders; CREATE TABLE orders (id int); INSERT INTO orders VALUES (1)"
        )
    town.start_plane()
    with Sender(town.otlp) as sender:
        until(lambda: counted(town, sender)[1] > 100, "orders are counted")
        yield town


def columns(database: str) -> list[str]:
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'orders'"
        )
        return sorted(str(row[0]) for row in rows)


def migrate(
    town: Town, database: str, *statements: str, options: tuple[str, ...] = QUICK
) -> subprocess.CompletedProcess[str]:
    """Each statement in a transaction of its own."""
    undo = f"psql -qX {database} -c 'ALTER TABLE orders DROP COLUMN IF EXISTS note'"
    each = [word for statement in statements for word in ("-c", statement)]
    tool = ["psql", "-qX", "-v", "ON_ERROR_STOP=1", database, *each]
    return town.focus(
        "migrate", "start", "orders", "--database", database, "--undo", undo, *options, "--", *tool
    )


@contextmanager
def meanwhile(database: str, act: Callable[[], object]) -> Iterator[None]:
    """Do that as soon as the first statement of the migration has been carried out."""

    def later() -> None:
        until(lambda: columns(database) == ["id", "note"], "it is under way")
        act()

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(later)
        yield
        done.result()


@contextmanager
def readers(database: str) -> Iterator[list[float]]:
    """Customers who read the table all the time; how long each read took, in seconds."""
    took: list[float] = []
    stop = threading.Event()

    def read() -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            while not stop.wait(0.05):
                began = time.monotonic()
                connection.execute("SELECT count(*) FROM orders")
                took.append(time.monotonic() - began)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield took
    finally:
        stop.set()
        thread.join()


def told(town: Town) -> list[str]:
    return [one["what"] for one in town.get("/changes?focus=orders&kind=migration")["items"]]


def test_what_harms_nobody_stands_and_is_on_the_ledger(shop: Town, database: str) -> None:
    with readers(database):
        ended = migrate(shop, database, ADD)
    assert ended.returncode == 0, ended.stderr
    assert "start: it stands, watched for 1s; the longest wait for a lock was" in ended.stdout
    assert columns(database) == ["id", "note"]
    assert told(shop) == [
        f"migration start: psql -qX -v ON_ERROR_STOP=1 {database} -c 'ALTER TABLE orders ADD COLUMN note text'"
    ]


def test_a_lock_that_makes_others_wait_stops_it_and_it_is_taken_back(shop: Town, database: str) -> None:
    slow = "BEGIN; LOCK TABLE orders; SELECT pg_sleep(60); COMMIT"
    with readers(database) as took:
        ended = migrate(shop, database, ADD, slow, options=(*PATIENT, "--lock-limit", "500ms"))
        until(lambda: took[-1] < 0.2, "nobody waits any more")
    assert ended.returncode == 4, ended.stderr
    assert "stopped and taken back: 1 session waits for a lock, for " in ended.stderr
    assert max(took) < 50
    assert columns(database) == ["id"]
    assert told(shop)[0].startswith("migration taken back (1 session")


def test_failures_of_the_focus_stop_it(shop: Town, database: str) -> None:
    bad = Sender(shop.otlp, instance="till-2")
    with meanwhile(database, lambda: [bad.deliver(bad.batch(good=0, bad=400)) for _ in range(3)]):
        ended = migrate(shop, database, ADD, WAIT)
    assert ended.returncode == 4, ended.stderr
    assert "failed in the last 10s" in ended.stderr or "availability:" in ended.stderr
    assert columns(database) == ["id"]


def test_a_plane_that_is_gone_sees_nothing_and_so_it_is_stopped_and_taken_back(
    shop: Town, database: str
) -> None:
    with meanwhile(database, lambda: shop.kill(shop.plane)):
        ended = migrate(shop, database, ADD, WAIT, options=("--patience", "1s"))
    assert ended.returncode == 4, ended.stderr
    assert "the plane does not answer" in ended.stderr
    assert columns(database) == ["id"]
    shop.start_plane()


def test_a_tool_that_fails_is_taken_back_and_a_frozen_focus_is_not_touched(shop: Town, database: str) -> None:
    ended = migrate(shop, database, ADD, "SELECT 1/0")
    assert (ended.returncode, columns(database)) == (1, ["id"])
    assert "psql ended with 1" in ended.stderr
    assert shop.ask("POST", "/freeze", {"focus": "orders", "reason": "holiday"}).status_code == 200
    ended = migrate(shop, database, ADD)
    assert (ended.returncode, columns(database)) == (4, ["id"])
    assert "orders may not be changed now: frozen: holiday" in ended.stderr


def test_the_way_back_and_the_last_step_are_commands_of_their_own(shop: Town, database: str) -> None:
    done = shop.focus(
        "migrate", "complete", "orders", *PATIENT, "--", sys.executable, "-c", "print('contracted')"
    )
    assert (done.returncode, done.stdout) == (0, "complete: it stands, watched for 1s\n"), done.stderr
    assert "contracted" in done.stderr
    back = shop.focus("migrate", "rollback", "orders", "--", sys.executable, "-c", "pass")
    assert (back.returncode, back.stdout) == (0, "rolled back\n")
    assert [one.partition(":")[0] for one in told(shop)] == ["migration rolled back", "migration complete"]


def test_a_pipeline_that_ends_its_job_leaves_no_migration_behind(shop: Town, database: str) -> None:
    ended: list[subprocess.CompletedProcess[str]] = []
    job = threading.Thread(target=lambda: ended.append(migrate(shop, database, ADD, WAIT)))
    job.start()
    until(lambda: columns(database) == ["id", "note"], "it is under way")
    [pid] = [int(one.name) for one in Path("/proc").glob("[0-9]*") if _is_job(one)]
    os.kill(pid, signal.SIGTERM)
    job.join()
    assert ended[0].returncode == 4
    assert "stopped and taken back: it was told to end" in ended[0].stderr
    assert columns(database) == ["id"]


def _is_job(process: Path) -> bool:
    """The `focus migrate` of this test."""
    try:
        argv = (process / "cmdline").read_bytes().split(b"\0")
        parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError):
        return False
    return b"migrate" in argv and parent == os.getpid()


def test_a_tool_that_is_not_there_is_not_told_of(shop: Town) -> None:
    ended = shop.focus("migrate", "start", "orders", "--", "no-such-tool")
    assert (ended.returncode, told(shop)) == (2, [])
    ended = shop.focus("migrate", "start", "orders", "--database", "env:NOT_SET", "--", "true")
    assert (ended.returncode, told(shop)) == (2, [])
    assert "NOT_SET is not set" in ended.stderr


def test_a_password_of_the_tool_is_not_told(shop: Town) -> None:
    url = "postgresql://app:s3cret@127.0.0.1/x"
    argv = [sys.executable, "-c", "pass", url, "password=s3cret", "--password", "s3cret", "--token=s3cret"]
    assert shop.focus("migrate", "start", "orders", *PATIENT, "--", *argv).returncode == 0
    assert "s3cret" not in told(shop)[0]
    assert "postgresql://app:***@127.0.0.1/x" in told(shop)[0]


def test_the_brake_is_asked_as_gh_ost_asks(shop: Town) -> None:
    token = shop.focus("token", "add", "gh-ost", "--role", "judge", "--data", str(shop.data)).stdout.strip()
    url = shop.api.replace("http://", f"http://gh-ost:{token}@") + "/api/v1/throttle/orders"
    go = httpx.head(url, timeout=PATIENCE_S, verify=PLAIN)
    assert (go.status_code, go.content) == (200, b"")
    assert httpx.get(url, timeout=PATIENCE_S, verify=PLAIN).json()["reason"] == "nothing stands in the way"
    assert (
        httpx.head(shop.api + "/api/v1/throttle/orders", timeout=PATIENCE_S, verify=PLAIN).status_code == 401
    )
    assert httpx.head(url.replace("orders", "nobody"), timeout=PATIENCE_S, verify=PLAIN).status_code == 404
    assert shop.ask("POST", "/freeze", {"focus": "orders", "reason": "holiday"}).status_code == 200
    wait = httpx.get(url, timeout=PATIENCE_S, verify=PLAIN)
    assert (wait.status_code, wait.headers["retry-after"]) == (429, "1")
    assert wait.json() == {"focus": "orders", "run": False, "harm": False, "reason": "frozen: holiday"}
