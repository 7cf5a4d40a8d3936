"""A mirror in a policy: what it may copy, who copies it, and what is refused."""

from fractions import Fraction

import pytest

from focusplane.define.check import Seen, check
from focusplane.define.focus import Focus
from focusplane.define.load import load
from focusplane.define.problem import Severity
from focusplane.define.rollout import By, Extra, Mirror, Step
from focusplane.define.wording import worded


def mirrored(text: str, mirror: str) -> tuple[Focus | None, list[tuple[str, str]]]:
    """The example with this mirror, and what is wrong with it."""
    text = text.replace("  rollout:\n", f"  rollout:\n    mirror: {mirror}\n", 1)
    loaded = load({"a.yaml": text})
    wrong = [(one.code, one.what) for one in loaded.problems if one.severity is Severity.ERROR]
    return loaded.policies.focuses.get("checkout"), wrong


def test_a_share_is_enough_and_only_what_reads_is_copied(checkout: str) -> None:
    focus, wrong = mirrored(checkout, "10%")
    assert wrong == []
    assert focus is not None
    assert focus.rollout is not None
    assert focus.rollout.mirror == Mirror(Fraction(1, 10), ("GET", "HEAD"), By.GATEWAY)
    assert focus.rollout.stages[0] == Step(Fraction(0), mirror=Fraction(1, 10))
    assert focus.rollout.stages[1:] == focus.rollout.steps
    assert worded(focus.rollout).startswith("copies of 10% of GET, HEAD, then ")


def test_its_pairs_are_judged_by_what_the_judge_tolerates_of_errors(checkout: str) -> None:
    focus, _ = mirrored(checkout, "10%")
    assert focus is not None
    assert focus.rollout is not None
    judge = focus.rollout.judge
    assert judge.extras == (Extra("pairs", judge.tolerance, judge.slack, pairs=True),)
    assert "copies may be worse by" in worded(judge)


def test_pairs_may_be_told_without_a_mirror(checkout: str) -> None:
    text = checkout.replace("    judge:\n", "    judge:\n      metrics: [errors, latency, pairs]\n", 1)
    rollout = load({"a.yaml": text}).policies.focuses["checkout"].rollout
    assert rollout is not None
    assert [each.pairs for each in rollout.judge.extras] == [True]
    assert rollout.stages == rollout.steps


def test_what_writes_is_copied_only_if_its_side_effects_are_accepted(checkout: str) -> None:
    _, wrong = mirrored(checkout, "{percent: 10%, methods: [GET, POST]}")
    assert wrong == [("D254", "what a copied POST does is done twice: two orders, two mails")]
    focus, wrong = mirrored(checkout, "{percent: 10%, methods: [GET, POST], sideEffects: accepted}")
    assert wrong == []
    assert focus is not None
    assert focus.rollout is not None
    assert "whose side effects are accepted" in worded(focus.rollout)


@pytest.mark.parametrize(
    ("mirror", "code", "words"),
    [
        ("0%", "D012", "it must be more than 0%"),
        ("{percent: 10%, for: 24h}", "D115", "the mirror takes 1d, longer"),
        ("{percent: 10%, methods: [BREW]}", "D014", "'BREW' is not one of"),
        ("{percent: 10%, sideEffects: none}", "D014", "'none' is not one of accepted"),
        ("{methods: [GET]}", "D011", "percent"),
    ],
)
def test_what_makes_no_sense_is_refused(checkout: str, mirror: str, code: str, words: str) -> None:
    _, wrong = mirrored(checkout, mirror)
    assert [(found, what) for found, what in wrong if found == code and words in what], wrong


DRIVEN = """apiVersion: focusplane/v1
kind: Focus
metadata: {name: checkout}
spec:
  owner: crew
  objectives: [{name: availability, target: 99%, window: 30d, sli: {bad: {status: 5xx}}}]
  controls:
    flags: {new: {variants: {on: true, off: false}, default: off, off: off, expires: 2099-01-01, owner: crew}}
    traffic:
      driver: {httproute: {namespace: shop, name: pay}}
      versions: {v1: {service: pay-v1, port: 80}, v2: {service: pay-v2, port: 80}}
      initial: v1
  rollout: {mirror: MIRROR, steps: [10%, 100%]}
---
apiVersion: focusplane/v1
kind: Team
metadata: {name: crew}
spec: {members: [ana@example.org]}
"""


def test_a_driver_that_moves_weights_alone_copies_nothing_and_others_may() -> None:
    wrong = [one for one in load({"a.yaml": DRIVEN.replace("MIRROR", "10%")}).problems if one.code == "D255"]
    assert len(wrong) == 1
    assert "copies nothing" in wrong[0].what
    assert "by: others" in wrong[0].hint
    others = load({"a.yaml": DRIVEN.replace("MIRROR", "{percent: 10%, by: others}")})
    assert not [one for one in others.problems if one.severity is Severity.ERROR]


def test_a_variant_of_a_flag_is_not_mirrored() -> None:
    flag = "owner: crew, rollout: {mirror: 10%, steps: [10%, 100%]}}}"
    text = DRIVEN.replace("owner: crew}}", flag).replace("MIRROR", "{percent: 10%, by: others}")
    wrong = [one for one in load({"a.yaml": text}).problems if one.severity is Severity.ERROR]
    assert [(one.code, one.what.split(":")[0]) for one in wrong] == [
        ("D255", "only versions can be mirrored")
    ]


def test_a_mirror_without_steps_leads_nowhere() -> None:
    text = DRIVEN.replace("MIRROR", "{percent: 10%, by: others}").replace(", steps: [10%, 100%]", "")
    assert "D256" in {one.code for one in load({"a.yaml": text}).problems}


def told(checkout: str, mirror: str, rate: int) -> list[str]:
    """What a check says of the mirror with so many requests a second."""
    text = checkout.replace("  rollout:\n", f"  rollout:\n    mirror: {mirror}\n", 1)
    found = check(load({"a.yaml": text}), Seen({"checkout": Fraction(rate)}))
    line = text[: text.index("    mirror:")].count("\n") + 1
    return [f"{one.code} {one.what}" for one in found if one.line == line]


def test_a_mirror_says_beforehand_how_long_it_takes_and_is_refused_where_it_never_ends(checkout: str) -> None:
    (reached,) = told(checkout, "50%", 200)
    assert reached.startswith("D122 the mirror 50% shows that it is safe after ")
    (refused,) = told(checkout, "1%", 1)
    assert refused.startswith("D121 the mirror 1% is out of reach: ")
    few = told(checkout, "{percent: 50%, minRequests: 1000000}", 200)
    assert any("fewer than its minRequests" in one for one in few)


def test_a_mirror_of_all_needs_a_quarter_of_the_requests_of_one_of_a_quarter(checkout: str) -> None:
    whole, quarter = (
        int(one.partition("about ")[2].partition(" ")[0].replace(",", ""))
        for share in ("100%", "25%")
        for one in told(checkout, share, 1_000)
    )
    assert quarter == pytest.approx(4 * whole, rel=0.01)
