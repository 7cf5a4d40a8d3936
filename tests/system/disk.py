"""A disk that can be full: a small file system of its own where we may mount one, else a limit on what the plane may write."""

import contextlib
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path

from focusplane.demo.processes import Child

SIZE = 24 * 1024 * 1024
CHUNK = 64 * 1024


class Disk:
    """`fill` leaves no room for the plane on it, `free` gives it back. Not below pytest's folders, which it removes."""

    def __init__(self) -> None:
        self._place = Path(tempfile.mkdtemp(prefix="focusplane-disk-"))
        self._filler = self._place / "filler"
        self.data = self._place / "data"
        argv = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "none", str(self._place)]
        try:
            self.mounted = subprocess.run(argv, capture_output=True, timeout=30).returncode == 0
        except FileNotFoundError:
            self.mounted = False

    def fill(self, plane: Child) -> None:
        if not self.mounted:
            _limit(plane, 0)
            return
        with self._filler.open("ab", buffering=0) as filler:
            for size in (CHUNK, 512):
                with contextlib.suppress(OSError):
                    while True:
                        filler.write(bytes(size))

    def free(self, plane: Child) -> None:
        if self.mounted:
            self._filler.unlink()
        else:
            _limit(plane, resource.RLIM_INFINITY)

    def close(self) -> None:
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self._place)], check=True, timeout=30)
        shutil.rmtree(self._place, ignore_errors=True)  # a plane may write there still


def _limit(plane: Child, size: int) -> None:
    """No file of that process grows beyond it: a write fails as on a disk that is worn out."""
    pid = plane.popen.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
