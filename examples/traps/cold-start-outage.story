# The other half of it: a new service that really fails from its first request on is told within minutes.
load shop.yaml
pace 10s
at 0s traffic 5/s tenants 5
at 0s errors shop 20%
expect by 10m page
