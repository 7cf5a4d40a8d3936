"""Which flag services are configured, as the settings say."""

from functools import partial
from urllib.parse import urlsplit

from focusplane.define.flag_driver import FlagDriverKind
from focusplane.edge.channels import resolve
from focusplane.edge.flag_services.http import FlagHttp
from focusplane.edge.flag_services.launchdarkly import LaunchDarkly
from focusplane.edge.flag_services.plane import FlagDrivers
from focusplane.edge.flag_services.unleash import Unleash
from focusplane.edge.flag_services.wanted import Service
from focusplane.kernel.errors import UsageError
from focusplane.plane.loop import Loop
from focusplane.plane.ports import Clock
from focusplane.plane.settings import Settings


def flag_drivers(settings: Settings, loop: Loop, clock: Clock) -> FlagDrivers:
    """Attached to the loop. Raises `UsageError` for settings that cannot be meant."""
    services: dict[FlagDriverKind, Service] = {}
    if settings.unleash_url or settings.unleash_token:
        services[FlagDriverKind.UNLEASH] = Unleash(
            _http("Unleash", "unleash", settings.unleash_url, settings.unleash_token)
        )
    if settings.launchdarkly_token:
        services[FlagDriverKind.LAUNCHDARKLY] = LaunchDarkly(
            _http("LaunchDarkly", "launchdarkly", settings.launchdarkly_url, settings.launchdarkly_token)
        )
    drivers = FlagDrivers(clock, services, loop.report("flag-drivers"))
    loop.attach(drivers)
    return drivers


def _http(service: str, option: str, url: str, token: str) -> FlagHttp:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        good = False
    if not good:
        raise UsageError(
            f"--{option}-url is no http(s) address", "https://flags.example.org, without a password"
        )
    if not token.startswith(("env:", "file:")):
        raise UsageError(f"--{option}-token is no reference", "env:NAME or file:PATH, never the token itself")
    return FlagHttp(service, url.rstrip("/"), partial(resolve, token))
