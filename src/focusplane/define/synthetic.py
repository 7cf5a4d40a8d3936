"""Synthetic requests: what the plane itself sends to both versions of a rollout while users send too few."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from urllib.parse import urlsplit

from focusplane.define.web_address import web_address
from focusplane.kernel.quantity import Rate

MARK_HEADER = "x-focus-synthetic"
"""On every request that no user made."""
VERSION_HEADER = "x-focus-version"
"""On a synthetic request: who shall answer. On the answer of our gateway: who did."""
PIN_HEADER = "x-focus-pin"
"""Shows our gateway that whoever names a version may, where it asks for that."""
PLACE = "{version}"
"""Stands in a URL or in the value of a header for the version that is asked."""
MOST_TITLE = 60


@dataclass(frozen=True, slots=True)
class Request:
    """One request, the same for both versions but for what says which of them is meant.

    An answer is good if it comes in time with that `status`, and with `body` in its first 64 KiB. `send` is what the
    request carries. The value of a header may be `env:NAME` or `file:PATH`, read where it is sent and nowhere written down.
    """

    url: str = ""
    urls: Mapping[str, str] = field(default_factory=dict)
    """By version, where no one URL names them all."""
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    send: str = ""
    status: tuple[str, ...] = ("2xx",)
    body: str = ""

    @property
    def addressed(self) -> bool:
        """Whether it says by itself which version is meant; if not, only a gateway of ours can."""
        return bool(self.urls) or PLACE in self.url or any(PLACE in value for _, value in self.headers)

    @property
    def title(self) -> str:
        """`GET /pay/quote`: where it is counted."""
        url = self.url or next(iter(self.urls.values()), "")
        return f"{self.method} {urlsplit(url).path or '/'}"[:MOST_TITLE]

    def to(self, version: str) -> "Request":
        """As that version is asked. Raises `ValueError` if none is, or at an address that nobody should ask."""
        url = self.urls.get(version, self.url)
        if not url:
            raise ValueError(f"no URL is declared for {version}")
        headers = tuple((name, value.replace(PLACE, version)) for name, value in self.headers)
        return replace(self, url=web_address(url.replace(PLACE, version)), urls={}, headers=headers)


@dataclass(frozen=True, slots=True)
class Synthetic:
    """While users send fewer than `below` to either version, `rate` of these go to each of them.

    At most `at_most` in one rollout. They never promote by themselves unless `promotes`.
    """

    rate: Rate
    below: Rate
    requests: tuple[Request, ...] = ()
    probe: str = ""
    """The objective whose probe is sent instead."""
    timeout_ms: int = 5_000
    at_most: int = 10_000
    promotes: bool = False

    @property
    def burst(self) -> int:
        """So many go out at once at the most: a second's worth."""
        return max(1, int(self.rate.per_second))

    @property
    def enough(self) -> Fraction:
        """So many requests of users a minute leave nothing to supplement."""
        return self.below.per_second * 60
