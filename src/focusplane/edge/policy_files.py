"""Policy files of a directory: read whole and bounded, watched by their content."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

POLL_SECONDS = 0.5
MAX_FILES = 2_000
MAX_FILE_BYTES = 2 * 1024 * 1024
MAX_TOTAL_BYTES = 32 * 1024 * 1024
SUFFIXES = frozenset({".yaml", ".yml"})


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that stands in the directory and could not be taken, and why."""

    path: str
    why: str


class PolicyDirectory:
    """All `*.yaml` and `*.yml` below a directory, or one file.

    Symbolic links are followed only while they stay inside. `unreadable` tells what the last `read` had to leave out;
    a set with holes must be judged as such by who loads it, not taken for the whole.
    """

    def __init__(self, path: Path | str, poll_seconds: float = POLL_SECONDS) -> None:
        self._root = Path(path)
        self._poll_seconds = poll_seconds
        self.unreadable: tuple[Unreadable, ...] = ()
        self._told = ""
        """What the last `read` saw: a change between it and the first look of `changes` is a change."""

    def read(self) -> Mapping[str, str]:
        """Path (relative to the directory) -> text, sorted by path. A file that is no UTF-8 is read with U+FFFD."""
        missed: list[Unreadable] = []
        texts: dict[str, str] = {}
        left = MAX_TOTAL_BYTES
        for name, file in self._files(missed.append):
            raw = _content(name, file, missed.append)
            if raw is None:
                continue
            left -= len(raw)
            if left < 0 or len(texts) >= MAX_FILES:
                missed.append(Unreadable(name, f"more than {MAX_FILES} files or {MAX_TOTAL_BYTES} bytes"))
                continue
            texts[name] = raw.decode("utf-8", errors="replace")
        self.unreadable = tuple(missed)
        self._told = self._fingerprint(texts)
        return texts

    async def changes(self) -> AsyncIterator[Mapping[str, str]]:
        """All files again after each change since they were read, once two looks in a row saw the same: half a set is never
        told.
        """
        if not self._told:
            await asyncio.to_thread(self.read)
        told = last = self._told
        while True:
            await asyncio.sleep(self._poll_seconds)
            texts = await asyncio.to_thread(self.read)
            now = self._fingerprint(texts)
            if now == last and now != told:
                told = now
                yield texts
            last = now

    def _fingerprint(self, texts: Mapping[str, str]) -> str:
        seen = sha256()
        for name, text in sorted(texts.items()):
            for part in (name, text):
                raw = part.encode(errors="surrogateescape")
                seen.update(len(raw).to_bytes(8, "big") + raw)
        seen.update(repr(self.unreadable).encode())
        return seen.hexdigest()

    def _files(self, missed: Callable[[Unreadable], None]) -> list[tuple[str, Path]]:
        if self._root.is_file():
            return [(self._root.name, self._root)]
        home = self._root.resolve()
        found: list[tuple[str, Path]] = []

        def refused(error: OSError) -> None:
            missed(Unreadable(str(error.filename or self._root), error.strerror or "cannot be listed"))

        for folder, below, names in os.walk(self._root, onerror=refused):
            below[:] = sorted(name for name in below if not name.startswith("."))
            for name in sorted(names):
                file = Path(folder, name)
                if file.suffix not in SUFFIXES or name.startswith("."):
                    continue
                shown = file.relative_to(self._root).as_posix()
                if file.is_symlink() and not file.resolve().is_relative_to(home):
                    missed(Unreadable(shown, "a symbolic link that leads outside is not followed"))
                    continue
                found.append((shown, file))
        return sorted(found)


def _content(name: str, file: Path, missed: Callable[[Unreadable], None]) -> bytes | None:
    if not file.is_file():
        missed(Unreadable(name, "it is no regular file"))
        return None
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        missed(Unreadable(name, error.strerror or "cannot be read"))
        return None
    if len(raw) > MAX_FILE_BYTES:
        missed(Unreadable(name, f"it is larger than {MAX_FILE_BYTES} bytes"))
        return None
    return raw
