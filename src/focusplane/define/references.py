"""Names that are used must be declared: teams, runbooks, channels, and what a focus calls its own."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from focusplane.define.focus import PolicySet
from focusplane.define.log import Log, Use, did_you_mean, problem_at
from focusplane.define.problem import Problem, Severity

_DOCUMENTS = {"team": "Team", "runbook": "Runbook", "focus": "Focus"}


def reference_problems(
    log: Log, policies: PolicySet, documents: AbstractSet[tuple[str, str]]
) -> Iterator[Problem]:
    """`documents` are (kind, name) of all documents, also of those that could not be read whole."""
    for use in log.uses:
        known = _known(use, log, policies, documents)
        if known is not None and use.name not in known:
            what = f"unknown {use.kind} {use.name!r}"
            yield problem_at(use.place, Severity.ERROR, "D102", what, did_you_mean(use.name, known))


def _known(
    use: Use, log: Log, policies: PolicySet, documents: AbstractSet[tuple[str, str]]
) -> list[str] | None:
    """The names that would do; None when that cannot be told because of another problem."""
    if use.kind in _DOCUMENTS:
        return [name for kind, name in documents if kind == _DOCUMENTS[use.kind]]
    if use.kind != "channel":
        return log.names.get((use.kind, use.scope), [])
    focus = policies.focuses.get(use.scope)
    if focus is None or ("Team", focus.owner) not in documents:
        return None
    return log.names.get(("channel", f"team/{focus.owner}"), [])
