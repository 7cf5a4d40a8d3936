# A new service has ten failures among its first 1,500 requests. Then every window, even that of three days, holds the same five
# minutes: 0.67 %, 6.7 times too fast. Windows of six hours and of three days that were never full wake nobody with that, and
# write no ticket.
load shop.yaml
pace 10s
at 0s traffic 5/s tenants 5
at 0s errors shop 0.67%
at 5m errors shop 0%
expect at 6m health availability ok
expect at 6m budget availability below 100%
expect never page
expect never ticket
end 7h
