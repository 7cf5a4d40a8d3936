"""Runs inside an oracle's own environment: evaluates by openfeature-flagd-core what comes in, one JSON object a line.

In: `{"document": ..., "cases": [[key, context], ...], "mended": ["name", ...]}`. Out: a list of answers for each line.
`mended` names faults of the oracle (see faults.py) that are put right before it answers.
"""

import json
import logging
import sys

import json_logic.apply  # noqa: F401  only to have the module, which the function of the same name hides
from json_logic import builtins
from openfeature.contrib.tools.flagd.core import flagd_core
from openfeature.contrib.tools.flagd.core.targeting import custom_ops, targeting
from openfeature.evaluation_context import EvaluationContext

logging.disable(logging.CRITICAL)
OPERATORS = sys.modules["openfeature.contrib.tools.flagd.core.targeting.targeting"].OPERATORS
STORE = flagd_core.FlagStore
APPLY = sys.modules["json_logic.apply"]
KINDS = {bool: "boolean", str: "string", int: "integer", float: "float", dict: "object", list: "object"}
ORIGINAL = {
    "text": builtins.to_string,
    "operators": dict(OPERATORS),
    "share": custom_ops._parse_fraction,
    "apply": APPLY.apply,
    "variable": builtins.op_var,
    "update": STORE.update,
}


def identical(one, other):
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(identical, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(identical(one[name], other[name]) for name in one)
    return one == other


def truth_is_written_as_in_python():
    builtins.to_string = lambda value: (
        ("false", "true")[value] if isinstance(value, bool) else ORIGINAL["text"](value)
    )


def remainder_has_the_sign_of_the_second():
    def remainder(data=None, one=None, other=None, *_):
        left, right = builtins.to_number(one), builtins.to_number(other)
        size = abs(left) % abs(right)
        return -size if left < 0 else size

    OPERATORS["%"] = remainder


def truth_is_a_number():
    OPERATORS["==="] = lambda data=None, one=None, other=None, *_: identical(one, other)
    OPERATORS["!=="] = lambda data=None, one=None, other=None, *_: not identical(one, other)

    def contains(data=None, needle=None, hay=None, *_):
        if isinstance(hay, list):
            return any(identical(needle, item) for item in hay)
        return builtins.op_in(data, needle, hay)

    OPERATORS["in"] = contains


def whole_weight_is_refused_as_a_float():
    def share(told):
        if isinstance(told, list) and len(told) == 2 and isinstance(told[1], float) and told[1].is_integer():
            told = [told[0], int(told[1])]
        return ORIGINAL["share"](told)

    custom_ops._parse_fraction = share


def empty_bucketing_text_is_refused():
    def fractional(data, *args):
        if args and args[0] == "":
            # The hash of nothing is 0, which is the first place.
            return first_of(args[1:])
        return ORIGINAL["operators"]["fractional"](data, *args)

    def first_of(args):
        try:
            shares = [custom_ops._parse_fraction(arg) for arg in args]
        except ValueError:
            return None
        if sum(share.weight for share in shares) > custom_ops.MAX_WEIGHT_SUM:
            return None
        return next((share.variant for share in shares if share.weight), None)

    if not hasattr(custom_ops, "cbor2"):
        OPERATORS["fractional"] = fractional


def number_is_no_name():
    def variable(data=None, key=None, default=None):
        if isinstance(data, dict) and isinstance(key, int | float):
            key = builtins.to_string(key)
        return ORIGINAL["variable"](data, key, default)

    builtins.op_var = OPERATORS["var"] = variable


def start_is_not_evaluated():
    def apply(logic, data=None, operations=builtins.BUILTINS):
        if isinstance(logic, dict) and len(logic) == 1 and isinstance(logic.get("reduce"), list):
            items, *rest = logic["reduce"] or [None]
            if len(rest) > 1:
                start = APPLY.apply(rest[1], data, operations)
                logic = {"reduce": [items, rest[0], start]}
        return ORIGINAL["apply"](logic, data, operations)

    APPLY.apply = apply
    sys.modules[targeting.__module__].jsonLogic = apply


def float_names_another_variant():
    original = ORIGINAL.setdefault("targeting", flagd_core.targeting)

    def asked(*args):
        found = original(*args)
        return int(found) if isinstance(found, float) and found.is_integer() else found

    flagd_core.targeting = asked


def missing_operand_is_none_at_all():
    def subtract(data=None, *args):
        if len(args) < 2:
            return ORIGINAL["operators"]["-"](data, *args)
        return builtins.to_number(args[0]) - builtins.to_number(args[1])

    def ordering(name):
        def compare(data=None, one=None, other=None, *more):
            first = ORIGINAL["operators"][name](data, one, other)
            return first and (not more or ORIGINAL["operators"][name](data, other, more[0]))

        return compare

    OPERATORS["-"] = subtract
    for name in ("<", "<=", ">", ">="):
        OPERATORS[name] = ordering(name)


def evaluators_are_spliced_in_as_text():
    def update(self, told):
        told = dict(told)
        evaluators = told.pop("$evaluators", {})
        return ORIGINAL["update"](self, referred(told, evaluators))

    def referred(rule, evaluators):
        if isinstance(rule, list):
            return [referred(item, evaluators) for item in rule]
        if not isinstance(rule, dict):
            return rule
        if len(rule) == 1 and rule.get("$ref") in evaluators:
            return referred(evaluators[rule["$ref"]], evaluators)
        return {name: referred(item, evaluators) for name, item in rule.items()}

    STORE.update = update


MENDING = {
    mend.__name__: mend
    for mend in (
        truth_is_written_as_in_python,
        remainder_has_the_sign_of_the_second,
        truth_is_a_number,
        whole_weight_is_refused_as_a_float,
        empty_bucketing_text_is_refused,
        number_is_no_name,
        start_is_not_evaluated,
        float_names_another_variant,
        evaluators_are_spliced_in_as_text,
        missing_operand_is_none_at_all,
    )
}


def mend(names):
    builtins.to_string = ORIGINAL["text"]
    builtins.op_var = ORIGINAL["variable"]
    OPERATORS.update(ORIGINAL["operators"])
    custom_ops._parse_fraction = ORIGINAL["share"]
    APPLY.apply = sys.modules[targeting.__module__].jsonLogic = ORIGINAL["apply"]
    flagd_core.targeting = targeting
    STORE.update = ORIGINAL["update"]
    for name in names:
        MENDING[name]()


def answer(core, document, key, context):
    variants = document["flags"][key]["variants"]
    resolve = getattr(core, f"resolve_{KINDS[type(next(iter(variants.values())))]}_value")
    attributes = {name: value for name, value in context.items() if name != "targetingKey"}
    try:
        found = resolve(key, None, EvaluationContext(context.get("targetingKey"), attributes))
    except Exception as fault:  # noqa: BLE001  whatever it raises is an error to its caller
        return {"reason": "ERROR", "why": f"{type(fault).__name__}: {fault}"}
    return {"variant": found.variant or "", "value": found.value, "reason": str(found.reason.value)}


def main():
    for line in sys.stdin:
        told = json.loads(line)
        mend(told.get("mended", ()))
        core = flagd_core.FlagdCore()
        try:
            core.set_flags(json.dumps(told["document"]))
        except Exception as fault:  # noqa: BLE001
            answers = [{"reason": "REFUSED", "why": f"{type(fault).__name__}: {fault}"}] * len(told["cases"])
        else:
            answers = [answer(core, told["document"], key, context) for key, context in told["cases"]]
        sys.stdout.write(json.dumps(answers) + "\n")


if __name__ == "__main__":
    main()
