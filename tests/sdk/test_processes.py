"""Real servers and workers with several processes: every request is counted exactly once, to the last one."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.sdk.conftest import Plane, eventually, free_port

BIN = Path(sys.executable).parent
LONG = 240.0
HOUR_MS = 3_600_000
"""Telemetry leaves only at the end: what arrives was flushed there."""

CLIENT = """
import os
from focusplane.sdk import Client
shop = Client(
    os.environ["PLANE"], service="payment", version="v2", otlp=os.environ["PLANE"],
    cache_dir=os.environ["CACHE"], flush_ms=int(os.environ["FLUSH_MS"]),
)
"""
ASGI = (
    CLIENT
    + """
from fastapi import FastAPI
app = FastAPI()
app.add_middleware(shop.asgi)

@app.post("/checkout")
async def checkout():
    return os.getpid()
"""
)
WSGI = (
    CLIENT
    + """
from flask import Flask
app = Flask("payment")
app.wsgi_app = shop.wsgi(app.wsgi_app)

@app.post("/checkout")
def checkout():
    return str(os.getpid())
"""
)


class Started:
    """A program of this test with its own folder; ended by its own process group alone."""

    def __init__(self, folder: Path, plane: Plane, module: str, flush_ms: int = HOUR_MS) -> None:
        self.folder = folder
        (folder / "payment.py").write_text(textwrap.dedent(module))
        self.env = {
            **os.environ,
            "PLANE": plane.url,
            "CACHE": str(folder / "cache"),
            "FLUSH_MS": str(flush_ms),
            "FOCUS_EXIT_S": str(LONG),
            "PYTHONPATH": str(folder),
        }
        self.running: list[subprocess.Popen[bytes]] = []

    def run(self, *command: object) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            words = [str(word) for word in command]
            self.running.append(
                subprocess.Popen(
                    words, cwd=self.folder, env=self.env, stdout=log, stderr=log, start_new_session=True
                )
            )
        return self.running[-1]

    def log(self) -> str:
        return (self.folder / "log").read_text()


Starts = Callable[..., Started]


@pytest.fixture
def start(tmp_path: Path, plane: Plane) -> Iterator[Starts]:
    made: list[Started] = []

    def make(module: str, flush_ms: int = HOUR_MS) -> Started:
        made.append(Started(tmp_path, plane, module, flush_ms))
        return made[-1]

    yield make
    for process in [process for one in made for process in one.running]:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # and what it has forked
        process.wait(LONG)


def checkout(port: int) -> str:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=LONG)
    try:
        line.request("POST", "/checkout", headers={"x-tenant": "acme"})
        answer = line.getresponse()
        said = answer.read().decode()
        assert answer.status == 200, said
        return said
    finally:
        line.close()


def answers(port: int) -> bool:
    try:
        return bool(checkout(port))
    except OSError:
        return False


def traffic(port: int, processes: int) -> int:
    """Requests until each process has answered some; how many there were."""
    asked = 1
    eventually(lambda: answers(port), LONG)
    seen: set[str] = set()
    while len(seen) < processes or asked < 40:
        seen.add(checkout(port))
        asked += 1
        assert asked < 20_000, f"only {seen} answered"
    return asked


def instances(plane: Plane) -> set[str]:
    return {row["service.instance.id"] for row in plane.taken()}


def test_two_workers_of_uvicorn_lose_no_request_when_they_are_told_to_end(plane, start):
    started, port = start(ASGI), free_port()
    server = started.run(
        BIN / "uvicorn",
        "payment:app",
        "--workers",
        2,
        "--timeout-worker-healthcheck",
        int(LONG),
        "--port",
        port,
        "--log-level",
        "warning",
    )
    asked = traffic(port, 2)
    server.send_signal(signal.SIGTERM)
    server.wait(LONG)
    eventually(lambda: plane.count(focus__id="checkout", tenant__id="acme") == asked, LONG)
    assert plane.count() == asked
    assert len(instances(plane)) == 2


def test_one_uvicorn_that_dies_of_its_signal_is_flushed_before(plane, start):
    started, port = start(ASGI), free_port()
    server = started.run(BIN / "uvicorn", "payment:app", "--port", port, "--log-level", "warning")
    asked = traffic(port, 1)
    server.send_signal(signal.SIGTERM)
    assert server.wait(LONG) == -signal.SIGTERM
    assert plane.count() == asked


@pytest.mark.parametrize("preload", [(), ("--preload",)], ids=["each-imports", "preloaded"])
def test_three_workers_of_gunicorn_count_for_themselves_to_their_end(plane, start, preload):
    started, port = start(WSGI), free_port()
    server = started.run(
        BIN / "gunicorn",
        "payment:app",
        "--workers",
        3,
        "--bind",
        f"127.0.0.1:{port}",
        "--no-control-socket",
        "--timeout",
        240,
        "--graceful-timeout",
        240,
        *preload,
    )
    asked = traffic(port, 3)
    server.send_signal(signal.SIGTERM)
    assert server.wait(LONG) == 0, started.log()
    eventually(lambda: plane.count(focus__id="checkout", tenant__id="acme") == asked, LONG)
    assert plane.count() == asked
    assert len(instances(plane)) == 3


ENDINGS = {
    "the last line": "",
    "sys.exit": "import sys; sys.exit(3)",
    "an uncaught exception": "raise SystemError('no')",
    "SIGTERM that nobody handles": "import signal, time; print('ready', flush=True); time.sleep(600)",
    "SIGTERM in the midst of a flush": """
import signal, time
print('ready', flush=True)
while True: shop.flush(0.01)
""",
    "a child of multiprocessing": """
import multiprocessing
def work():
    with shop.request("checkout", "acme"): pass
child = multiprocessing.get_context("fork").Process(target=work)
child.start()
child.join()
""",
    "a pool of multiprocessing": """
import multiprocessing
def work(number):
    with shop.request("checkout", "acme"): pass
    return number
with multiprocessing.get_context("fork").Pool(2) as pool:
    pool.map(work, range(3), chunksize=1)
    pool.close()
    pool.join()
""",
}
COUNTED = {"a child of multiprocessing": 2, "a pool of multiprocessing": 4}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_process_that_ends_has_told_what_it_counted(plane, start, ending):
    begin = '\nwith shop.request("checkout", "acme"): pass\n'
    started = start(CLIENT + begin + ENDINGS[ending])
    process = started.run(sys.executable, "payment.py")
    if ending.startswith("SIGTERM"):
        eventually(lambda: "ready" in started.log(), LONG)
        process.send_signal(signal.SIGTERM)
        assert process.wait(LONG) == -signal.SIGTERM
    else:
        process.wait(LONG)
    eventually(lambda: plane.count(focus__id="checkout") >= COUNTED.get(ending, 1), LONG)
    assert plane.count() == COUNTED.get(ending, 1)


def test_a_child_that_is_gone_or_another_program_at_once_is_no_instance(plane, start):
    """uvloop forks for each subprocess, and what Python is to do after a fork is done there, too."""
    forks = """
import os, time
from focusplane.sdk import link
link.NEWBORN_S = 60  # a child that is gone at once is gone before that, also where the machine is busy
with shop.request("checkout", "acme"): pass
for _ in range(5):
    if os.fork() == 0:
        time.sleep(0.05)
        os._exit(0)
    os.wait()
"""
    started = start(CLIENT + forks)
    assert started.run(sys.executable, "payment.py").wait(LONG) == 0, started.log()
    eventually(lambda: plane.count() == 1, LONG)
    assert len({poll["x-focus-node"] for poll in plane.polls}) == 1
    assert len(instances(plane)) == 1


def test_sigkill_loses_what_was_counted_since_the_last_flush_and_nothing_before(plane, start):
    loop = """
import sys
for line in sys.stdin:
    with shop.request("checkout", "acme"): pass
    print(line.strip(), flush=True)
"""
    started = start(CLIENT + loop, flush_ms=20)
    process = subprocess.Popen(
        [sys.executable, "payment.py"],
        cwd=started.folder,
        env=started.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    started.running.append(process)
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in range(50):
            process.stdin.write(b"%d\n" % number)
            process.stdin.flush()
            assert process.stdout.readline() == b"%d\n" % number
        eventually(lambda: plane.count() == 50, LONG)
        process.kill()
    assert plane.count() == 50


def test_an_exit_does_not_wait_for_a_receiver_that_never_answers(plane, start):
    plane.hanging.clear()
    started = start(CLIENT + '\nwith shop.request("checkout", "acme"): pass\n')
    started.env["FOCUS_EXIT_S"] = "0.5"
    assert started.run(sys.executable, "payment.py").wait(LONG) == 0
    plane.hanging.set()


CELERY = (
    CLIENT
    + """
import signal
from celery import Celery
app = Celery("payment")
app.conf.update(
    broker_url="filesystem://", result_backend=None, task_ignore_result=True, worker_hijack_root_logger=False,
    broker_transport_options={"data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control"},
    broker_connection_retry_on_startup=True,
)
shop.celery()

@app.task(bind=True, focus="checkout", max_retries=1, default_retry_delay=0)
def pay(self, how):
    assert shop.current().focus.name == "checkout"
    if how == "bad":
        raise KeyError("basket")
    if how == "again" and not self.request.retries:
        raise self.retry()
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)

@app.task
def plain(how):
    pass

if __name__ == "__main__":
    import sys
    with shop.request("checkout", "acme"):
        for how in sys.argv[1:]:
            (plain if how == "plain" else pay).delay(how)
    os._exit(0)
"""
)


@pytest.mark.parametrize("pool", ["prefork", "solo"])
def test_a_celery_worker_counts_each_task_once_by_its_last_outcome(plane, start, pool):
    started = start(CELERY, flush_ms=50)
    (started.folder / "queue").mkdir()
    (started.folder / "control").mkdir()
    told = ["well"] * 20 + ["bad", "bad", "again", "plain"]
    assert started.run(sys.executable, "payment.py", *told).wait(LONG) == 0, started.log()
    words = [
        "-A",
        "payment",
        "worker",
        "--pool",
        pool,
        "--concurrency",
        2,
        "--without-gossip",
        "--without-mingle",
    ]
    worker = started.run(
        sys.executable, "-m", "celery", *words, "--without-heartbeat", "--loglevel", "warning"
    )
    eventually(lambda: plane.count() >= 24, LONG)
    if pool == "prefork":
        # Only now, because a process that is killed takes along what it has not told yet.
        assert started.run(sys.executable, "payment.py", "killed").wait(LONG) == 0, started.log()
        eventually(lambda: plane.count(error__type="WorkerLostError") == 1, LONG)
    worker.send_signal(signal.SIGTERM)
    worker.wait(LONG)
    assert (
        plane.count(focus__id="checkout", http__response__status_code="200", http__route="/payment.pay") == 21
    )
    assert plane.count(error__type="KeyError", http__response__status_code="500", tenant__id="acme") == 2
    assert plane.count(focus__id="checkout", http__route="/payment.plain", tenant__id="acme") == 1
    assert plane.count() == (25 if pool == "prefork" else 24)
