"""Envoy as a data plane: no gRPC, no protobuf, plain dicts over REST-JSON xDS.

In: the Board and the focuses. Out: routed traffic, focus-tagged counts over OTLP, and what every Envoy really runs.
Does not decode those counts (that is `wire`), and decides nothing.
"""
