"""flagd documents of others: damaged ones are refused in words, flag by flag, and no context makes an evaluation raise."""

import json
import random
from typing import Any

from tests.fuzz.mutate import as_bytes, hurt, misplace, reword
from tests.oracle.flagd.generate import Wild
from tests.oracle.flagd.sound import Sound

from focusplane.control.flags.lints import lints
from focusplane.control.flags.ruleset import Ruleset

SOME_TIME = 1_800_000_000


def made(chance: random.Random) -> tuple[bytes, list[Any]]:
    source = chance.choice((Wild, Sound))(chance.randrange(2**32))
    flags, evaluators = {}, {}
    for name in ("one", "other"):
        flags[name], more = source.flag()
        evaluators |= more
    document: Any = {
        "flags": flags,
        "$evaluators": evaluators,
        "metadata": {"bucketing": chance.choice(("v2", "v3"))},
    }
    for _ in range(chance.randrange(3)):
        document = misplace(chance, document)
    text = as_bytes(document)
    if chance.random() < 0.3:
        text = reword(chance, text.decode("utf-8", "replace")).encode("utf-8", "replace")
    contexts = [misplace(chance, source.context()) for _ in range(3)]
    contexts = [context if isinstance(context, dict) else {"a": context} for context in contexts]
    return (hurt(chance, text) if chance.random() < 0.3 else text), contexts


def taken(given: tuple[bytes, list[Any]]) -> None:
    text, contexts = given
    try:
        rules = Ruleset.of(text)
    except ValueError as refused:
        assert str(refused)
        return
    assert all(rules.faults.values())
    for key in rules.flags:
        for context in contexts:
            answer = rules.evaluate(key, context, SOME_TIME)
            assert answer.why
            told = rules.explain(key, context, SOME_TIME)
            assert (told.answer == answer, bool(str(told))) == (True, True)
    assert all(str(one) for one in lints(json.loads(text)))
    assert not Ruleset.of(text, rules).changed
