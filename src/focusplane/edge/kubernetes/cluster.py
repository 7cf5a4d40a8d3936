"""Where the API server is and how it knows us: a kubeconfig, or the service account of the Pod we run in."""

import base64
import binascii
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from focusplane.kernel.errors import UnreachableError, UsageError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
PAIR = ("client-certificate", "client-key")
MOST_BYTES = 1024 * 1024
HINT = "--kubeconfig FILE, or run in a Pod with a service account"


@dataclass(frozen=True, slots=True)
class Cluster:
    """One API server. The token stands in a file that is read again, or here; it is never shown."""

    server: str
    verify: ssl.SSLContext | bool
    token: str = field(default="", repr=False)
    token_file: Path | None = None

    def bearer(self) -> str:
        """The token as it is now: that of a service account changes every hour. Raises `UnreachableError` without one."""
        if self.token_file is None:
            return self.token
        try:
            token = self.token_file.read_text("ascii").strip()
        except OSError as error:
            raise UnreachableError(f"{self.token_file} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError:
            token = ""
        if not token.isprintable() or not token:
            raise UnreachableError(f"{self.token_file} holds no token")
        return token


def cluster(
    kubeconfig: Path | None, context: str = "", environ: Mapping[str, str] | None = None
) -> Cluster | None:
    """The cluster that is configured; None if none is. Raises `UsageError` for one that cannot be used."""
    given = os.environ if environ is None else environ
    if kubeconfig is not None:
        return from_kubeconfig(kubeconfig, context)
    host, port = given.get("KUBERNETES_SERVICE_HOST", ""), given.get("KUBERNETES_SERVICE_PORT", "443")
    if not host or not (SERVICE_ACCOUNT / "token").exists():
        return None
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    try:
        authority = ssl.create_default_context(cafile=str(SERVICE_ACCOUNT / "ca.crt"))
    except OSError as error:
        raise UsageError(f"{SERVICE_ACCOUNT}/ca.crt cannot be used ({type(error).__name__})", HINT) from error
    return Cluster(server, authority, token_file=SERVICE_ACCOUNT / "token")


def from_kubeconfig(path: Path, context: str = "") -> Cluster:
    """The cluster and the user of one context of a kubeconfig; without a name, of its current context."""
    config = _read(path)
    chosen = context or str(config.get("current-context") or "")
    found = _named(config, "contexts", chosen, path)["context"]
    place = _named(config, "clusters", str(found.get("cluster", "")), path)["cluster"]
    user = _named(config, "users", str(found.get("user", "")), path)["user"] or {}
    server = str(place.get("server", "")).rstrip("/")
    _refuse_unsafe(server, place, user, path)
    token_file = path.parent / user["tokenFile"] if user.get("tokenFile") else None
    token = str(user.get("token") or "")
    if not (token.isascii() and token.isprintable()):
        raise UsageError(f"{path}: the token of its user is none", "kubectl create token SERVICEACCOUNT")
    return Cluster(server, _trust(server, place, user, path), token, token_file)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(f"{path} is larger than a kubeconfig ever is")
        config = YAML(typ="safe").load(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", HINT) from error
    except YAMLError as error:
        raise UsageError(f"{path} is no YAML", HINT) from error
    if not isinstance(config, dict):
        raise UsageError(f"{path} is no kubeconfig", HINT)
    return config


def _named(config: Mapping[str, Any], kind: str, name: str, path: Path) -> Mapping[str, Any]:
    singular = kind[:-1]
    for one in config.get(kind) or ():
        if isinstance(one, dict) and one.get("name") == name and isinstance(one.get(singular), dict):
            return one
    raise UsageError(f"{path} has no {singular} {name!r}", "--kube-context NAME; kubectl config get-contexts")


def _refuse_unsafe(server: str, place: Mapping[str, Any], user: Mapping[str, Any], path: Path) -> None:
    parts = urlsplit(server)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{path} names no server that can be asked: {server!r}")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise UsageError(f"{server} would get our token in the open", "https, or `kubectl proxy` on loopback")
    if place.get("insecure-skip-tls-verify"):
        raise UsageError(f"{path} says not to verify {server}", "name its certificate-authority")
    for key, table in (("proxy-url", place), ("tls-server-name", place), ("as", user), ("as-groups", user)):
        if table.get(key):
            raise UsageError(f"{path} asks for {key!r}, which is not followed", "a context without it")
    _refuse_half(user, path)
    for key in ("exec", "auth-provider"):
        if key in user:
            hint = "kubectl create token SERVICEACCOUNT, or run in a Pod"
            raise UsageError(f"{path} gets its token by {key!r}, which a server cannot follow", hint)


def _refuse_half(user: Mapping[str, Any], path: Path) -> None:
    """Half of a pair would be passed over in silence, and we would come as somebody else, or as nobody."""
    given = [key for key in PAIR if user.get(key) or user.get(f"{key}-data")]
    if len(given) == 1:
        missing = next(key for key in PAIR if key not in given)
        hint = f"{missing}, or {missing}-data; a token needs neither"
        raise UsageError(f"{path} has a {given[0]} and no {missing}", hint)


def _trust(
    server: str, place: Mapping[str, Any], user: Mapping[str, Any], path: Path
) -> ssl.SSLContext | bool:
    if server.startswith("http:"):
        return True
    try:
        authority = _bytes(place, "certificate-authority", path)
        trust = ssl.create_default_context(cadata=authority.decode() if authority else None)
        certificate, key = (_bytes(user, each, path) for each in PAIR)
        if certificate or key:
            _show(trust, certificate, key)
    except (OSError, ValueError, binascii.Error) as error:
        raise UsageError(f"{path}: its certificates cannot be used ({type(error).__name__})") from error
    return trust


def _bytes(table: Mapping[str, Any], key: str, path: Path) -> bytes:
    if table.get(f"{key}-data"):
        return base64.b64decode(str(table[f"{key}-data"]), validate=True)
    return (path.parent / str(table[key])).read_bytes() if table.get(key) else b""


def _show(trust: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """OpenSSL takes a client certificate from a file only: one that nobody else may read, and that is gone at once."""
    with tempfile.NamedTemporaryFile(suffix=".pem") as pair:
        pair.write(certificate + b"\n" + key)
        pair.flush()
        trust.load_cert_chain(pair.name)
