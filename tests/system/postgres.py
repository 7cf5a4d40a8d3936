"""A real PostgreSQL cluster of the test's own. It refuses to run as root: there it runs as `postgres`."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from tests.conftest import find_program
from tests.system.town import until

from focusplane.demo.processes import free_ports

INSTALL = "apt-get install postgresql"


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of an empty database."""
    root, port = Path(tempfile.mkdtemp(prefix="focus-pg-")), free_ports(1)[0]
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(root, user)
    told = {"user": user, "group": user, "extra_groups": []} if user else {}
    programs = {name: str(find_program(name)) for name in ("initdb", "postgres")}
    argv = [programs["initdb"], "-D", str(root / "data"), "-U", "app", "-A", "trust", "--no-sync"]
    subprocess.run(argv, check=True, capture_output=True, cwd="/", **told)  # type: ignore[call-overload]
    options = ["-k", str(root), "-h", "127.0.0.1", "-p", str(port), "-c", "fsync=off"]
    with (root / "log").open("wb") as log:
        server = subprocess.Popen(  # type: ignore[call-overload]
            [programs["postgres"], "-D", str(root / "data"), *options],
            stdout=log,
            stderr=log,
            cwd="/",
            **told,
        )
    url = f"postgresql://app@127.0.0.1:{port}/postgres"
    try:
        until(lambda: _answers(url), "PostgreSQL answers")
        yield url
    finally:
        server.terminate()
        server.wait(120)
        shutil.rmtree(root, ignore_errors=True)


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=10).close()
    except psycopg.Error:
        return False
    return True
