"""The way into the pages: one-time tickets, and the signed cookies that they are exchanged for."""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field

from focusplane.define.people import Role
from focusplane.kernel.errors import UnauthenticatedError
from focusplane.kernel.tick import DAY, HOUR, MINUTE
from focusplane.plane.identity import Principal, sha256

COOKIE = "focus_session"
SESSION_MS = 12 * HOUR
TICKET_MS = 5 * MINUTE
_STREAM = "stream "
"""Stands before what is signed for a stream, so that neither word is ever good for the other door."""


@dataclass(slots=True)
class Sessions:
    """One-time tickets and the cookies that they are exchanged for. Times are Unix ms; a restart forgets both."""

    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _tickets: dict[str, tuple[Principal, int]] = field(default_factory=dict)

    def ticket(self, principal: Principal, at: int) -> str:
        """Good once, for five minutes."""
        self._tickets = {key: held for key, held in self._tickets.items() if held[1] > at}
        made = secrets.token_urlsafe(24)
        self._tickets[sha256(made)] = (principal, at + TICKET_MS)
        return made

    def redeem(self, ticket: str, at: int) -> str:
        """The cookie for a ticket. Raises `UnauthenticatedError` for one that is used, over or unknown."""
        principal, until = self._tickets.pop(sha256(ticket), (None, 0))
        if principal is None or until <= at:
            raise UnauthenticatedError("this link was used or is over", "`focus login` prints a new one")
        said = json.dumps([principal.name, principal.role, at + SESSION_MS])
        payload = base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")
        return f"{payload}.{self._sign(payload)}"

    def principal(self, cookie: str, at: int) -> Principal:
        """Raises `UnauthenticatedError` for a cookie that was not signed here or is over."""
        payload, _, signature = cookie.rpartition(".")
        if not hmac.compare_digest(signature.encode("utf-8", "replace"), self._sign(payload).encode()):
            raise UnauthenticatedError("this session is not known", "`focus login` prints a link")
        name, role, until = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        if until <= at:
            raise UnauthenticatedError("this session is over", "`focus login` prints a new link")
        return Principal(name, Role(role), by_cookie=True)

    def stream_key(self, principal: Principal, at: int) -> str:
        """A word for the address of an event stream, because a browser's EventSource sends no header. The same all day, so
        that a client does not connect anew with each answer; it opens nothing but that stream.
        """
        until = (at // DAY + 2) * DAY
        said = json.dumps([principal.name, principal.role, until])
        payload = base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")
        return f"{payload}.{self._sign(_STREAM + payload)}"

    def streaming(self, key: str, at: int) -> Principal:
        """Whose stream that is. Raises `UnauthenticatedError` for a word that was not signed here or is over."""
        payload, _, signature = key.rpartition(".")
        if hmac.compare_digest(signature.encode("utf-8", "replace"), self._sign(_STREAM + payload).encode()):
            name, role, until = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            if until > at:
                return Principal(name, Role(role))
        raise UnauthenticatedError("this stream is over", "evaluate in bulk: the answer names a new one")

    def _sign(self, payload: str) -> str:
        return hmac.new(self._key, payload.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
