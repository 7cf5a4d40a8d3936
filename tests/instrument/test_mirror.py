"""Copies by somebody else's gateway are known by their host, where a policy mirrors; elsewhere a host is not even read."""

from dataclasses import replace
from fractions import Fraction

import pytest

from focusplane.define.focus import Focus
from focusplane.define.rollout import By, JudgeSpec, Mirror, RolloutSpec
from focusplane.define.sli import Match, Sli, SliKind
from focusplane.define.slo import Objective, Rolling
from focusplane.instrument.asked import keys_of
from focusplane.instrument.conventions import HOST
from focusplane.instrument.outcome import outcome_of, shadowed
from focusplane.instrument.point import Said
from focusplane.instrument.recognise import Recogniser
from focusplane.instrument.tagging import Index, Untagged
from focusplane.kernel.tick import DAY

FAILURES = Sli(SliKind.EVENTS, Match(status=("5xx",)), Match())
PLAIN = Focus(
    "pay", "t", "d", objectives=(Objective("up", Fraction(99, 100), Rolling(30 * DAY), FAILURES, ()),)
)
JUDGE = JudgeSpec(Fraction(1, 20), Fraction(5, 4), Fraction(1, 200))
MIRRORING = replace(PLAIN, rollout=RolloutSpec((), JUDGE, mirror=Mirror(Fraction(1, 10), by=By.OTHERS)))


@pytest.mark.parametrize(
    ("host", "copy"),
    [
        ("shop-shadow", True),
        ("shop-shadow:8080", True),
        ("shop.example.org-shadow", True),
        ("shop-shadow.example.org", False),
        ("shadow", False),
        ("shop", False),
        ("", False),
    ],
)
def test_what_envoy_makes_of_the_host_of_a_copy(host: str, copy: bool) -> None:
    assert shadowed(host) is copy


def mirror_of(focus: Focus, **said: str) -> str:
    attributes = {"focus.id": "pay", "http.response.status_code": "200", **said}
    found = Recogniser(Index({"pay": focus}, "production")).recognise(Said({}), Said(attributes), False)
    assert not isinstance(found, Untagged)
    return found.outcome.mirror


@pytest.mark.parametrize("key", HOST)
def test_a_host_of_a_copy_is_one_where_the_policy_mirrors(key: str) -> None:
    assert mirror_of(MIRRORING, **{key: "pay-shadow"}) == "foreign"
    assert mirror_of(MIRRORING, **{key: "pay"}) == ""
    assert mirror_of(PLAIN, **{key: "pay-shadow"}) == ""


def test_what_our_own_gateway_says_of_a_copy_is_not_overruled_by_its_host() -> None:
    assert mirror_of(MIRRORING, **{"server.address": "pay-shadow", "focus.mirror": "copy"}) == "copy"


def test_hosts_are_read_only_where_some_policy_mirrors() -> None:
    assert not keys_of([PLAIN]) & set(HOST)
    assert keys_of([PLAIN, MIRRORING]) >= set(HOST)


@pytest.mark.parametrize(
    ("said", "synthetic"),
    [("t", True), ("true", True), ("1", True), ("y", True), ("f", False), ("0", False), ("", False)],
)
def test_a_synthetic_request_through_our_gateway_is_known_by_its_first_letter(
    said: str, synthetic: bool
) -> None:
    assert outcome_of({"focus.synthetic": said}).synthetic is synthetic
