"""One flag of a flagd document: its form checked, its rule compiled, and every possible answer made beforehand."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from focusplane.control.flags.answer import Evaluated, Reason
from focusplane.control.flags.drawing import Generation
from focusplane.control.flags.node import Place, Rule, RuleError, Scope, Watch
from focusplane.control.flags.reads import INJECTED
from focusplane.control.flags.rule import UNEVALUATED, compiled

MOST_VARIANTS = 256
LONGEST_KEY = 256
BUCKETING = "bucketing"
"""The metadata, of a flag or of the whole set, that names the bucketing generation."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a flag is made from beside itself: what the document says for all flags."""

    generation: Generation
    evaluators: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """A flag ready to be evaluated. Never changes."""

    key: str
    text: str
    """What it was made from, to tell whether it is still the same."""
    part: Part
    """The generation it is compiled for, and the evaluators it refers to."""
    state: str
    answers: Mapping[str | None, Evaluated]
    """By the name of the variant, and under `None` what holds where the rule names nothing."""
    targeting: Mapping[str, Any] | None
    metadata: Mapping[str, Any]
    rule: Rule | None
    whole: bool
    timed: bool
    steps: int
    """What one evaluation costs at most."""

    def same(self, data: Any, part: Part) -> bool:
        """Whether that flag, in that document, would be compiled to this one."""
        return (
            self.text == repr(data)
            and self.part.generation is generation_of(data.get("metadata"), part.generation)
            and all(
                repr(part.evaluators.get(name)) == repr(old) for name, old in self.part.evaluators.items()
            )
        )

    def evaluate(self, context: Mapping[str, Any], at_s: int | None) -> Evaluated:
        rule = self.rule
        if rule is None:
            return self.answers[None]
        try:
            named = rule(self.seen(context, at_s) if self.whole else context)
            if named.__class__ is not str and named is not None:
                named = variant_name(named)
            return self.answers.get(named) or _failed(f"the rule named {named}, which is no variant")
        except UNEVALUATED as fault:
            return _failed(f"the rule failed: {fault}")

    def seen(self, context: Mapping[str, Any], at_s: int | None) -> Mapping[str, Any]:
        """The context with what flagd adds to it. Raises `ValueError` if the rule asks for a time nobody gave."""
        if self.timed and at_s is None:
            raise ValueError("it asks for the time, and none was given")
        added = {"flagKey": self.key, "timestamp": at_s}
        return {**context, INJECTED: added, "targetingKey": context.get("targetingKey")}


def entry(key: str, data: Any, part: Part) -> Entry:
    """The flag under that key. Raises `RuleError` with the path of what is wrong."""
    if not isinstance(data, dict):
        raise RuleError("flag", "is not an object")
    if not 0 < len(key) <= LONGEST_KEY:
        raise RuleError("key", f"has to have 1 to {LONGEST_KEY} characters")
    state, variants = _state(data.get("state")), _variants(data.get("variants"))
    default = _default(data.get("defaultVariant"), variants)
    metadata, targeting = _metadata(data.get("metadata")), _targeting(data.get("targeting"))
    scope = Scope(key, generation_of(metadata, part.generation), part.evaluators, compiled)
    rule = None if targeting is None else compiled(scope, targeting, Place("targeting"))
    enabled = state == "ENABLED"
    return Entry(
        key,
        repr(data),
        Part(scope.generation, {name: part.evaluators[name] for name in scope.refs}),
        state,
        _answers(variants, default, enabled, rule is not None),
        targeting,
        metadata,
        rule.run if rule is not None and enabled else None,
        scope.whole,
        scope.timed,
        scope.steps,
    )


def watched(flag: Entry, watch: Watch) -> Rule | None:
    """The flag's rule once more, in the form that tells `watch` what it sees."""
    if flag.rule is None:
        return None
    scope = Scope(flag.key, flag.part.generation, flag.part.evaluators, compiled, watch)
    return compiled(scope, flag.targeting, Place("targeting")).run


def variant_name(named: Any) -> str:
    """Truths and numbers name variants too."""
    if isinstance(named, bool):
        return "true" if named else "false"
    if isinstance(named, float) and named.is_integer():
        return str(int(named))
    return str(named)[:LONGEST_KEY]


def generation_of(metadata: Any, inherited: Generation) -> Generation:
    """Raises `RuleError` for a bucketing generation that nobody knows."""
    asked = metadata.get(BUCKETING) if isinstance(metadata, dict) else None
    if asked is None:
        return inherited
    if asked not in tuple(Generation):
        raise RuleError(f"metadata.{BUCKETING}", f"is {asked!r}, not one of {', '.join(Generation)}")
    return Generation(asked)


def _failed(why: str) -> Evaluated:
    return Evaluated(None, "", Reason.ERROR, why)


def _answers(
    variants: Mapping[str, Any], default: str, enabled: bool, ruled: bool
) -> dict[str | None, Evaluated]:
    matched = Reason.TARGETING_MATCH
    answers: dict[str | None, Evaluated] = {
        name: Evaluated(value, name, matched, "its rule named the variant")
        for name, value in variants.items()
    }
    if not enabled:
        answers[None] = Evaluated(None, "", Reason.DISABLED, "the flag is disabled")
    elif not default:
        answers[None] = Evaluated(None, "", Reason.DEFAULT, "the flag has no default variant")
    elif ruled:
        answers[None] = Evaluated(variants[default], default, Reason.DEFAULT, "its rule named no variant")
    else:
        answers[None] = Evaluated(variants[default], default, Reason.STATIC, "the flag has no rule")
    return answers


def _state(state: Any) -> str:
    if state not in ("ENABLED", "DISABLED"):
        raise RuleError("state", f"is {state!r}, not ENABLED or DISABLED")
    return str(state)


def _variants(variants: Any) -> dict[str, Any]:
    if not isinstance(variants, dict) or not 0 < len(variants) <= MOST_VARIANTS:
        raise RuleError("variants", f"has to be an object of 1 to {MOST_VARIANTS} variants")
    kinds = {name: _kind(name, value) for name, value in variants.items()}
    if len(set(kinds.values())) > 1:
        told = ", ".join(f"{name} is {kind}" for name, kind in list(kinds.items())[:4])
        raise RuleError("variants", f"have to be of one kind: {told}")
    return variants


def _kind(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, dict | list):
        return "an object"
    raise RuleError(f"variants.{name}", "has no value")


def _default(default: Any, variants: Mapping[str, Any]) -> str:
    """The name of the default variant; empty if the caller's own default holds."""
    if default is None or default == "":
        return ""
    name = variant_name(default) if isinstance(default, bool) else default
    if not isinstance(name, str) or name not in variants:
        raise RuleError("defaultVariant", f"{default!r} is no variant")
    return name


def _metadata(metadata: Any) -> Mapping[str, Any]:
    if metadata is None:
        return {}
    if not isinstance(metadata, dict):
        raise RuleError("metadata", "is not an object")
    for name, value in metadata.items():
        if not name or not isinstance(value, bool | int | float | str):
            raise RuleError(f"metadata.{name}", "has to be a string, a number or a boolean under a name")
    return metadata


def _targeting(targeting: Any) -> dict[str, Any] | None:
    if targeting is None or targeting == {}:
        return None
    if not isinstance(targeting, dict) or len(targeting) != 1:
        raise RuleError("targeting", "has to be an object of exactly one operator")
    return targeting
