"""Settings of `focus serve`: each with its meaning, unit and default; every one also as `FOCUS_*` in the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from focusplane.kernel.errors import UsageError

PREFIX = "FOCUS_"


@dataclass(frozen=True, slots=True)
class Settings:
    policy_dir: Path
    """The directory of policy files (`*.yaml`, `*.yml`), read again whenever one changes."""

    data: Path = Path(".focus")
    """Where the journal, the snapshots and the admin token are kept. One plane owns it at a time."""

    host: str = "127.0.0.1"
    """The address to listen on. Anything but loopback makes tokens mandatory for OTLP, too (`focus token add`)."""

    port: int = 7600
    """API, pages, OFREP and metrics. 0 picks a free port, here and for every port below."""

    otlp_http_port: int = 4318
    """OTLP over HTTP: `/v1/traces`, `/v1/metrics`, `/v1/logs`; Prometheus remote write: `/api/v1/write`;
    JSON access logs: `/ingest/access-log`."""

    otlp_grpc_port: int = 4317
    """OTLP over gRPC."""

    xds_host: str = "127.0.0.1"
    """The address of the xDS port, apart from `host`. Anywhere but on loopback an Envoy needs a token of the role ingest."""

    xds_insecure: bool = False
    """Ask for no token beyond loopback either: whoever reaches xDS reads the routing and can pose as an Envoy."""

    xds_port: int = 7601
    """Envoy xDS by REST-JSON long poll."""

    grpc_port: int = 7602
    """flagd sync and ADS for fleets."""

    environment: str = "production"
    """The environment of telemetry that does not name one."""

    ready_file: Path | None = None
    """Written once everything listens: a JSON object with the address of every door."""

    envoy_files: Path | None = None
    """A directory for file xDS: an Envoy that starts while the plane is dead reads its last configuration there."""

    pin_token: str = ""
    """A reference, `env:NAME` or `file:PATH`, to what a request must carry in `x-focus-pin` to choose its version through our
    gateway. Empty: `x-focus-synthetic` is enough, and anybody may."""

    flag_file: Path | None = None
    """A file that always holds all flags as a flagd document, for providers that read one; written whole or not at all."""

    flag_origins: str = ""
    """Origins, comma-separated, whose pages may ask for flags by OFREP (`https://shop.example.org`). Nobody's by default."""

    kubeconfig: Path | None = None
    """The cluster whose objects split the traffic of focuses with a `driver`. Without it the service account of the Pod that
    the plane runs in is used, if there is one."""

    kube_context: str = ""
    """The context of the kubeconfig; empty means its current one."""

    gather_ms: int = 80
    """Milliseconds that the first arrival of a turn waits for others: the group commit of telemetry."""

    restored: str = ""
    """Your word that the data come from a backup, and which: the plane is another one then, which nodes follow only after
    `focus adopt`. Said once; a restored `journal.db` beside a newer `journal.head` is seen without it."""

    allowed_hosts: str = ""
    """More names, comma-separated, under which the API may be asked for (the Host header is checked)."""

    alertmanager: str = ""
    """Every live incident is sent to each of these Alertmanagers, comma-separated: `http://host:9093`, or `env:NAME` where the
    address holds a password. Name every peer of a cluster, never a load balancer. An alert `Watchdog` always fires there."""

    unleash_url: str = ""
    """The Unleash whose flags are moved with flags that name one as their `driver`: `https://unleash.example.org`."""

    unleash_token: str = ""
    """A reference to its admin or personal token: `env:NAME` or `file:PATH`, read again for each request."""

    launchdarkly_url: str = "https://app.launchdarkly.com"
    """The API of LaunchDarkly; another one for its EU or federal instance."""

    launchdarkly_token: str = ""
    """A reference to an access token of LaunchDarkly that may write flags: `env:NAME` or `file:PATH`."""

    watchdog: str = ""
    """A URL, or `env:NAME`, that gets a POST every 15 seconds as long as this plane judges: an outside watcher pages when none
    comes."""


def from_env(settings: Settings, environ: Mapping[str, str] | None = None) -> Settings:
    """The same settings with what `FOCUS_*` says of them. Raises `UsageError` for a value that does not fit."""
    found: dict[str, object] = {}
    given = os.environ if environ is None else environ
    for field in fields(Settings):
        text = given.get(PREFIX + field.name.upper())
        if text:
            found[field.name] = _read(field.name, str(field.type), text)
    return replace(settings, **found)  # type: ignore[arg-type]


def _read(name: str, kind: str, text: str) -> object:
    if "Path" in kind:
        return Path(text)
    if kind == "bool":
        return _yes(name, text)
    if "int" not in kind:
        return text
    if not text.isdecimal() or int(text) > 65_535:
        raise UsageError(f"{PREFIX}{name.upper()} is {text!r}", "a number from 0 to 65535")
    return int(text)


def _yes(name: str, text: str) -> bool:
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off"):
        return False
    raise UsageError(f"{PREFIX}{name.upper()} is {text!r}", "1 or 0")
