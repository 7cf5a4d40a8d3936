# A version that fails one request in five is taken back while a twentieth of the customers see it.
load focus.yaml
at 0s traffic 200/s tenants 100
at 30s errors v2 20%
at 1m deploy v2
expect by 90s rollout rolled-back
expect from 90s weight v2 0%
expect by 90s incident open
expect by 2m incident mitigated
expect at 3m budget availability above 99%
expect never flag new-pricing off
