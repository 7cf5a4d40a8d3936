"""The load generator's own record of what its users saw, and the questions asked of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec


class Hit(msgspec.Struct, frozen=True, omit_defaults=True):
    """One attempt. Times are Unix ms; `status` 0 with an `error` where no answer came; `key` is shared by a resend."""

    start: int
    end: int
    tenant: str
    key: str
    card: str
    status: int = 0
    version: str = ""
    synthetic: bool = False
    resend: bool = False
    error: str = ""
    local: str = ""
    """Envoy's response flags (UF, UC, ...) where it answered itself."""

    @property
    def failed(self) -> bool:
        return self.status == 0 or self.status >= 500


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Hit)


def to_line(hit: Hit) -> bytes:
    return _encoder.encode(hit) + b"\n"


class LoadLog:
    """Reads a growing log; `read()` takes in what came since the last call."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self.hits: list[Hit] = []

    def read(self) -> Sequence[Hit]:
        """All hits so far; a last line that is not complete yet is left for the next call."""
        if not self._path.exists():
            return self.hits
        with self._path.open("rb") as file:
            file.seek(self._offset)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        self.hits.extend(_decoder.decode_lines(whole))
        return self.hits


@dataclass(frozen=True, slots=True)
class Arm:
    """What one version answered; `""` is what no version answered. `lost` are users who failed after their resend too."""

    version: str
    total: int = 0
    failed: int = 0
    first_bad: int | None = None
    last_request: int | None = None
    """when the last request left that this version answered"""
    tenants_hurt: frozenset[str] = frozenset()

    @property
    def failed_share(self) -> float:
        return self.failed / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class LoadStats:
    """Counts real (not synthetic) attempts that ended in [since, until); resends are attempts of their own."""

    since: int
    until: int
    total: int = 0
    failed: int = 0
    synthetic: int = 0
    resends: int = 0
    users: int = 0
    users_lost: int = 0
    tenants: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    arms: dict[str, Arm] = field(default_factory=dict)

    def arm(self, version: str) -> Arm:
        """What that version answered; zeros if it answered nothing."""
        return self.arms.get(version, Arm(version))


def load_stats(hits: Iterable[Hit], since: int, until: int) -> LoadStats:
    """What the users saw in [since, until)."""
    inside = [hit for hit in hits if since <= hit.end < until]
    real = [hit for hit in inside if not hit.synthetic]
    by_version: dict[str, list[Hit]] = {}
    last: dict[str, Hit] = {}
    errors: dict[str, int] = {}
    for hit in real:
        by_version.setdefault(hit.version, []).append(hit)
        last[hit.key] = hit
        if hit.error:
            errors[hit.error] = errors.get(hit.error, 0) + 1
    return LoadStats(
        since,
        until,
        total=len(real),
        failed=sum(hit.failed for hit in real),
        synthetic=len(inside) - len(real),
        resends=sum(hit.resend for hit in real),
        users=len(last),
        users_lost=sum(hit.failed for hit in last.values()),
        tenants=len({hit.tenant for hit in real}),
        errors=errors,
        arms={version: _arm(version, seen) for version, seen in sorted(by_version.items())},
    )


def _arm(version: str, hits: Sequence[Hit]) -> Arm:
    bad = [hit for hit in hits if hit.failed]
    return Arm(
        version,
        total=len(hits),
        failed=len(bad),
        first_bad=min((hit.end for hit in bad), default=None),
        last_request=max((hit.start for hit in hits), default=None),
        tenants_hurt=frozenset(hit.tenant for hit in bad),
    )
