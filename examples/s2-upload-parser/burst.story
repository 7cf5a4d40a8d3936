# A burst of uploads, of which some wait for a cold start, wakes nobody; uploads that fail do. No other parser is tried by itself.
# Run by `focus test examples/s2-upload-parser`.
load focus.yaml
at 0s traffic 20/s tenants 50
at 1m traffic 200/s tenants 50
at 1m latency uploads 250ms
expect never flag parser thorough
expect at 3m health availability ok
expect at 3m incident uploads none
at 3m errors uploads 60%
expect by 6m page uploads
