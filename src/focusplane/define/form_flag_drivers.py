"""The keys of a driver of a flag: the flag of Unleash or LaunchDarkly that is moved with it."""

from collections.abc import Callable
from typing import Any

from focusplane.define.flag_driver import FlagDriver, FlagDriverKind
from focusplane.define.shape import Field, Record, Shape, Values
from focusplane.define.shapes import Keyed, Name

_WORD = r"[A-Za-z0-9][A-Za-z0-9._~-]{0,99}"
_WORDS = "letters, digits, dots, dashes, underscores and tildes, at most 100"

PROJECT = Field("project", Name("project", _WORD, _WORDS), "The project that the flag is in.", "default")
ENVIRONMENT = Field(
    "environment", Name("environment", _WORD, _WORDS), "The environment that is moved.", required=True
)
NAME = Field("name", Name("flag", _WORD, _WORDS), "The name of the flag there.", required=True)
KEY = Field("key", Name("flag", _WORD, _WORDS), "The key of the flag there.", required=True)


def _driver(kind: FlagDriverKind, name: Field[str]) -> Callable[[Values], FlagDriver]:
    def build(values: Values) -> FlagDriver:
        return FlagDriver(kind, values[PROJECT], values[ENVIRONMENT], values[name])

    return build


def _kind(kind: FlagDriverKind, title: str, doc: str, name: Field[str]) -> Record[FlagDriver]:
    fields: tuple[Field[Any], ...] = (PROJECT, ENVIRONMENT, name)
    key = Field(kind.value, Record(title, fields, _driver(kind, name)), doc, required=True)
    return Record(f"a driver by {title}", (key,), lambda values: values[key])


FLAG_DRIVER: Shape[FlagDriver] = Keyed(
    "a driver of a flag",
    (
        _kind(FlagDriverKind.UNLEASH, "a flag of Unleash", "A flag of Unleash.", NAME),
        _kind(FlagDriverKind.LAUNCHDARKLY, "a flag of LaunchDarkly", "A flag of LaunchDarkly.", KEY),
    ),
)
