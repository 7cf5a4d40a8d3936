"""Notifications to any channel that Apprise knows; secrets come by reference and stay out of logs."""

import asyncio
import importlib
import importlib.util
import os
from pathlib import Path
from typing import Any

from focusplane.kernel.errors import UnreachableError


class AppriseNotifier:
    """Sends one message to one URL, or to what `env:NAME` or `file:PATH` refers to.

    Apprise is loaded in a thread once the plane is ready (`load`), for it takes as long as a start, and the first page must
    not wait for it. That it is there is looked at once, at the start. Raises `ModuleNotFoundError` if it is not.
    """

    def __init__(self) -> None:
        if importlib.util.find_spec("apprise") is None:
            raise ModuleNotFoundError("Apprise is not installed", name="apprise")

    async def load(self) -> Any:
        """The library itself."""
        return await asyncio.to_thread(importlib.import_module, "apprise")

    async def send(self, url: str, title: str, body: str) -> None:
        """Raises `UnreachableError` if the channel did not take it; its text never holds the URL."""
        apprise = await self.load()
        target = apprise.Apprise()
        if not target.add(resolve(url)):
            raise UnreachableError("the channel's URL is none that Apprise knows", "see its list of services")
        taken = await target.async_notify(body=body or title, title=title)
        if not taken:
            raise UnreachableError("the channel did not take the message", "look at the receiving side")


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
                f"{name} is not set in the plane's environment", f"set {name} to an Apprise URL"
            )
        return os.environ[name]
    if kind == "file":
        try:
            return Path(name).read_text().strip()
        except OSError as error:
            raise UnreachableError(f"{name} cannot be read: {error.strerror}", "check the file") from error
    return url
