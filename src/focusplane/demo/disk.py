"""A small disk for a plane's data that can be filled and freed: a real one where the kernel allows it, else a quota."""

import ctypes
import os
import resource
import shutil
import subprocess
from pathlib import Path
from typing import Protocol

from focusplane.kernel.errors import UnreachableError

SIZE_MB = 64
CLONE_NEWNS, CLONE_NEWUSER = 0x0002_0000, 0x1000_0000
BLOCKS = (1 << 20, 4096, 1)


class Disk(Protocol):
    """What the data of a plane lie on; `how` it is made small, in words."""

    how: str

    def fill(self, pid: int) -> None:
        """Nothing more can be written by the process of that id."""
        ...

    def free(self, pid: int) -> None:
        """Space again."""
        ...

    def leave(self) -> None:
        """Put the data onto the disk of the machine; the plane must be stopped."""
        ...


def small_disk(data: Path) -> Disk:
    """For the data directory `data`, which must not exist yet.

    The real one is a tmpfs in a mount namespace of this process: nothing of it is left, whatever ends the process, and a
    kernel that allows user namespaces asks for no root. Raises `UnreachableError` where not even a quota can be set.
    """
    data.mkdir(mode=0o700)
    if _private_mounts() and _mounted(data):
        return Tmpfs(data)
    if hasattr(resource, "prlimit"):
        return Quota(data)
    raise UnreachableError("no disk can be made full here", "it takes Linux: a tmpfs, or prlimit")


class Tmpfs:
    """A file system of its own; a file of ballast fills it, and then every write fails with ENOSPC."""

    how = f"a disk of {SIZE_MB} MB, filled by another file"

    def __init__(self, data: Path) -> None:
        self._data = data
        self._ballast = data / "ballast"

    def fill(self, pid: int) -> None:
        with self._ballast.open("ab", buffering=0) as ballast:
            for size in BLOCKS:
                _write_all(ballast.fileno(), bytes(size))

    def free(self, pid: int) -> None:
        self._ballast.unlink()

    def leave(self) -> None:
        fresh = self._data.with_name(self._data.name + ".moved")
        shutil.copytree(self._data, fresh)
        subprocess.run(["umount", str(self._data)], check=True, capture_output=True)
        self._data.rmdir()
        fresh.rename(self._data)


class Quota:
    """No file of the process may grow: what a user's quota does to it, without being one."""

    how = "a quota on the plane's process, because this kernel lets nobody mount a small disk"

    def __init__(self, data: Path) -> None:
        self._data = data

    def fill(self, pid: int) -> None:
        """No longer than the log of the database is now: the next turn does not fit."""
        wal = self._data / "journal.db-wal"
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (wal.stat().st_size, hard))

    def free(self, pid: int) -> None:
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))

    def leave(self) -> None:
        """They are there already."""


def _private_mounts() -> bool:
    """From now on what this process mounts is seen by it and its children alone."""
    uid, gid = os.getuid(), os.getgid()
    kernel = ctypes.CDLL(None, use_errno=True)
    if uid == 0:
        return bool(kernel.unshare(CLONE_NEWNS) == 0)
    if kernel.unshare(CLONE_NEWNS | CLONE_NEWUSER):
        return False
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    except OSError:
        return False
    return True


def _mounted(data: Path) -> bool:
    private = ["mount", "--make-rprivate", "/"]
    small = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=700", "focusplane-demo", str(data)]
    try:
        return all(
            subprocess.run(command, check=False, capture_output=True).returncode == 0
            for command in (private, small)
        )
    except OSError:
        return False


def _write_all(file: int, block: bytes) -> None:
    """The same block again and again, until the disk takes no more of it."""
    try:
        while os.write(file, block):
            pass
    except OSError:
        return
