# The backend of the app answers with errors. A server error alone is no crash, so nobody is paged for `crash-free`, and
# the new player stays off. Run by `focus test examples/u6-mobile-feature`.
load focus.yaml
at 0s traffic 100/s tenants 200
at 1m errors player 60%
expect never flag new-player on
expect never page player
expect at 3m health crash-free ok
