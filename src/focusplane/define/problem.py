"""Problem: one mistake in a policy, with its place, cause and hint."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Lines and columns count from 1. `code` is stable: D0xx shape, D1xx meaning, D2xx declared but not yet acted on."""

    path: str
    line: int
    column: int
    severity: Severity
    code: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}  {self.severity} {self.code}  {self.what}"
