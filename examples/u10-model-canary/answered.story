# The service stops answering: the owner is paged, and no other model is tried meanwhile. Run by `focus test examples/u10-model-canary`.
load focus.yaml
at 0s traffic 100/s tenants 200
at 1m errors offers 60%
expect by 4m page offers
expect never flag model m2
