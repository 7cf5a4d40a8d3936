"""What a policy may have the judge compare, what is assumed of it, and what is refused."""

from fractions import Fraction

import pytest

from focusplane.define.load import load
from focusplane.define.problem import Severity
from focusplane.define.rollout import Extra, JudgeSpec
from focusplane.define.wording import worded

SOLD = '- {name: sold, target: TARGET, window: 30d, sli: {good: {attributes: {app.sold: "true"}}}}\n    - name: latency'


def judged(text: str, metrics: str, target: str = "3%") -> tuple[JudgeSpec | None, list[tuple[str, str]]]:
    """The judge of the example with these metrics and an objective `sold`, and what is wrong with it."""
    text = text.replace("- name: latency", SOLD.replace("TARGET", target), 1)
    text = text.replace("    judge:\n", f"    judge:\n      metrics: {metrics}\n", 1)
    loaded = load({"a.yaml": text})
    focus = loaded.policies.focuses.get("checkout")
    rollout = focus.rollout if focus is not None else None
    wrong = [(one.code, one.what) for one in loaded.problems if one.severity is Severity.ERROR]
    return None if rollout is None else rollout.judge, wrong


def test_without_a_word_errors_and_latency_are_compared(checkout: str) -> None:
    judge, wrong = judged(checkout, "[errors, latency]")
    plain = load({"a.yaml": checkout}).policies.focuses["checkout"].rollout
    assert plain is not None
    assert (judge, wrong) == (plain.judge, [])
    assert (plain.judge.latency, plain.judge.extras) == (True, ())


def test_what_an_objective_and_a_cost_tolerate_follows_from_their_kind(checkout: str) -> None:
    rare, _ = judged(checkout, "[errors, {objective: sold}, {cost: {cap: 0.05}}]")
    usual, _ = judged(checkout, "[errors, {objective: sold, tolerance: 1.1}]", "99%")
    assert rare is not None
    assert usual is not None
    assert rare.extras == (
        Extra("objective sold", Fraction(5, 4), Fraction(3, 1000), "sold", gains=True),
        Extra("cost", Fraction(21, 20), Fraction(1, 100), cap=Fraction(1, 20)),
    )
    assert usual.extras == (Extra("objective sold", Fraction(11, 10), Fraction(1, 100), "sold"),)
    assert not rare.latency
    assert "the cost up to 0.05 may be worse by 1.05 times plus 1%" in worded(rare)


@pytest.mark.parametrize(
    ("metrics", "target", "code", "words"),
    [
        ("[latency]", "3%", "D246", "the judge always compares errors"),
        ("[errors, latency, errors]", "3%", "D246", "errors stands in the metrics twice"),
        ("[errors, {objective: sold}, {objective: sold}]", "3%", "D246", "sold stands in the metrics twice"),
        ("[errors, {objective: bought}]", "3%", "D107", "the judge knows no objective 'bought'"),
        ("[errors, {objective: availability}]", "3%", "D247", "errors are counted by 'availability' already"),
        ("[errors, {objective: latency}]", "3%", "D247", "the judge compares events"),
        ("[errors, {objective: sold}]", "55%", "D247", "no loss of 'sold' could be called harm"),
        ("[errors, {cost: {cap: 0}}]", "3%", "D012", "it must be more than 0"),
        ("[errors, {cost: {cap: 1}, objective: sold}]", "3%", "D018", "at once"),
        ("[errors, speed]", "3%", "D014", "'speed' is not one of errors | latency"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_words(
    checkout: str, metrics: str, target: str, code: str, words: str
) -> None:
    _, wrong = judged(checkout, metrics, target)
    assert [(found, what) for found, what in wrong if found == code and words in what], wrong
