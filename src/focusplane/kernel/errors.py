"""Every error of focusplane, as a tree; each carries a code, a hint, an exit status and an HTTP status.

FocusplaneError
├── PolicyError        the policy set cannot be loaded          exit 1, HTTP 422
├── NotFoundError      there is no such focus, action, ...      exit 1, HTTP 404
├── ConflictError      not possible in the present state        exit 4, HTTP 409
├── RefusedError       a guard or a missing right says no       exit 4, HTTP 403
│   └── UnavailableError  not now: come again                   exit 3, HTTP 503
├── UnauthenticatedError  no token, or not a known one          exit 4, HTTP 401
├── UsageError         the caller's words cannot be understood  exit 2, HTTP 400
│   └── WordsError     what nobody could write down again       exit 2, HTTP 400
├── UnreachableError   a server does not answer                 exit 3, HTTP 502
└── DataError          stored or received bytes are damaged     exit 1, HTTP 400
    └── JournalError   the journal does not hold together       exit 1, HTTP 500
"""

from typing import ClassVar


class FocusplaneError(Exception):
    """The root: `what` went wrong and a `hint` what to try."""

    code: ClassVar[str] = "E000"
    exit_status: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


class PolicyError(FocusplaneError):
    code = "E100"
    http_status = 422


class NotFoundError(FocusplaneError):
    code = "E200"
    http_status = 404


class ConflictError(FocusplaneError):
    code = "E300"
    exit_status = 4
    http_status = 409


class RefusedError(FocusplaneError):
    code = "E400"
    exit_status = 4
    http_status = 403


class UnavailableError(RefusedError):
    """Nothing is wrong with what was asked: it cannot be taken at the moment."""

    code = "E410"
    exit_status = 3
    http_status = 503


class UnauthenticatedError(FocusplaneError):
    code = "E401"
    exit_status = 4
    http_status = 401


class UsageError(FocusplaneError):
    code = "E500"
    exit_status = 2
    http_status = 400


class WordsError(UsageError):
    """A number that is not finite, half a character, or values nested without end: JSON by its grammar only."""

    code = "E510"


class UnreachableError(FocusplaneError):
    code = "E600"
    exit_status = 3
    http_status = 502


class DataError(FocusplaneError):
    code = "E700"
    http_status = 400


class JournalError(DataError):
    code = "E710"
    http_status = 500
