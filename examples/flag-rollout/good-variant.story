# A variant that is no worse goes through all steps on evidence, and nobody is told.
load focus.yaml
at 0s traffic 200/s tenants 100
at 1m deploy price=new
expect by 10m rollout promoted
expect from 10m flag price new
expect never page
expect never incident open
