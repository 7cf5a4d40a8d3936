# The other half of it: when all of thirty requests an hour fail, somebody is told with the tenth at the latest.
load shop.yaml
pace 10s
at 0s traffic 30/h tenants 1
at 3h errors shop 100%
expect by 200m page
