"""Attributes from their raw bytes, remembered: the same bytes come again in almost every point."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from google.protobuf.message import DecodeError

from focusplane.instrument import conventions as names
from focusplane.instrument.point import Said
from focusplane.instrument.tagging import Value
from focusplane.kernel.errors import DataError
from focusplane.wire.otlp_schema import message

MAX_TEXT = 256
"""Characters of a text value that are kept: names of tenants and routes, not documents."""
_LONGEST = 1_024
"""Bytes of an attribute above which it is not remembered: a cache is bounded in entries and in bytes."""
_MOST = 128
"""Attributes of a request above which they are not remembered together (OpenTelemetry's own default limit)."""
_READ = 1_024
"""Attributes of one span, point or resource that are looked at."""
CACHE = 65_536
"""Entries of a cache before it is emptied: what fills it comes from outside."""
CACHE_BYTES = 24 * 1024 * 1024
"""The same in bytes as they came; in memory they are about three times that."""
_RESOURCE_BYTES = 4 * 1024 * 1024

WANTED: frozenset[str] = frozenset(
    {
        names.FOCUS_ID,
        names.TENANT_ID,
        names.SERVICE_VERSION,
        *names.METHOD,
        *names.ROUTE,
        *names.STATUS,
        names.ERROR_TYPE,
        names.RPC_SERVICE,
        names.RPC_METHOD,
        *names.RPC_STATUS,
        names.RESEND,
        names.SYNTHETIC,
        names.SYNTHETIC_AGENT,
        names.MIRROR,
        names.REGION,
        names.CLIENT,
        names.TENANT_CLASS,
        names.PROXY_FLAG,
        names.OVERFLOW,
        names.LISTENER,
        names.FLAG_KEY,
        *names.FLAG_VARIANT,
        names.FLAG_VERSION,
        names.FLAG_SET,
        *names.FLAG_REASON,
    }
)

_FIRST_FIELD = 0x0A
"""The tag of `key`. A sender that writes `value` first is in its right, and is decoded without a short cut."""


def _heads(keys: frozenset[str]) -> frozenset[bytes]:
    """Tag, length and first letter of each wanted key: enough to pass over most others without decoding them. The empty
    attribute is among them because it has no first byte to look at.
    """
    written = (key.encode() for key in keys)
    return frozenset(bytes((_FIRST_FIELD, len(key))) + key[:1] for key in written if len(key) < 128) | {b""}


_KEY_VALUE = message("KeyValue")
_RESOURCE = message("Resource")
_UNWANTED = 0
_FEW = 64
"""Values of an unwanted attribute that are remembered: of those that have more, such as paths, most come only once."""
Pair = tuple[str, Value]


class Interner:
    """Raw attributes -> what they say, the same object for the same bytes. For one thread at a time.

    Every attribute that is worth it has a number, `_UNWANTED` for all that nobody reads. The numbers of a request in
    their order, None for what is not known, lead to what it says and to the places that must be looked at each time.
    """

    def __init__(self) -> None:
        self.keys = WANTED
        self._heads = _heads(WANTED)
        self._numbers: dict[bytes, int] = {}
        self._number = self._numbers.get
        self._pairs: dict[int, Pair] = {}
        self._said: dict[tuple[int, ...], Said] = {}
        self._orders: dict[tuple[int | None, ...], tuple[Said, tuple[int, ...]]] = {}
        self._unwanted: Counter[bytes] = Counter()
        self._resources: dict[bytes, Said] = {}
        self._weight = 0
        self._resource_weight = 0

    def ask(self, keys: frozenset[str]) -> None:
        """From now on attributes with these keys are read too."""
        if self.keys != WANTED | keys:
            self.keys = WANTED | keys
            self._heads = _heads(self.keys)
            self._forget()

    def wanted(self, raw: Sequence[bytes]) -> Said:
        """Those of these attributes whose keys are read. The hot path: one look-up of each, one of all, no decoding."""
        encoded = raw[:_READ]  # protobuf hands over a whole list faster than one attribute after another
        known = self._orders.get(tuple(map(self._number, encoded)))
        if known is not None:
            said, unknown = known
            for place in unknown:
                one = encoded[place]
                if one[:3] in self._heads or one[0] != _FIRST_FIELD:
                    break
            else:
                return said
        return self._learn(encoded)

    def resource(self, raw: bytes) -> Said:
        """All scalar attributes of a resource."""
        known = self._resources.get(raw)
        if known is None:
            pairs = (pair_of(encoded) for encoded in _parsed(_RESOURCE, raw).attributes[:_READ])
            known = Said(dict(pair for pair in pairs if pair is not None))
            if len(raw) <= _MOST * _LONGEST // 16:
                self._remember(raw, known)
        return known

    def _remember(self, raw: bytes, known: Said) -> None:
        if len(self._resources) >= CACHE // 16 or self._resource_weight >= _RESOURCE_BYTES:
            self._resources.clear()
            self._resource_weight = 0
        self._resources[raw] = known
        self._resource_weight += len(raw)

    def identity(self, raw: Iterable[bytes]) -> bytes:
        """The same bytes for the same attributes in any order."""
        return b"\x00".join(sorted(raw))

    def _learn(self, encoded: Sequence[bytes]) -> Said:
        if max(len(self._numbers), len(self._orders)) >= CACHE or self._weight >= CACHE_BYTES:
            self._forget()
        pairs = [self._pair(one) for one in encoded]
        numbers = tuple(map(self._number, encoded))
        unknown = tuple(place for place, number in enumerate(numbers) if number is None)
        if len(encoded) > _MOST or any(pairs[place] for place in unknown):
            return Said(dict(filter(None, pairs)))
        wanted = tuple(filter(None, numbers))
        said = self._said.get(wanted) or self._said.setdefault(wanted, Said(dict(filter(None, pairs))))
        self._orders[numbers] = said, unknown
        self._weight += 8 * len(numbers)
        return said

    def _pair(self, encoded: bytes) -> Pair | None:
        """What a wanted attribute says, None for any other; remembered if it is likely to come again."""
        number = self._number(encoded)
        if number is not None:
            return self._pairs.get(number)
        pair = pair_of(encoded) if encoded[:3] in self._heads or encoded[0] != _FIRST_FIELD else None
        if pair is None or pair[0] not in self.keys:
            head = encoded[:3]
            if len(encoded) <= _LONGEST and self._unwanted[head] < _FEW:
                self._unwanted[head] += 1
                self._numbers[encoded] = _UNWANTED
                self._weight += len(encoded)
            return None
        if len(encoded) <= _LONGEST:
            self._numbers[encoded] = number = len(self._pairs) + 1
            self._pairs[number] = pair
            self._weight += len(encoded)
        return pair

    def _forget(self) -> None:
        self._weight = 0
        for memory in (self._numbers, self._pairs, self._said, self._orders, self._unwanted):
            memory.clear()


def pair_of(encoded: bytes) -> Pair | None:
    """One attribute; None for one whose value is no text, number or truth value."""
    parsed = _parsed(_KEY_VALUE, encoded)
    key, value = parsed.key[:MAX_TEXT].decode("utf-8", "replace"), parsed.value
    if value.string_value:
        return key, value.string_value[-1][: 4 * MAX_TEXT].decode("utf-8", "replace")[:MAX_TEXT]
    for numbers in (value.int_value, value.bool_value, value.double_value):
        if numbers:
            return key, numbers[-1]
    return None


def _parsed(kind: Any, encoded: bytes) -> Any:
    try:
        return kind.FromString(encoded)
    except DecodeError as error:
        raise DataError("the request holds a damaged attribute", "send OTLP protobuf 1.x") from error
