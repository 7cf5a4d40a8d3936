# Everything fails: the new pricing is switched off, somebody is told within a minute, and silence is never taken for success.
load focus.yaml
at 0s traffic 100/s tenants 20
at 2m errors checkout 100%
at 4m silence checkout
at 10m speak checkout
at 10m errors checkout 0%
expect by 3m page
expect by 3m mitigation kill-new-pricing acts
expect from 3m flag new-pricing off
expect by 5m health availability blind
expect at 9m incident open
expect by 40m incident resolved
