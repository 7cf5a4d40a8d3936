# The orders of one tenant fail, as they do while its table is locked: its owner is paged although all others do well, and the
# new column is written for nobody. Run by `focus test examples/u4-schema-migration`.
load focus.yaml
at 0s traffic 100/s tenants 20
at 1m errors tenant t3 orders 80%
expect by 4m page orders
expect by 4m incident orders open
expect never flag write-cents on
