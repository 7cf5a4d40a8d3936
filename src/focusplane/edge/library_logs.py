"""What libraries say in the log: nothing that holds an address, for a token may be part of it.

httpx, urllib3 and apprise write whole URLs at INFO, DEBUG and, of a channel that cannot be read, at ERROR. What failed and why is
said by this program itself, by the name of the channel or peer.
"""

import logging

TELL_ADDRESSES = ("httpx", "httpcore", "urllib3", "requests", "apprise")


def hush() -> None:
    """However verbose the log is. To be called once, before the first request."""
    for name in TELL_ADDRESSES:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
