"""What the keys of one flag mean together: variants that exist, rules that can be reached, words that are meant."""

from collections.abc import Iterator
from difflib import get_close_matches
from fractions import Fraction
from itertools import pairwise

from focusplane.define.controls import Flag, kind_of
from focusplane.define.focus import Focus, PolicySet
from focusplane.define.form_targeting import MOST_RULES, MOST_STEPS
from focusplane.define.log import Places, did_you_mean, problem_at
from focusplane.define.meaning_flag_drivers import flag_driver_problems
from focusplane.define.meaning_rollout import mirror_problems, step_problems
from focusplane.define.mitigation import SetFlag
from focusplane.define.problem import Problem, Severity
from focusplane.define.targeting import TENANT, Clause, Crowd, Rule, Trait, When, comparisons
from focusplane.define.yaml_nodes import Place
from focusplane.kernel.quantity import format_percent

MOST_VARIANTS = 256
MOST_REQUIRED = 10
FINEST = Fraction(1, 10_000)


def flag_problems(focus: Focus, flag: Flag, places: Places, today: str | None) -> Iterator[Problem]:
    """Every mistake that shows only when the keys of a flag are seen together."""
    path = f"{focus.name}.controls.flags.{flag.key}"
    yield from _variants(flag, path, places)
    yield from _expiry(flag, path, places, today)
    yield from _types(flag, path, places)
    yield from _bounds(flag, path, places)
    yield from _rules(flag, path, places)
    yield from _schedule(flag, path, places)
    yield from _unserved(focus, flag, path, places)
    if flag.rollout is not None and f"{path}.rollout.steps" not in places.by_path:
        yield places.error(
            f"{path}.rollout", "D104", "there are no steps to roll it out in", "steps: [5%, 25%, 100%]"
        )
    yield from _exposure(flag, path, places)
    yield from flag_driver_problems(focus, flag, path, places)
    if flag.rollout is not None:
        yield from step_problems(flag.rollout, f"{path}.rollout", places)
        if flag.rollout.mirror is not None:
            yield from mirror_problems(flag.rollout.mirror, None, f"{path}.rollout.mirror", places)
    if flag.default == flag.off and places.by_path.get(f"{path}.percentage") is not None:
        what = f"the percentage of {flag.key!r} says nothing: `default` and `off` are the same variant"
        hint = "let `default` be the variant that the percentage gets"
        yield places.problem(f"{path}.percentage", Severity.WARNING, "D352", what, hint)


def _exposure(flag: Flag, path: str, places: Places) -> Iterator[Problem]:
    """Less budget allows less."""
    ordered = sorted(flag.exposure, key=lambda one: one.budget_below)
    for less, more in pairwise(ordered):
        if less.budget_below == more.budget_below or less.at_most > more.at_most:
            what = "less budget must allow less: each `budgetBelow` once, and the lower the smaller `atMost`"
            yield places.error(f"{path}.exposure", "D371", what, "{budgetBelow: 25%, atMost: 10%}")
            break


def attribute_problems(focus: Focus, places: Places) -> Iterator[Problem]:
    """Attributes that look like another one, or like the tenant: a rule that fits nobody says nothing when it runs."""
    found: dict[str, list[str]] = {}
    for where, attribute in _read(focus):
        found.setdefault(attribute, []).append(where)
    order = list(found)
    for attribute, wheres in found.items():
        others = [
            other
            for at, other in enumerate(order)
            if len(found[other]) > len(wheres)
            or (at < order.index(attribute) and len(found[other]) == len(wheres))
        ]
        near = _near(attribute, [TENANT, *others])
        if near and attribute != TENANT:
            what = f"the attribute {attribute!r} is spelt like {near!r}"
            hint = "a rule on an attribute that nobody sends fits nobody"
            for where in wheres:
                yield places.problem(f"{focus.name}.{where}", Severity.WARNING, "D353", what, hint)


def segment_problems(policies: PolicySet, places: Places) -> Iterator[Problem]:
    """Segments that no rule names; one that stands in `kind: Defaults` is for whichever focus needs it."""
    named, idle = set[Place](), dict[Place, str]()
    for focus in policies.focuses.values():
        rules = [rule.when for flag in focus.controls.flags.values() for rule in flag.rules]
        used = {one.name for when in rules for one in (*when.segments, *when.outside)}
        for name in focus.segments:
            place = places.of(f"{focus.name}.segments.{name}")
            if name in used:
                named.add(place)
            else:
                idle[place] = name
    for place, name in idle.items():
        if place not in named:
            what = f"no rule names the segment {name!r}"
            yield problem_at(place, Severity.NOTICE, "D361", what, "use it, or take it away")


def _variants(flag: Flag, path: str, places: Places) -> Iterator[Problem]:
    known = list(flag.variants)
    for key, variant in (("default", flag.default), ("off", flag.off)):
        if variant not in flag.variants:
            what = f"{key}: {variant!r} is none of the variants of the flag {flag.key!r}"
            yield places.error(f"{path}.{key}", "D107", what, did_you_mean(variant, known))
    for number, rule in enumerate(flag.rules):
        for variant in rule.serve:
            if variant not in flag.variants:
                what = f"the rule serves {variant!r}, which is none of the variants of the flag {flag.key!r}"
                where = f"{path}.rules.{number}.serve"
                yield places.error(where, "D107", what, did_you_mean(variant, known))


def _expiry(flag: Flag, path: str, places: Places, today: str | None) -> Iterator[Problem]:
    if today is not None and flag.expires and flag.expires < today:
        what = f"the flag {flag.key!r} expired on {flag.expires}"
        hint = (
            "remove the flag from code and policy (`focus flag prune`), or give it a new date with a reason"
        )
        yield places.error(f"{path}.expires", "D109", what, hint)
    if not flag.expires and not flag.permanent:
        what = f"the flag {flag.key!r} never expires"
        hint = 'expires: 2027-03-31, or expires: {never: "why it stays"}'
        severity = Severity.ERROR if flag.aimed else Severity.WARNING
        yield places.problem(path, severity, "D355", what, hint)


def _types(flag: Flag, path: str, places: Places) -> Iterator[Problem]:
    if len(flag.variants) > MOST_VARIANTS:
        what = f"the flag {flag.key!r} has {len(flag.variants)} variants; at most {MOST_VARIANTS} are served"
        yield places.error(
            f"{path}.variants", "D356", what, "a flag chooses; what is chosen from is configuration"
        )
    kinds = {variant: kind_of(value) for variant, value in flag.variants.items()}
    if len(set(kinds.values())) > 1 or "" in kinds.values():
        told = ", ".join(f"{variant} is {kind or 'a list or nothing'}" for variant, kind in kinds.items())
        what = f"the variants of {flag.key!r} are of several types, or of one that OpenFeature lacks: {told}"
        hint = "all boolean, all text, all numbers or all mappings"
        severity = Severity.ERROR if flag.aimed else Severity.WARNING
        yield places.problem(f"{path}.variants", severity, "D356", what, hint)


def _bounds(flag: Flag, path: str, places: Places) -> Iterator[Problem]:
    """What is too much for one flag, and what is too little to be a share."""
    for key, count, most in (
        ("rules", len(flag.rules), MOST_RULES),
        ("schedule", len(flag.schedule), MOST_STEPS),
        ("requires", len(flag.requires), MOST_REQUIRED),
    ):
        if count > most:
            what = f"the flag {flag.key!r} has {count} {key}; at most {most} are served"
            yield places.error(f"{path}.{key}", "D362", what, "several small flags are easier to end")
    shares = [(f"{path}.percentage", flag.percentage)]
    shares += [
        (f"{path}.rules.{at}.serve", part)
        for at, rule in enumerate(flag.rules)
        for part in rule.serve.values()
    ]
    shares += [(f"{path}.schedule.{at}.percentage", step.percentage) for at, step in enumerate(flag.schedule)]
    for where, share in shares:
        if 0 < share < FINEST:
            what = f"{format_percent(share, 9)} is nobody: a share is counted in hundredths of a percent"
            yield places.error(where, "D362", what, "0.01% is the least")


def _rules(flag: Flag, path: str, places: Places) -> Iterator[Problem]:
    for number, rule in enumerate(flag.rules):
        where = f"{path}.rules.{number}"
        above = next((at for at in range(number) if _covers(flag.rules[at].when, rule.when)), None)
        if above is not None:
            what = f"the rule is never reached: whoever fits it fits the rule {above + 1} above it"
            yield places.error(where, "D357", what, "put the narrower rule first")
        yield from _missing(rule, where, places)


def _missing(rule: Rule, where: str, places: Places) -> Iterator[Problem]:
    """A condition made of nothing but `not` fits also whoever sends none of its attributes."""
    crowd = rule.when.crowd
    asks = crowd.all.tests or crowd.any or rule.when.segments
    tests = [test for clause in crowd.none for test in clause.tests]
    tests += [test for segment in rule.when.outside for test in segment.crowd.tests]
    if tests and not asks:
        names = ", ".join(dict.fromkeys(test.attribute for test in tests))
        what = f"the rule fits also whoever does not send {names}"
        hint = f'if they are not meant, ask for it too: {{{names.partition(",")[0]}: "*", not: ...}}'
        yield places.problem(f"{where}.when", Severity.WARNING, "D358", what, hint)


def _schedule(flag: Flag, path: str, places: Places) -> Iterator[Problem]:
    for number, (one, other) in enumerate(zip(flag.schedule, flag.schedule[1:], strict=False), start=1):
        if other.at <= one.at:
            what = f"the step from {other.said} is not later than the one before it"
            yield places.error(f"{path}.schedule.{number}", "D359", what, "steps rise in time")
    if flag.schedule and flag.default == flag.off:
        what = f"the schedule of {flag.key!r} says nothing: `default` and `off` are the same variant"
        hint = "let `default` be the variant that is exposed, with `percentage: 0%` until it begins"
        yield places.error(f"{path}.schedule", "D359", what, hint)


def _unserved(focus: Focus, flag: Flag, path: str, places: Places) -> Iterator[Problem]:
    served = {flag.default, flag.off, *(variant for rule in flag.rules for variant in rule.serve)}
    served |= {
        move.variant
        for move in (mitigation.move for mitigation in focus.mitigations)
        if isinstance(move, SetFlag) and move.flag == flag.key
    }
    idle = [variant for variant in flag.variants if variant not in served]
    rolled_out = focus.rollout_of(flag.key)
    if idle and flag.aimed and (rolled_out is None or not rolled_out.steps):
        said = ", ".join(map(repr, idle))
        what = f"nothing serves {said} of {flag.key!r}: no rule, no default, no mitigation, no rollout"
        hint = "serve it in a rule, or take it away"
        yield places.problem(f"{path}.variants.{idle[0]}", Severity.WARNING, "D360", what, hint)


def _covers(above: When, below: When) -> bool:
    """Whoever fits `below` certainly fits `above`. May say no where it is so."""
    if above == When():
        return False  # it could not be read, and that was told
    if above.outside or above.crowd.none or above.crowd.any:
        return above == below
    inside = not above.segments or (
        bool(below.segments) and {one.name for one in below.segments} <= {one.name for one in above.segments}
    )
    return inside and all(
        any(_implies(mine, test) for mine in below.crowd.all.tests) for test in above.crowd.all.tests
    )


def _implies(mine: Trait, other: Trait) -> bool:
    if mine.attribute != other.attribute:
        return False
    return set(mine.values) <= set(other.values) or (
        other.values == ("*",) and not any(comparisons(value) for value in mine.values)
    )


def _read(focus: Focus) -> Iterator[tuple[str, str]]:
    """Each attribute that is read, with its path below the focus."""
    for name, crowd in focus.segments.items():
        yield from _placed(f"segments.{name}", crowd)
    for flag in focus.controls.flags.values():
        path = f"controls.flags.{flag.key}"
        if flag.by != TENANT:
            yield f"{path}.by", flag.by
        for number, rule in enumerate(flag.rules):
            yield from _placed(f"{path}.rules.{number}.when", rule.when.crowd)


def _placed(path: str, crowd: Crowd) -> Iterator[tuple[str, str]]:
    clauses: list[tuple[str, Clause]] = [(path, crowd.all)]
    clauses += [(f"{path}.any.{number}", clause) for number, clause in enumerate(crowd.any)]
    clauses += [(f"{path}.not.{number}", clause) for number, clause in enumerate(crowd.none)]
    for where, clause in clauses:
        for test in clause.tests:
            yield f"{where}.{test.attribute}", test.attribute


def _near(attribute: str, known: list[str]) -> str:
    folded = {_fold(name): name for name in known}
    mine = _fold(attribute)
    if mine in ("tenantid", "targetingkey", "tenantkey"):
        return TENANT
    if mine in folded:
        return folded[mine]
    near = get_close_matches(mine, list(folded), n=1, cutoff=0.82)
    return folded[near[0]] if near else ""


def _fold(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(".", "")
