"""Who is inside a percentage: the arithmetic of flagd's second generation, so that every client agrees."""

import mmh3

SPAN_BITS = 32


def prefix_of(focus: str, flag: str, salt: str = "") -> str:
    """What stands before the tenant in the text that is hashed: each flag picks others first, and so does each rollout."""
    return f"{focus}:{flag}:{salt}:" if salt else f"{focus}:{flag}:"


def key_of(focus: str, flag: str, who: str, salt: str = "") -> str:
    """The text that is hashed, spelt out."""
    return f"{prefix_of(focus, flag, salt)}{who}"


def bucket(key: str, total: int) -> int:
    """Where the key falls in [0, total): murmur3 of its UTF-8 bytes, scaled down by multiplication."""
    try:
        octets = key.encode()
    except UnicodeEncodeError:  # half a character that no document can hold; it still needs a stable place
        octets = key.encode("utf-8", "surrogatepass")
    return (mmh3.hash(octets, 0, False) * total) >> SPAN_BITS
