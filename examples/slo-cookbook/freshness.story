# The job runs on, then it stops without a word of failure: ten minutes later its product is stale, and somebody is told.
load freshness.yaml team.yaml
pace 10s
at 0s traffic 6/s tenants 2
at 1h errors freshness 100%
expect at 1h health fresh ok
expect by 80m page
