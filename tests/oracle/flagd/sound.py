"""Flags as people write them: every value of the kind that its place wants, though attributes may be missing."""

from typing import Any

from tests.oracle.flagd.generate import NUMBERS, ON_OFF, RELATIONS, VERSIONS, WORDS, Wild

Json = Any


class Sound(Wild):
    """Every value of the kind its place wants, though attributes may be missing."""

    def text(self, depth: int) -> Json:
        pool = self.by.randrange(5)
        if pool == 0 and depth:
            return {
                "cat": [self.text(depth - 1), self.by.choice((self.text(depth - 1), self.by.randrange(9)))]
            }
        if pool == 1 and depth:
            return {"substr": [{"var": "targetingKey"}, self.by.randrange(3), self.by.randrange(1, 4)]}
        if pool == 2:
            return self.by.choice(WORDS[1:])
        return {
            "var": self.by.choice(("email", "plan", "country", "targetingKey", "deep.x", "$flagd.flagKey"))
        }

    def number(self, depth: int) -> Json:
        pool = self.by.randrange(4)
        if pool == 0 and depth:
            return {self.by.choice("+-*"): [self.number(depth - 1), self.number(depth - 1)]}
        if pool == 1 and depth:
            return {self.by.choice(("min", "max")): [{"var": "age"}, self.by.randrange(99)]}
        if pool == 2 and depth:
            return {"%": [self.number(depth - 1), self.by.randrange(1, 9)]}
        return self.by.choice((self.by.randrange(-20, 100), {"var": "n"}, {"var": "age"}, {"var": "deep.y"}))

    def numbers(self) -> Json:
        return self.by.choice(([1, 2, 3], {"var": "list"}, {"merge": [{"var": "list"}, [7]]}))

    def truth(self, depth: int) -> Json:
        pool = self.by.randrange(9 if depth else 6)
        if pool == 0:
            return {
                self.by.choice(("==", "!=", "===", "!==")): [self.text(depth), self.by.choice(WORDS[1:4])]
            }
        if pool == 1:
            return {
                self.by.choice(("<", "<=", ">", ">=", "==", "!=")): [self.number(1), self.by.choice(NUMBERS)]
            }
        if pool == 2:
            return {"in": [{"var": "country"}, self.by.sample(("DE", "FR", "AT", "CH"), 2)]}
        if pool == 3:
            return {
                self.by.choice(("starts_with", "ends_with")): [
                    {"var": "email"},
                    self.by.choice(("a", ".com")),
                ]
            }
        if pool == 4:
            return {"sem_ver": [{"var": "version"}, self.by.choice(RELATIONS), self.by.choice(VERSIONS)]}
        if pool == 5:
            return self.loop()
        if pool == 6:
            return {"!": [self.truth(depth - 1)]}
        return {
            self.by.choice(("and", "or")): [self.truth(depth - 1) for _ in range(self.by.randrange(1, 4))]
        }

    def loop(self) -> Json:
        over = {"<": [{"var": ""}, self.by.randrange(9)]}
        total = {"reduce": [self.numbers(), {"+": [{"var": "current"}, {"var": "accumulator"}]}, 0]}
        kept = {"filter": [self.numbers(), over]}
        doubled = {"map": [self.numbers(), {"*": [{"var": ""}, 2]}]}
        return self.by.choice(
            (
                {
                    self.by.choice(("all", "some", "none")): [
                        self.by.choice((self.numbers(), kept, doubled)),
                        over,
                    ]
                },
                {">": [total, self.by.randrange(20)]},
                {"in": [self.by.randrange(9), doubled]},
                {"!": [{"missing": ["email", "gone"]}]},
                {"<": [{"var": "$flagd.timestamp"}, self.by.choice((10**9, 4 * 10**9))]},
            )
        )

    def outcome(self, depth: int) -> Json:
        pool = self.by.randrange(4)
        if pool == 0 and depth:
            return {
                "if": [
                    self.truth(2),
                    self.outcome(depth - 1),
                    self.truth(1),
                    self.outcome(0),
                    self.outcome(0),
                ]
            }
        if pool == 1:
            return self.by.choice(("on", "off", "beta", None))
        return {"fractional": self.sound_shares()}

    def sound_shares(self) -> list[Json]:
        weights = [self.by.choice((0, 1, 10, 33, 50, -3, {"+": [{"var": "n"}, 1]})) for _ in range(3)]
        shares: list[Json] = [
            [name, weight] for name, weight in zip(("on", "off", "beta"), weights, strict=True)
        ]
        if self.by.random() < 0.2:
            shares = [[name] for name, _ in shares]
        if self.by.random() < 0.7:
            shares.insert(0, {"cat": [f"shop:{self.by.randrange(99)}:", {"var": "targetingKey"}]})
        return shares

    def flag(self) -> tuple[dict[str, Json], dict[str, Json]]:
        evaluators = {"staff": self.truth(2)}
        condition = self.by.choice((self.truth(3), {"$ref": "staff"}))
        rule = {"if": [condition, self.outcome(2), self.outcome(1)]}
        default = self.by.choice(("off", "on", None))
        return {
            "state": "ENABLED",
            "variants": ON_OFF,
            "defaultVariant": default,
            "targeting": rule,
        }, evaluators

    def context(self) -> dict[str, Json]:
        every = {
            "email": self.by.choice(("a@acme.com", "bob@x.org", "a", "é@acme.com")),
            "plan": self.by.choice(("gold", "free", "a", "é")),
            "country": self.by.choice(("DE", "US", "AT")),
            "version": self.by.choice(VERSIONS),
            "n": self.by.randrange(-9, 50),
            "age": self.by.randrange(99),
            "list": [self.by.randrange(9) for _ in range(self.by.randrange(4))],
            "deep": {"x": "a", "y": self.by.randrange(9)},
        }
        context = {
            name: value for name, value in every.items() if self.by.random() < 0.85 or name in ("list", "age")
        }
        return {**context, "targetingKey": f"user-{self.by.randrange(10**6)}"}
