"""The hash chain of the journal: hash = SHA-256(previous hash || canonical JSON of the fact), N14."""

import hashlib

GENESIS = "0" * 64


def link(prev: str, fact: str) -> str:
    """The hash of a fact's canonical JSON text that follows `prev`."""
    return hashlib.sha256(prev.encode() + fact.encode()).hexdigest()
