"""Flags and contexts by chance, where anything may stand anywhere; sound.py has what every language agrees about."""

import random
from typing import Any

from focusplane.control.flags.ruleset import Ruleset

ON_OFF = {"on": "yes", "off": "no", "beta": "maybe"}
SHAPES = (
    ON_OFF,
    {"on": True, "off": False, "true": True, "false": False},
    {"on": 1, "off": 0, "1": 7, "5": 8},
    {"on": {"deep": [1]}, "off": {}},
)
WORDS = (
    *(
        "",
        "a",
        "gold",
        "é",
        "1",
        "1.5",
        " 5 ",
        "true",
        "null",
        "v1.2",
        "1.2.3-rc.1",
        "1.2.3-rc.2",
        "2",
        "a@acme.com",
    ),
    *("acme.com", "on", "off", "b", "0", "𝄞", "1.2.3+b1", "inf", "x" * 30),
)
NUMBERS = (0, 1, -1, 2, 5, 10, 100, 1.5, -2.5, 0.1, 1e3, -7, 3.0)
NAMES = (
    "a",
    "b",
    "c",
    "email",
    "version",
    "n",
    "list",
    "deep",
    "deep.x",
    "list.0",
    "list.length",
    "gone",
    "deep.y.z",
)
VERSIONS = ("1.0.0", "v1.2", "2", "1.2.3-rc.1", "1.2.3-rc.10", "1.2.3", "0.9", "10.0.0")
RELATIONS = ("=", "!=", "<", "<=", ">", ">=", "^", "~")
TESTS = ("==", "!=", "===", "!==", "<", "<=", ">", ">=")
ANY = (
    *(
        "if",
        "and",
        "or",
        "var",
        "==",
        "!=",
        "===",
        "!==",
        "<",
        "<=",
        ">",
        ">=",
        "!",
        "!!",
        "in",
        "cat",
        "substr",
    ),
    *(
        "+",
        "-",
        "*",
        "/",
        "%",
        "min",
        "max",
        "merge",
        "missing",
        "missing_some",
        "map",
        "filter",
        "reduce",
        "all",
    ),
    *("some", "none", "fractional", "starts_with", "ends_with", "sem_ver", "?:"),
)
LOOPS = ("map", "filter", "reduce", "all", "some", "none")
Json = Any


class Wild:
    """Anything anywhere: the wrong kinds, too many arguments, none at all."""

    def __init__(self, seed: int) -> None:
        self.by = random.Random(seed)

    def scalar(self) -> Json:
        pool = self.by.randrange(10)
        if pool < 5:
            return self.by.choice(WORDS)
        if pool < 8:
            return self.by.choice(NUMBERS)
        return self.by.choice((True, False, None))

    def value(self, depth: int = 2) -> Json:
        pool = self.by.randrange(8)
        if depth and pool == 0:
            return [self.value(depth - 1) for _ in range(self.by.randrange(4))]
        if depth and pool == 1:
            return {
                name: self.value(depth - 1) for name in self.by.sample(("x", "y", "z"), self.by.randrange(3))
            }
        return self.scalar()

    def rule(self, depth: int = 4, loops: int = 0) -> Json:
        if depth == 0 or self.by.random() < 0.15:
            return self.leaf(loops)
        name = self.by.choice(ANY)
        if name == "var" or (name == "fractional" and loops) or (name in LOOPS and loops > 1):
            return self.leaf(loops)
        if name == "fractional":
            return {name: self.shares(depth)}
        if name == "sem_ver" and self.by.random() < 0.8:
            sides = [self.by.choice((self.leaf(loops), self.by.choice(VERSIONS))) for _ in range(2)]
            return {name: [sides[0], self.by.choice((*RELATIONS, "?")), sides[1]]}
        return {name: self.arguments(name, depth, loops)}

    def arguments(self, name: str, depth: int, loops: int) -> Json:
        if self.by.random() < 0.05:
            only = self.rule(depth - 1, loops)
            return only if not isinstance(only, list) else [only]
        count = (
            self.by.choice((2, 2, 2, 3, 3, 1, 4, 0))
            if name not in TESTS
            else self.by.choice((2, 2, 2, 2, 3, 1))
        )
        inside = [loops + (name in LOOPS and at == 1) for at in range(count)]
        return [self.rule(depth - 1, deep) for deep in inside]

    def leaf(self, loops: int) -> Json:
        pool = self.by.randrange(10)
        if pool < 5:
            names = (*NAMES, "accumulator", "current", "", 0, 1) if loops else NAMES
            name = self.by.choice(names)
            return {"var": self.by.choice((name, [name], [name, self.scalar()]))}
        if pool == 5:
            return [self.scalar() for _ in range(self.by.randrange(4))]
        if pool == 6 and not loops:
            return {"var": self.by.choice(("targetingKey", "$flagd.flagKey"))}
        if pool == 7:
            return self.by.choice(("on", "off", "beta"))
        value = self.value(1) if self.by.random() < 0.3 else self.scalar()
        return (
            self.scalar() if isinstance(value, dict) and len(value) == 1 else value
        )  # it would be an operator

    def shares(self, depth: int) -> list[Json]:
        shares: list[Json] = [self.share(depth) for _ in range(self.by.randrange(5))]
        if self.by.random() < 0.7:
            shares.insert(0, self.by.choice((self.key(), self.rule(depth - 1))))
        return shares

    def key(self) -> Json:
        who = {"var": self.by.choice(("targetingKey", "email", "n"))}
        return self.by.choice((who, {"cat": [self.by.choice(WORDS), who]}, self.scalar()))

    def share(self, depth: int) -> Json:
        variant = self.by.choice(("on", "off", "beta", "on", "off", None))
        weight = self.by.choice(
            (10, 50, 90, 0, -5, 1, 2**31, 2.5, True, {"+": [1, {"var": "n"}]}, self.rule(depth - 1))
        )
        return self.by.choice(([variant], [variant, 50], [variant, weight], [variant, 25, 1], "on"))

    def flag(self) -> tuple[dict[str, Json], dict[str, Json]]:
        """A flag and the evaluators it may refer to."""
        evaluators = {name: {"==": [{"var": name}, self.rule(1)]} for name in ("a", "b")}
        rule = self.rule()
        while not isinstance(rule, dict) or len(rule) != 1:
            rule = self.rule()
        pool = self.by.randrange(4)
        if pool == 0:
            rule = {"if": [{"$ref": self.by.choice(("a", "b"))}, rule, self.by.choice(("on", "off"))]}
        elif pool > 1:
            rule = {"if": [rule, "on", "off"]}
        shape = self.by.choice(SHAPES)
        default = self.by.choice(("off", "on", None, ""))
        state = self.by.choices(("ENABLED", "DISABLED"), (30, 1))[0]
        return {"state": state, "variants": shape, "defaultVariant": default, "targeting": rule}, evaluators

    def context(self) -> dict[str, Json]:
        names = ("a", "b", "c", "email", "version", "n", "list", "deep")
        context = {name: self.value() for name in names if self.by.random() < 0.7}
        if self.by.random() < 0.9:
            context["targetingKey"] = self.by.choice(
                ("u1", "", "user-77", "é", f"u{self.by.randrange(10**6)}")
            )
        return context


def lines(source: Wild, flags: int, contexts: int, **more: Json) -> list[dict[str, Json]]:
    """Documents of one flag each, so that no flag can stop another, with contexts to evaluate it by. Rules that may take
    long are drawn again: we refuse them, and what their clients make of them is no question; they are few.
    """
    made: list[dict[str, Json]] = []
    dear = 0
    while len(made) < flags:
        flag, evaluators = source.flag()
        key = f"flag-{len(made)}"
        document: dict[str, Json] = {"flags": {key: flag}, "$evaluators": evaluators, **more}
        cases = [[key, source.context()] for _ in range(contexts)]
        if any("may take more than" in why for why in Ruleset.of(document).faults.values()):
            dear += 1
        else:
            made.append({"document": document, "cases": cases})
    assert dear < flags / 20
    return made
