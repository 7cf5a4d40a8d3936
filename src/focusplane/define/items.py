"""Items: what may not vanish from a policy set without a tombstone, each with a name of its own."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from focusplane.define.canonical import digest_of
from focusplane.define.focus import Focus, PolicySet


def items_of(policies: PolicySet) -> Mapping[str, Any]:
    """`checkout`, `team/payments`, `runbook/failing`, `calendar/backup`, `checkout/flag.new-pricing`, `checkout/version.v2` -> value."""
    items: dict[str, Any] = {}
    for focus in policies.focuses.values():
        items[focus.name] = focus
        items |= {f"{focus.name}/flag.{key}": flag for key, flag in focus.controls.flags.items()}
        if focus.controls.traffic is not None:
            versions = focus.controls.traffic.versions
            items |= {f"{focus.name}/version.{name}": at for name, at in versions.items()}
    items |= {f"team/{name}": team for name, team in policies.teams.items()}
    items |= {f"runbook/{name}": runbook for name, runbook in policies.runbooks.items()}
    items |= {f"calendar/{name}": calendar for name, calendar in policies.calendars.items()}
    return items


def sealed(focus: Focus) -> Focus:
    """The focus with the digest of everything else in it."""
    return replace(focus, digest=digest_of(replace(focus, digest="")))


def sealed_set(policies: PolicySet) -> PolicySet:
    """The set with the digest of everything else in it."""
    return replace(policies, digest=digest_of(replace(policies, digest="")))
