"""Focuses that need each other, a team with channels and an escalation, and what arrives there."""

from fractions import Fraction

from focusplane.act.incident import Incident
from focusplane.testing.rig import Load, Rig

FOCUS = """
---
apiVersion: focusplane/v1
kind: Focus
metadata: {name: %s, labels: {product: shop}}
spec:
  owner: payments
  dependsOn: [%s]
  objectives:
    - {name: availability, target: 99.9%%, window: 30d, sli: {bad: {status: 5xx}}}
  alerts: {page: [pager], ticket: [tracker], review: [mail]%s}
"""
TEAMS = """
---
apiVersion: focusplane/v1
kind: Team
metadata: {name: payments}
spec:
  channels: {pager: {url: "env:PAGER"}, second: {url: "env:SECOND"}, tracker: {url: "env:TRACKER"}, mail: {url: "env:MAIL"}}
  escalation: [{after: 10m, channels: [second]}, {after: 30m, team: platform, channels: [pager]}]
---
apiVersion: focusplane/v1
kind: Team
metadata: {name: platform}
spec: {channels: {pager: {url: "env:PLATFORM"}}}
"""
ALL = Fraction(1)
NONE = Fraction(0)


def rig(*focuses: tuple[str, str], more: str = "", tenants: int = 10) -> Rig:
    """Focuses with what they depend on, healthy for two minutes."""
    text = "".join(FOCUS % (name, needs, more) for name, needs in focuses) + TEAMS
    made = Rig({"shop.yaml": text})
    for name, _ in focuses:
        made.loads.append(Load(name, per_second=20, tenants=tenants))
    made.seconds(120)
    return made


def fail(it: Rig, *names: str, share: Fraction = ALL) -> None:
    for load in it.loads:
        if load.focus in names:
            load.failing[""] = share


def titles(it: Rig, channel: str = "pager") -> list[str]:
    return [one.title for one in it.sent if one.channel == channel]


def incident(it: Rig, focus: str) -> Incident:
    (found,) = [one for one in it.world.incidents.values() if one.focus == focus]
    return found
