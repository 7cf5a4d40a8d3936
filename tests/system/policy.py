"""The policy that the system tests run: `shop` behind a gateway, `orders` measured by what applications send."""

from collections.abc import Mapping

CREW = """apiVersion: focusplane/v1
kind: Team
metadata: {name: crew}
spec: {members: [ana@example.org]}
"""

ORDERS = """apiVersion: focusplane/v1
kind: Focus
metadata: {name: orders}
spec:
  owner: crew
  objectives:
    - {name: availability, target: 99%, window: 30d, sli: {bad: {status: 5xx}}}
  controls:
    throttle: {rate: 500/s, burst: 100}
"""

_SHOP = """apiVersion: focusplane/v1
kind: Focus
metadata: {name: shop}
spec:
  owner: crew
  objectives:
    - {name: availability, target: 99.5%, window: 30d, sli: {bad: {status: 5xx}}}
  controls:
    flags:
      banner: {variants: {on: true, off: false}, default: on, off: off, owner: crew, expires: 2099-01-01}
    traffic:
      listen: 127.0.0.1:LISTEN
      route: /
      tenantHeader: x-tenant
      sticky: tenant
      versions: {VERSIONS}
      initial: v1
    throttle: {rate: 500/s, burst: 100}
  rollout:
    steps: [{weight: 25%, for: 1s}, {weight: 50%, for: 10m}, {weight: 100%, for: 1s}]
    judge: {alpha: 0.05, tolerance: 1.25, slack: 10%}
    promote: evidence
    holdAtMost: 10m
    then: ask
  mitigations:
    - name: kill-banner
      when: {canary: worse}
      do: {flag: banner, set: off}
      mode: act
      approval: {by: approver, count: 1, within: 15m}
      cooldown: 10m
      verify: {within: 5m}
    - name: slow-down
      when: {canary: worse}
      do: {throttle: 50/s, for: 30m}
      mode: suggest
      cooldown: 10m
      verify: {within: 5m}
"""


def shop(listen: int, versions: Mapping[str, int]) -> str:
    """One instance of each version on that port of the loopback."""
    listed = ", ".join(f"{name}: [127.0.0.1:{port}]" for name, port in versions.items())
    return _SHOP.replace("LISTEN", str(listen)).replace("VERSIONS", listed)
