"""Line: the words of one line of a story, with their columns, and what is wrong with them."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeVar

from focusplane.kernel.quantity import Rate, parse_duration, parse_percent, parse_rate

_WORD = re.compile(r'"([^"]*)"|(#.*)|(\S+)')
Parsed = TypeVar("Parsed")


class WrongWord(Exception):  # noqa: N818  it never leaves the parser
    """A word that cannot stand there."""

    def __init__(self, column: int, code: str, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.column, self.code, self.what, self.hint = column, code, what, hint


@dataclass(slots=True)
class Line:
    number: int
    text: str
    words: list[tuple[int, str]] = field(default_factory=list)
    _at: int = 0

    @classmethod
    def read(cls, number: int, text: str) -> "Line":
        line = cls(number, text.strip())
        for found in _WORD.finditer(text):
            if found[2] is None:
                line.words.append((found.start() + 1, found[1] if found[1] is not None else found[3]))
        return line

    @property
    def column(self) -> int:
        """Of the next word, or just after the last one."""
        if self._at < len(self.words):
            return self.words[self._at][0]
        return self.words[-1][0] + len(self.words[-1][1]) + 1 if self.words else 1

    @property
    def more(self) -> bool:
        return self._at < len(self.words)

    def peek(self) -> str:
        return self.words[self._at][1] if self.more else ""

    def take(self, what: str) -> str:
        """The next word. Raises `WrongWord` if there is none."""
        if not self.more:
            raise WrongWord(self.column, "E402", f"here {what} is missing")
        self._at += 1
        return self.words[self._at - 1][1]

    def skip(self, word: str) -> bool:
        """Whether the next word is this one; then it is taken."""
        if self.peek() != word or not self.more:
            return False
        self._at += 1
        return True

    def parse(self, what: str, parse: Callable[[str], Parsed], hint: str) -> Parsed:
        column, word = self.column, self.take(what)
        try:
            return parse(word)
        except ValueError:
            raise WrongWord(column, "E403", f"{word!r} is not {what}", hint) from None

    def duration(self, what: str = "a time") -> int:
        return self.parse(what, _span, "such as 90s, 5m or 1h30m")

    def percent(self) -> Fraction:
        return self.parse("a percentage", _share, "such as 20% or 0.1%")

    def rate(self) -> Rate:
        return self.parse("a rate", parse_rate, "such as 200/s")

    def whole(self, what: str, most: int) -> int:
        def parse(text: str) -> int:
            if not (text.isascii() and text.isdigit() and len(text) < 10 and 0 < int(text) <= most):
                raise ValueError(text)
            return int(text)

        return self.parse(what, parse, f"a whole number from 1 to {most}")

    def end(self) -> None:
        if self.more:
            raise WrongWord(self.column, "E404", f"{self.peek()!r} is one word too many")


def _span(text: str) -> int:
    return 0 if text == "0" else parse_duration(text)


def _share(text: str) -> Fraction:
    share = parse_percent(text)
    if share > 1:
        raise ValueError(text)
    return share
