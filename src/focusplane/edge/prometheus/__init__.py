"""Prometheus as the engine: In: focuses that name one. Out: their counts, as batches, and what is wrong with the engine.

It asks, and never answers; it does not judge, and knows no window: counts go the way of everything that is sent to us.
"""
