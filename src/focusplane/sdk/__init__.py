"""What an application imports: tag, admit and measure requests, locally and without waiting for anybody.

Needs neither numpy nor the server's dependencies.
"""

from focusplane.sdk.client import Client, Health
from focusplane.sdk.request import Call, Request

__all__ = ["Call", "Client", "Health", "Request"]
