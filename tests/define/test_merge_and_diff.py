"""Valid is not intended: what vanishes is held; and changes are told in plain words."""

from dataclasses import replace
from fractions import Fraction

from focusplane.define.canonical import digest_of, plain
from focusplane.define.diff import diff
from focusplane.define.focus import PolicySet
from focusplane.define.load import load
from focusplane.define.merge import merge
from focusplane.define.rollout import Extra, JudgeSpec, RolloutSpec, Step
from focusplane.define.synthetic import Synthetic
from focusplane.kernel.quantity import Rate

TOMBSTONE = "---\napiVersion: focusplane/v1\nkind: Removed\nmetadata: {{name: {0}}}\n"


def policies(*texts: str) -> PolicySet:
    return load({f"{number}.yaml": text for number, text in enumerate(texts)}).policies


def words(old: PolicySet, new: PolicySet) -> list[str]:
    return [str(change) for change in diff(old, new)]


def test_an_emptied_set_is_not_obeyed_and_pages(checkout: str) -> None:
    merged = merge(policies(checkout), policies(""))
    assert "checkout" in merged.policies.focuses
    assert "team/payments" in merged.held
    assert merged.alarms == ("the policy set became empty: nothing of it is obeyed, everything is held",)


def test_a_set_that_shrinks_sharply_pages(checkout: str) -> None:
    merged = merge(policies(checkout), policies(checkout.rpartition("\n---\n")[0]))
    assert merged.held == ("runbook/checkout-failing",)
    assert merged.alarms == (
        "the policy set shrank from 3 to 2 documents without tombstones: runbook/checkout-failing held",
    )


def test_a_tombstone_lets_go_without_an_alarm(checkout: str) -> None:
    focus, team, _ = checkout.split("\n---\n")
    merged = merge(
        policies(checkout), policies(f"{focus}\n---\n{team}\n" + TOMBSTONE.format("checkout-failing"))
    )
    assert (merged.held, merged.alarms) == ((), ())
    assert not merged.policies.runbooks


def test_a_flag_and_a_version_that_vanish_are_held_inside_their_focus(checkout: str) -> None:
    lines = checkout.splitlines()
    at = next(number for number, line in enumerate(lines) if "new-pricing:" in line)
    shorter = "\n".join([*lines[: at - 1], "    flags: {}", *lines[at + 6 :]])
    shorter = shorter.replace("        v4: [127.0.0.1:9401, 127.0.0.1:9402]\n", "")
    merged = merge(policies(checkout), policies(shorter))
    assert merged.held == ("checkout/flag.new-pricing", "checkout/version.v4")
    again = merge(
        policies(checkout),
        policies(shorter + "\n" + TOMBSTONE.format("checkout/version.v4")),
    )
    assert again.held == ("checkout/flag.new-pricing",)


def test_a_renamed_focus_waits_for_the_tombstone_of_the_old_name(checkout: str) -> None:
    renamed = checkout.replace("  name: checkout\n", "  name: basket\n")
    merged = merge(policies(checkout), policies(renamed))
    assert set(merged.policies.focuses) == {"checkout"}
    assert any("'basket' waits" in alarm for alarm in merged.alarms)
    meant = merge(policies(checkout), policies(renamed + TOMBSTONE.format("checkout")))
    assert set(meant.policies.focuses) == {"basket"}
    assert meant.alarms == ()


def test_a_change_is_told_with_its_path_and_both_values(checkout: str) -> None:
    edited = (
        checkout.replace("99.5%", "99.9%", 1)
        .replace("under: 300ms", "under: 200ms")
        .replace("weight: 25%", "weight: 20%")
        .replace("mode: act", "mode: suggest")
        .replace("burn: 4", "burn: page")
        .replace("127.0.0.1:9402", "127.0.0.1:9403")
        .replace("alpha: 0.05 ", "alpha: 1% ")
        .replace("tolerance: 1.25 ", "tolerance: 2 ")
    )
    assert words(policies(checkout), policies(edited)) == [
        "checkout controls.traffic.versions.v4: 127.0.0.1:9401, 127.0.0.1:9402 -> 127.0.0.1:9401, 127.0.0.1:9403",
        "checkout mitigations.kill-new-pricing.mode: act -> suggest",
        "checkout mitigations.kill-new-pricing.when.level: act -> page",
        "checkout objectives.availability.target: 99.5% -> 99.9%",
        "checkout objectives.latency.sli.under: 300ms -> 200ms",
        "checkout rollout.judge.alpha: 5% -> 1%",
        "checkout rollout.judge.tolerance: 1.25 -> 2",
        "checkout rollout.steps.1.weight: 25% -> 20%",
    ]


def test_what_comes_and_goes_is_told_by_name(checkout: str) -> None:
    shorter = checkout.rpartition("\n---\n")[0]
    assert words(policies(checkout), policies(shorter)) == [
        "runbook/checkout-failing: removed; it was: a runbook of 3 steps"
    ]
    assert words(policies(shorter), policies(checkout)) == [
        "runbook/checkout-failing: added a runbook of 3 steps"
    ]


def test_a_reviewer_reads_sentences_and_no_names_of_our_types(checkout: str) -> None:
    lines = checkout.splitlines()
    start = next(number for number, line in enumerate(lines) if line == "  mitigations:")
    end = next(number for number, line in enumerate(lines) if line == "  runbooks: [checkout-failing]")
    without = "\n".join([*lines[:start], *lines[end:]])
    told = words(policies(checkout), policies(without))
    assert told == [
        "checkout mitigations.kill-new-pricing: removed; it was: when availability burns at 4x, "
        "set flag new-pricing to off (mode act)"
    ]
    start = next(number for number, line in enumerate(lines) if line == "  rollout:")
    end = next(number for number, line in enumerate(lines) if line == "  mitigations:")
    told = words(policies("\n".join([*lines[:start], *lines[end:]])), policies(checkout))
    assert told == [
        "checkout rollout: added 5% for 5s, then 25% for 5s, then 50% for 5s, then 100% for 5s; promotes on evidence; "
        "holds 3m at most, then ask; no worse means at most 1.25 times the failures plus 0.5%; "
        "wrong at most 5% of the time; never stands still"
    ]


def test_what_a_whole_example_declares_has_words_everywhere(checkout: str) -> None:
    added = " ".join(words(PolicySet(), policies(checkout)))
    assert "a focus of payments: availability 99.5% over 30d, latency 95% over 30d" in added
    assert "a team of ana@example.org, ben@example.org" in added


def test_a_rollout_that_says_nothing_of_what_came_later_keeps_its_digest() -> None:
    spec = RolloutSpec(
        (Step(Fraction(1)),), JudgeSpec(Fraction(1, 20), Fraction(1), Fraction(0), extras=(LATER,))
    )
    said = str(plain(spec))
    for later in ("mirror", "synthetic", "pairs", "'by'"):
        assert later not in said
    sends = Synthetic(Rate(Fraction(2), 1_000), Rate(Fraction(1), 1_000), probe="up")
    assert digest_of(replace(spec, synthetic=sends)) != digest_of(spec)


LATER = Extra("objective sales", Fraction(1), Fraction(0), "sales")
