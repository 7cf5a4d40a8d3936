"""Who asks, by which token, and who may send telemetry as what. Only hashes of tokens are compared, in constant time."""

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from typing import Protocol

from focusplane.define.people import Role, covers
from focusplane.instrument.recognise import FREE, Bound
from focusplane.kernel.errors import RefusedError, UnauthenticatedError

BY_PAGE = "@page"
"""How a name used to end in the journal when its owner came by the pages: the same person."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asked. `by_cookie` requests come from a browser and need proof of the same origin to change anything."""

    name: str
    role: Role
    by_cookie: bool = False
    environment: str = ""
    """what stands in place of the environment that they name, if their token is bound to one"""

    def need(self, *roles: Role) -> None:
        """Raises `RefusedError` unless this principal has one of these roles."""
        if not any(covers(self.role, role) for role in roles):
            wanted = " or ".join(roles)
            raise RefusedError(f"{self.name} has the role {self.role}", f"this needs the role {wanted}")


@dataclass(frozen=True, slots=True)
class Named:
    """A token that is not the admin's. Only its SHA-256 (hex) is kept.

    `environment` and `tenant`, if given, stand in place of what telemetry sent with this token says of itself.
    """

    name: str
    role: Role
    sha256: str
    environment: str = ""
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends telemetry, and what they may say of themselves."""

    name: str
    bound: Bound = FREE


ANYBODY = Sender("")
"""On loopback nobody is asked who they are."""


class Senders(Protocol):
    """Whom a door for telemetry lets in."""

    def sender(self, authorization: str) -> Sender:
        """By the `Authorization` header. Raises `UnauthenticatedError` or, for the wrong role, `RefusedError`."""
        ...


class OpenDoor:
    """The door on loopback."""

    def sender(self, authorization: str) -> Sender:
        return ANYBODY


class Known(Protocol):
    """Every token that is valid now."""

    def principal(self, token: str) -> Principal:
        """Raises `UnauthenticatedError` for a token that is not known."""
        ...

    def stands(self, principal: Principal) -> bool:
        """Whether there still is a token of that name whose role covers the principal's."""
        ...


@dataclass(frozen=True, slots=True)
class Tokens:
    """Implements `Known` and `Senders`. `admin` is the token itself (it lies in the data directory anyway)."""

    admin: str
    named: tuple[Named, ...] = ()

    def principal(self, token: str) -> Principal:
        found = self._find(token)
        return Principal(found.name, found.role, environment=found.environment)

    def stands(self, principal: Principal) -> bool:
        held = [Role.ADMIN] if principal.name == "admin" else []
        held += [one.role for one in self.named if one.name == principal.name]
        return any(covers(role, principal.role) for role in held)

    def sender(self, authorization: str) -> Sender:
        """The roles `ingest` and `sdk` send; only `ingest` (and who has it) may speak for a gateway."""
        found = self._find(bearer(authorization))
        if not covers(found.role, Role.INGEST) and found.role is not Role.SDK:
            raise RefusedError(
                f"{found.name} has the role {found.role}", "telemetry needs the role ingest or sdk"
            )
        bound = Bound(found.environment, found.tenant, edge=covers(found.role, Role.INGEST))
        return Sender(found.name, bound)

    def _find(self, token: str) -> Named:
        """Compares every known token, whether or not one fits."""
        given = sha256(token)
        found: Named | None = None
        for one in (Named("admin", Role.ADMIN, sha256(self.admin)), *self.named):
            if hmac.compare_digest(given, one.sha256):
                found = one
        if found is None:
            raise UnauthenticatedError("this token is not known", "DATA/admin.token holds the admin's")
        return found


def bearer(authorization: str) -> str:
    """The token of an `Authorization: Bearer` header. Raises `UnauthenticatedError` if there is none."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthenticatedError("no token", "send `Authorization: Bearer TOKEN`")
    return token.strip()


def sha256(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def person(name: str) -> str:
    """Who that is, by whichever door they came."""
    return name.removesuffix(BY_PAGE)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on that address; a name other than `localhost` may be anything."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
