"""What we say and what an oracle says, side by side."""

from collections.abc import Iterator
from typing import Any

from tests.oracle.flagd.environments import Oracle

from focusplane.control.flags.answer import Evaluated, Reason
from focusplane.control.flags.ruleset import Ruleset

Json = Any
DEAR = "the rule may take more than"
"""Why we refuse what others would evaluate for as long as it takes."""
SOME_TIME = 1_800_000_000
"""Generated rules only compare the time with years that are far away from this one and from today."""


def ours(line: dict[str, Json]) -> list[Evaluated]:
    rules = Ruleset.of(line["document"])
    assert all(DEAR in why for why in rules.faults.values()), (rules.faults, line)
    return [rules.evaluate(key, context, SOME_TIME) for key, context in line["cases"]]


def agrees(mine: Evaluated, theirs: dict[str, Json]) -> bool:
    """Their reason, variant and value; an error is an error, whatever the words."""
    if "variant" not in theirs:
        return mine.reason is Reason.ERROR and theirs["reason"] == "ERROR"
    return (mine.reason, mine.variant, mine.value) == (theirs["reason"], theirs["variant"], theirs["value"])


def differences(oracle: Oracle, lines: list[dict[str, Json]]) -> Iterator[str]:
    """One text for each answer that is not the same, with all that is needed to see it again."""
    for line, told in zip(lines, oracle.answers(lines), strict=True):
        for (key, context), mine, theirs in zip(line["cases"], ours(line), told, strict=True):
            if DEAR not in mine.why and not agrees(mine, theirs):
                yield f"{mine} but {oracle.name} says {theirs} for {context} and {line['document']['flags'][key]}"
