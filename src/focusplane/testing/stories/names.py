"""What the words of a story mean in its policies: focuses, versions, objectives, flags, mitigations."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from focusplane.define.focus import Focus, PolicySet
from focusplane.define.log import did_you_mean
from focusplane.testing.stories.line import Line, WrongWord

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Names:
    policies: PolicySet

    def focus(self, line: Line) -> Focus:
        """The focus that the next word names, or the only one there is."""
        found = self.policies.focuses.get(line.peek())
        if found is not None:
            line.take("a focus")
            return found
        if len(self.policies.focuses) == 1:
            return next(iter(self.policies.focuses.values()))
        raise _unknown(line, "focus", self.policies.focuses)

    def named(self, line: Line) -> Focus:
        """The focus that the next word must name."""
        found = self.policies.focuses.get(line.peek())
        if found is None:
            raise _unknown(line, "focus", self.policies.focuses)
        line.take("a focus")
        return found

    def target(self, line: Line) -> tuple[Focus, str]:
        """`checkout`, `v2` or `checkout/v2` -> the focus and the version, `*` for all of them; a variant is `fresh=on`."""
        word = line.peek()
        name, slash, version = word.partition("/")
        focus = self.policies.focuses.get(name)
        if focus is not None and not slash:
            line.take("a focus")
            return focus, "*"
        mine = [focus] if focus is not None else list(self.policies.focuses.values())
        version = version if focus is not None else word
        having = [one for one in mine if version in (*versions(one), *variants(one))]
        if len(having) != 1:
            known = [*self.policies.focuses, *(v for one in mine for v in (*versions(one), *variants(one)))]
            raise _unknown(line, "focus or version", known)
        line.take("a version")
        return having[0], version

    def part(self, line: Line, what: str, known: dict[str, Focus]) -> tuple[Focus, str]:
        """`availability` or `checkout/availability`; `known` has the long names."""
        word = line.peek()
        short = {long: focus for long, focus in known.items() if long.partition("/")[2] == word}
        chosen = {word: known[word]} if word in known else short
        if len(chosen) != 1:
            raise _unknown(line, what, [*known])
        line.take(what)
        ((long, focus),) = chosen.items()
        return focus, long.partition("/")[2]

    def objectives(self) -> dict[str, Focus]:
        return {f"{one.name}/{each.name}": one for one in self.every() for each in one.objectives}

    def flags(self) -> dict[str, Focus]:
        return {f"{one.name}/{key}": one for one in self.every() for key in one.controls.flags}

    def mitigations(self) -> dict[str, Focus]:
        return {f"{one.name}/{each.name}": one for one in self.every() for each in one.mitigations}

    def every(self) -> Iterable[Focus]:
        return self.policies.focuses.values()


def versions(focus: Focus) -> tuple[str, ...]:
    return tuple(focus.controls.traffic.versions) if focus.controls.traffic is not None else ()


def variants(focus: Focus) -> tuple[str, ...]:
    """Each variant of each flag, as `fresh=on`."""
    return tuple(f"{key}={name}" for key, flag in focus.controls.flags.items() for name in flag.variants)


def split(version: str) -> tuple[str, str]:
    """`fresh=on` -> the flag and its variant; a version, or all of them, is of no flag."""
    key, is_variant, variant = version.partition("=")
    return (key, variant) if is_variant else ("", version)


def _unknown(line: Line, what: str, known: Iterable[str]) -> WrongWord:
    if not line.more:
        return WrongWord(line.column, "E402", f"here the name of a {what} is missing", ", ".join(known))
    names = sorted(set(known))
    hint = did_you_mean(line.peek(), names) or f"known: {', '.join(names) or 'none'}"
    return WrongWord(line.column, "E405", f"no {what} {line.peek()!r} is declared", hint)
