"""`DATA/tokens.json`: the named tokens of a plane as hashes, written by `focus token`, read again whenever it changes."""

import contextlib
import fcntl
import json
import logging
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from focusplane.define.people import Role
from focusplane.kernel.errors import ConflictError, DataError, NotFoundError, UsageError
from focusplane.plane.identity import BY_PAGE, Named, Principal, Sender, Tokens, sha256

log = logging.getLogger("focusplane")

NAME = "tokens.json"
MOST_BYTES = 1 << 20
MOST_TOKENS = 1_000
RESERVED = frozenset({"admin", "sdk", "plane", "policy"})
"""Names that the plane uses itself."""
_SPOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")
_HASH = re.compile(r"[0-9a-f]{64}")


class TokenFile:
    """Implements `plane.identity.Known` and `Senders` over the file and the tokens that `base` holds besides.

    A file that cannot be trusted (damaged, or writable by others) means that none of its tokens is valid.
    """

    def __init__(self, data: Path, base: Tokens) -> None:
        self._path = data / NAME
        self._base = self._tokens = base
        self._mark: tuple[int, ...] = ()

    def principal(self, token: str) -> Principal:
        return self._fresh().principal(token)

    def stands(self, principal: Principal) -> bool:
        return self._fresh().stands(principal)

    def sender(self, authorization: str) -> Sender:
        return self._fresh().sender(authorization)

    def _fresh(self) -> Tokens:
        """The tokens of now: one `stat` where nothing has changed."""
        mark = _mark(self._path)
        if mark != self._mark:
            self._mark, self._tokens = mark, self._base
            try:
                self._tokens = replace(self._base, named=(*self._base.named, *read(self._path)))
            except DataError as error:
                log.warning("%s; none of its tokens is valid until then", error.what)
        return self._tokens


def open_tokens(data: Path) -> TokenFile:
    """With the admin's token and one for applications, made at the first start and readable by their owner only."""
    try:
        admin, sdk = (_own(data / f"{name}.token") for name in ("admin", "sdk"))
    except OSError as error:
        why = f"the tokens in {data} cannot be made or read: {error.strerror}"
        raise DataError(why, "is the disk full, or read-only?") from error
    return TokenFile(data, Tokens(admin, (Named("sdk", Role.SDK, sha256(sdk)),)))


def _own(path: Path) -> str:
    if path.exists():
        return path.read_text().strip()
    token = fresh()
    log.info("%s made, shown this once: %s", path, token)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(token + "\n")
    return token


def fresh() -> str:
    """A token of 256 bits. It begins with no dash: a command line would take that for an option."""
    while (token := secrets.token_urlsafe(32)).startswith("-"):
        pass
    return token


def read(path: Path) -> tuple[Named, ...]:
    """The tokens of a file; none if there is no file. Raises `DataError` for one that cannot be trusted."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise DataError(f"{path} can be written by others", f"chmod 600 {path}")
            rows = json.loads(file.read(MOST_BYTES))["tokens"]
        found = tuple(_named(row) for row in rows)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{path} cannot be read: {error}", "focus token add writes a new one") from error
    if len(found) > MOST_TOKENS or len({one.name for one in found}) < len(found):
        raise DataError(f"{path} names a token twice, or more than {MOST_TOKENS}")
    return found


def add(data: Path, name: str, role: Role, environment: str = "", tenant: str = "") -> str:
    """A new token, which is nowhere else: only its hash is kept. Raises `UsageError`, `ConflictError`, `DataError`."""
    if not _SPOKEN.fullmatch(name) or name in RESERVED or name.endswith(BY_PAGE):
        raise UsageError(f"{name!r} cannot name a token", "a person or a program: letters, digits, . _ @ + -")
    if (environment or tenant) and role not in (Role.INGEST, Role.SDK):
        raise UsageError(f"a token of the role {role} sends no telemetry to bind", "--role ingest or sdk")
    token = fresh()
    with _alone(data) as path:
        held = read(path)
        if any(one.name == name for one in held):
            raise ConflictError(f"there is a token {name!r} already", f"focus token remove {name}")
        _write(path, (*held, Named(name, role, sha256(token), environment, tenant)))
    return token


def remove(data: Path, name: str) -> None:
    """From the next request on it is not known. Raises `NotFoundError`, `DataError`."""
    with _alone(data) as path:
        held = read(path)
        rest = tuple(one for one in held if one.name != name)
        if len(rest) == len(held):
            raise NotFoundError(f"there is no token {name!r}", "focus token list")
        _write(path, rest)


def held(data: Path) -> tuple[Named, ...]:
    """Raises `DataError`, and `NotFoundError` where there is no plane's data."""
    _must_be(data)
    return read(data / NAME)


def _named(row: Any) -> Named:
    one = Named(**{**row, "role": Role(row["role"])})
    fits = all(isinstance(text, str) for text in (one.name, one.sha256, one.environment, one.tenant))
    if not fits or not _SPOKEN.fullmatch(one.name) or one.name in RESERVED or not _HASH.fullmatch(one.sha256):
        raise ValueError("a token has no proper name or hash")
    return one


def _must_be(data: Path) -> None:
    if not data.is_dir():
        raise NotFoundError(
            f"there is no data directory {data}", "start the plane once, or name it with --data"
        )


@contextlib.contextmanager
def _alone(data: Path) -> Iterator[Path]:
    """Two commands at once must not lose each other's token."""
    _must_be(data)
    place = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(place, fcntl.LOCK_EX)
        yield data / NAME
    finally:
        os.close(place)


def _write(path: Path, tokens: tuple[Named, ...]) -> None:
    """In one step, readable by its owner only."""
    number, fresh = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")  # made with mode 600
    with os.fdopen(number, "w") as file:
        json.dump({"tokens": [asdict(one) for one in tokens]}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)


def _mark(path: Path) -> tuple[int, ...]:
    try:
        seen = path.stat()
    except OSError:
        return ()
    return (seen.st_ino, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_size)
