"""Scenarios without a gateway: a plane, the programs of one example, and their visitors."""
