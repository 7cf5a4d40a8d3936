"""References to secrets: what stands in a policy is `env:NAME` or `file:PATH`, and what it stands for is read for each use."""

import os
from pathlib import Path

from focusplane.kernel.errors import UnreachableError


def missing(url: str) -> str:
    """Why a reference stands for nothing now; empty if it stands for something. Never what it stands for."""
    try:
        resolve(url)
    except UnreachableError as error:
        return error.what
    return ""


def resolve(url: str) -> str:
    """What a reference stands for. Raises `UnreachableError` if there is nothing there."""
    kind, _, name = url.partition(":")
    if kind == "env":
        if not os.environ.get(name):
            raise UnreachableError(
                f"{name} is not set in the plane's environment", f"set {name} to the channel's URL"
            )
        return os.environ[name]
    if kind == "file":
        try:
            return Path(name).read_text().strip()
        except OSError as error:
            raise UnreachableError(f"{name} cannot be read: {error.strerror}", "check the file") from error
    return url
