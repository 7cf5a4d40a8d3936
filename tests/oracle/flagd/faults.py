"""What openfeature-flagd-core says that we do not: each by name, with a case that shows it.

The differential tests put these faults right inside the oracle (answer.py, under the same names) and then find no other
difference. The JavaScript client agrees with us in every case.
"""

from dataclasses import dataclass
from typing import Any

Json = Any
EVERY = ("v2", "v3")
ON_OFF = {"on": "yes", "off": "no", "true": "truth"}


@dataclass(frozen=True)
class Fault:
    name: str
    rule: Json
    ours: str
    """The variant that we serve."""
    theirs: str
    context: Json = None
    variants: Json = None
    evaluators: Json = None
    of: tuple[str, ...] = EVERY

    @property
    def document(self) -> dict[str, Json]:
        flag = {
            "state": "ENABLED",
            "variants": self.variants or ON_OFF,
            "defaultVariant": "off",
            "targeting": self.rule,
        }
        return {"flags": {"new": flag}, "$evaluators": self.evaluators or {}}


def if_so(test: Json) -> Json:
    return {"if": [test, "on", "off"]}


FAULTS = (
    Fault(
        "truth_is_written_as_in_python",
        if_so({"==": [{"cat": [{"var": "a"}]}, "true"]}),
        "on",
        "off",
        {"a": True},
    ),
    Fault(
        "remainder_has_the_sign_of_the_second",
        if_so({"==": [{"%": [{"var": "a"}, 3]}, -2]}),
        "on",
        "off",
        {"a": -5},
    ),
    Fault("truth_is_a_number", if_so({"in": [{"var": "a"}, [True]]}), "off", "on", {"a": 1}),
    Fault("truth_is_a_number", if_so({"===": [{"var": "a"}, 1]}), "off", "on", {"a": True}),
    Fault(
        "whole_weight_is_refused_as_a_float",
        {"fractional": [["on", {"/": [{"var": "a"}, 2]}], ["off", 0]]},
        "on",
        "",
        {"a": 100, "targetingKey": "u1"},
    ),
    Fault("empty_bucketing_text_is_refused", {"fractional": ["", ["on"], ["off"]]}, "on", "", of=("v2",)),
    Fault("number_is_no_name", if_so({"var": 7}), "on", "off", {"7": True}),
    Fault(
        "start_is_not_evaluated",
        if_so({"==": [{"reduce": [{"var": "gone"}, 1, {"var": "a"}]}, 5]}),
        "on",
        "off",
        {"a": 5},
    ),
    Fault(
        "float_names_another_variant",
        {"/": [{"var": "a"}, 2]},
        "2",
        "ERROR",
        {"a": 4},
        {"2": "two", "off": "no"},
    ),
    Fault(
        "evaluators_are_spliced_in_as_text",
        if_so({"$ref": "way"}),
        "on",
        "off",
        {"a": "x\\n"},
        evaluators={"way": {"==": [{"var": "a"}, "x\\n"]}},
    ),
    Fault(
        "evaluators_are_spliced_in_as_text",
        if_so({"$ref": "way"}),
        "on",
        "REFUSED",
        {"a": "é"},
        evaluators={"way": {"==": [{"var": "a"}, "é"]}},
    ),
    Fault(
        "missing_operand_is_none_at_all",
        if_so({"==": [{"-": [{"var": "a"}, {"var": "gone"}]}, 5]}),
        "on",
        "off",
        {"a": 5},
    ),
    Fault("missing_operand_is_none_at_all", if_so({"<": [1, 2, {"var": "gone"}]}), "off", "on"),
)
NAMES = sorted({fault.name for fault in FAULTS})
