"""Mitigations that only watch: what they would have done, and whether the failure outlasted their patience (N13)."""

from dataclasses import replace

from focusplane.act.decide import Act, Blind, Decision
from focusplane.act.fact import Kind
from focusplane.define.focus import Focus
from focusplane.define.mitigation import Mitigation
from focusplane.plane.draft import Draft
from focusplane.plane.world import Score


def watch(draft: Draft, focus: Focus, mitigation: Mitigation, would: str) -> Draft:
    """It would act now: remember when to look whether that would have been right."""
    name = f"{focus.name}/{mitigation.name}"
    score = draft.world.scores.get(name, Score())
    score = replace(score, would_have=score.would_have + 1, due=draft.at + mitigation.verify_within_ms)
    draft = draft.put("fired", name, draft.at).put("scores", name, score)
    return draft.say(Kind.SHADOWED, focus.name, mitigation.name, would, times=score.would_have)


def settle(draft: Draft, focus: Focus, mitigation: Mitigation, decision: Decision) -> Draft:
    """The time is over: a failure that is still there would have been worth acting on, one that went would not."""
    name = f"{focus.name}/{mitigation.name}"
    score = draft.world.scores.get(name, Score())
    if not score.due or draft.at < score.due:
        return draft
    match decision:
        case Act():
            score, words = (
                replace(score, confirmed=score.confirmed + 1),
                "it is still failing: acting was called for",
            )
        case Blind():
            score, words = (
                replace(score, unseen=score.unseen + 1),
                "nobody can say whether acting was called for",
            )
        case _:
            score, words = replace(score, passed=score.passed + 1), "it went by itself: acting was not needed"
    draft = draft.put("scores", name, replace(score, due=0))
    return draft.say(
        Kind.SHADOWED,
        focus.name,
        mitigation.name,
        f"{words} ({score.confirmed} of {score.would_have} times it was)",
        times=score.would_have,
        confirmed=score.confirmed,
        passed=score.passed,
        unseen=score.unseen,
    )
