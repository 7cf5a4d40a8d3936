# One tenant of twenty fails. Of all requests that is little; for that tenant it is everything.
load by-tenant.yaml team.yaml
pace 10s
at 0s traffic 40/s tenants 20
at 30m errors tenant t7 100%
expect never health availability exhausted
expect by 40m incident open
