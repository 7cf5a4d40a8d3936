# Thirty requests an hour, and one of them fails: 3.3 % of the last hour, 33 times too fast by the factors alone. One failure is
# no outage: nobody is woken, and nobody gets a ticket.
load shop.yaml
pace 10s
at 0s traffic 30/h tenants 1
at 3h errors shop 100%
at 182m errors shop 0%
expect at 3h budget availability above 99.999%
expect at 4h budget availability below 99%
expect never page
expect never ticket
end 6h
