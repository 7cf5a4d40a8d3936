"""Channels: in goes one message for one of a team's URLs, out it goes to people. PagerDuty is told in its own protocol, so that an
alert there ends when the incident does; everything else goes through Apprise. Secrets come by reference and stay out of errors and logs.
What is due to whom, again and in which order, is decided elsewhere.
"""

from typing import Any

from focusplane.act.effect import Notify
from focusplane.edge.channels import pagerduty
from focusplane.edge.channels.apprise_channel import AppriseChannel
from focusplane.edge.channels.references import missing, resolve


class Channels:
    """Implements `plane.ports.Notifier`. A channel's URL, or what `env:NAME` or `file:PATH` refers to, says of which kind it is."""

    def __init__(self) -> None:
        self._apprise = AppriseChannel()

    async def load(self) -> Any:
        """What takes long to load, once the plane is ready."""
        return await self._apprise.load()

    async def send(self, notify: Notify) -> bool:
        """False if this kind of channel has no use for it."""
        url = resolve(notify.url)
        if url.partition(":")[0].lower() == pagerduty.SCHEME:
            return await pagerduty.send(url, notify)
        if notify.quiet:
            return False
        await self._apprise.send(url, notify.title, notify.body)
        return True


__all__ = ["Channels", "missing", "resolve"]
