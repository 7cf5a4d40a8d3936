"""Rules of Prometheus for the objectives of focuses: In: focuses. Out: groups of rules, and what cannot be expressed."""
