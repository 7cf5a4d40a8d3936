"""In: values or bytes. Out: the other one. What the server's edges and the SDK share.

Opens no socket and keeps no state but bounded caches.
"""
