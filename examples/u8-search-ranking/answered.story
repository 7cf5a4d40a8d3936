# The search stops answering: the owner is paged, and nothing is tried on users meanwhile. Run by `focus test examples/u8-search-ranking`.
load focus.yaml
at 0s traffic 100/s tenants 200
at 1m errors search 60%
expect by 4m page search
expect by 4m incident search open
expect never flag ranking new
expect never rollout search stepping
