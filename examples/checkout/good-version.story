# A version that is no worse is promoted on evidence of safety, and nobody is told anything.
load focus.yaml
at 0s traffic 400/s tenants 100
at 1m deploy v2
expect by 12m rollout promoted
expect never page
expect never incident open
