# An alert table of one's own: what it pages for, and what it leaves to a ticket.
load own-alerts.yaml team.yaml
pace 10s
at 0s traffic 50/s tenants 5
at 1h errors own-alerts 80%
expect at 1h incident none
expect by 70m page
