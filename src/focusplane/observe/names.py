"""Names: which values have a place of their own, and for how long; what finds none is `other` (N11)."""

from dataclasses import dataclass, field

from focusplane.instrument.conventions import OTHER


@dataclass(slots=True)
class Names:
    """Names that have a place, with the last slot in which each was used; they leave with it. What finds none is `other`."""

    most: int
    last: dict[str, int] = field(default_factory=dict)
    reserved: frozenset[str] = frozenset()

    def admit(self, name: str, slot: int) -> str:
        """The name itself, or `other`."""
        new = name not in self.last and name not in self.reserved
        if new and len(self.last.keys() - self.reserved) >= self.most:
            return OTHER
        self.note(name, slot)
        return name

    def note(self, name: str, slot: int) -> None:
        """The name was used in this slot; `other` needs no place."""
        if name != OTHER:
            self.last[name] = max(slot, self.last.get(name, slot))

    def forget_before(self, mark: int) -> None:
        for name in [name for name, slot in self.last.items() if slot <= mark]:
            del self.last[name]
