# Payments fail in one region. It goes around the provider, its owner is paged, and the other region is not touched. Run by
# `focus test examples/u1-payment-regions`.
load focus.yaml
at 0s traffic checkout-eu 100/s tenants 200
at 0s traffic checkout-us 100/s tenants 200
at 1m errors checkout-eu 80%
at 2m errors checkout-eu 0%
expect by 90s mitigation checkout-eu/around-the-provider acts
expect by 4m page checkout-eu
expect never page checkout-us
expect never mitigation checkout-us/around-the-provider acts
expect by 90s flag checkout-eu/provider spare
expect never flag checkout-us/provider spare
expect at 4m budget checkout-us/paid above 99%
