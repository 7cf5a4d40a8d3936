"""Fallback: a declared answer in place of the real one, and never for longer than it is safe."""

from focusplane.control.admission import Admission, Divert, Reject
from focusplane.define.controls import Fallback
from focusplane.kernel.quantity import format_duration

RETRY_MS = 1_000


def divert(fallback: Fallback, why: str, since: int, at: int) -> Admission:
    """The declared answer while the outage that began at `since` is younger than `maxAge` (ms), then 503.

    A `maxAge` of 0 never lapses.
    """
    age = at - since
    if fallback.max_age_ms and age > fallback.max_age_ms:
        lapsed = f"the fallback has stood {format_duration(age)}, longer than {format_duration(fallback.max_age_ms)}"
        return Reject(f"{why}; {lapsed}", RETRY_MS)
    return Divert(why, fallback.status, fallback.body)
