"""A real PostgreSQL of a scenario: a fresh cluster on a free port, gone with the scenario."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from focusplane.define.controls import Address
from focusplane.demo.processes import Processes, free_ports, listens, wait_until
from focusplane.demo.stage import HOST, READY_WITHIN_S
from focusplane.kernel.errors import UnreachableError

if TYPE_CHECKING:
    import psycopg

INSTALL = "apt-get install postgresql"
DEBIAN = Path("/usr/lib/postgresql")
USERS = ("postgres", "nobody")
QUICK = ("-c", "fsync=off", "-c", "max_connections=150")


@contextmanager
def postgres(processes: Processes) -> Iterator[str]:
    """The URL of an empty database. Raises `UnreachableError` where there is no PostgreSQL."""
    initdb, server = (program(name) for name in ("initdb", "postgres"))
    root = Path(tempfile.mkdtemp(prefix="focusplane-pg-"))
    [port] = free_ports(1)
    try:
        other = as_another(os.geteuid(), _accounts())
        if other:
            os.chown(root, *_ids(other))
        data = str(root / "data")
        made = subprocess.run(
            [*other, initdb, "-D", data, "-U", "shop", "-A", "trust", "-E", "UTF8", "--no-sync"],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise UnreachableError(f"PostgreSQL cannot be set up: {made.stderr.strip()[-500:]}", INSTALL)
        where = ["-D", data, "-k", str(root), "-h", HOST, "-p", str(port)]
        child = processes.start("postgres", [*other, server, *where, *QUICK])
        wait_until(listens(Address(HOST, port)), child, READY_WITHIN_S)
        url = f"postgresql://shop@{HOST}:{port}/postgres"
        wait_until(lambda: _answers(url), child, READY_WITHIN_S)
        yield url
        processes.stop([child])
    finally:
        shutil.rmtree(root, ignore_errors=True)


def program(name: str, debian: Path = DEBIAN, find: Callable[[str], str | None] = shutil.which) -> str:
    """Its path: Debian keeps the programs of the server, newest version last, where no PATH leads."""
    found = find(name)
    places = sorted(debian.glob(f"*/bin/{name}"), key=lambda place: float(place.parts[-3]))
    if found is None and not places:
        raise UnreachableError("there is no PostgreSQL", INSTALL)
    return found or str(places[-1])


def as_another(user: int, accounts: Mapping[str, tuple[int, int]]) -> Sequence[str]:
    """PostgreSQL refuses to run as root: the words that make it run as somebody else, none where they are not needed."""
    if user:
        return ()
    for name in USERS:
        if name in accounts:
            uid, gid = accounts[name]
            return ("env", "--chdir=/", "setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups")
    raise UnreachableError("PostgreSQL does not run as root, and there is no other user", INSTALL)


def connect(url: str) -> "psycopg.Connection[tuple[Any, ...]]":
    """A connection of which each statement stands at once."""
    try:
        import psycopg  # optional
    except ModuleNotFoundError as missing:
        raise UnreachableError(
            f"{missing.name} is not installed", "pip install 'focusplane[postgres]'"
        ) from missing
    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=2)
    except psycopg.Error as error:
        raise UnreachableError(f"PostgreSQL does not answer: {error}") from error


def _answers(url: str) -> bool:
    try:
        connect(url).close()
    except UnreachableError as error:
        if error.hint:
            raise
        return False
    return True


def _accounts() -> Mapping[str, tuple[int, int]]:
    return {one.pw_name: (one.pw_uid, one.pw_gid) for one in pwd.getpwall()}


def _ids(words: Sequence[str]) -> tuple[int, int]:
    uid, gid = (int(word.partition("=")[2]) for word in words[3:5])
    return uid, gid
