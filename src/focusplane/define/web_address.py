"""A URL that the plane itself may ask: http or https with a host, no credentials, no address where machines tell of themselves."""

from ipaddress import ip_address
from urllib.parse import urlsplit

MOST_URL = 500
"""Characters."""


def web_address(text: str) -> str:
    """The text itself. Raises `ValueError` with the reason for what the plane does not ask."""
    parts = urlsplit(text)
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"{text!r} has no usable host and port") from None
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise ValueError(f"{text!r} is not an http or https URL with a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL in a policy carries no user and no password")
    if any(letter.isspace() or not letter.isprintable() for letter in text) or parts.fragment:
        raise ValueError("a URL to ask has no spaces and no fragment")
    if _off_limits(host):
        raise ValueError(f"{host} is no address to ask: link-local, multicast or none at all")
    return text


def _off_limits(host: str) -> bool:
    """Where metadata of the machine itself is served, and what is nobody's address."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_link_local or mapped.is_multicast or mapped.is_unspecified)
