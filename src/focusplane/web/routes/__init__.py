"""One module per group of addresses (INTERFACE 5); each has a `router` and knows no other."""
