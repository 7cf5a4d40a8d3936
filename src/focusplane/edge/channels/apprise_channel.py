"""Any channel that Apprise knows: it takes words, and keeps no state."""

import asyncio
import importlib
import importlib.util
from typing import Any

from focusplane.kernel.errors import UnreachableError


class AppriseChannel:
    """Apprise is loaded in a thread once the plane is ready (`load`), for it takes as long as a start, and the first page must
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
        if not target.add(url):
            raise UnreachableError("the channel's URL is none that Apprise knows", "see its list of services")
        taken = await target.async_notify(body=body or title, title=title)
        if not taken:
            raise UnreachableError("the channel did not take the message", "look at the receiving side")
