# A variant that fails one request in five is taken back while a tenth of the tenants have it, and the flag is what it was.
load focus.yaml
at 0s traffic 200/s tenants 100
at 30s errors price=new 20%
at 1m deploy price=new
at 61s restart
expect by 90s rollout rolled-back
expect from 90s weight price=old 100%
expect by 90s incident open
expect never flag price none
