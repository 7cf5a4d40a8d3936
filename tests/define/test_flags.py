"""What a policy may say of a flag, and what is told about what it may not."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focusplane.control.board import Board
from focusplane.control.flag import Lamps
from focusplane.control.flags.declared import declared_of
from focusplane.define.diff import diff
from focusplane.define.focus import PolicySet
from focusplane.define.load import Loaded, load
from focusplane.define.problem import Severity
from focusplane.define.targeting import Clause, Crowd, Segment, Timed, Trait, When
from focusplane.wire import codec

TEXT = """
apiVersion: focusplane/v1
kind: Focus
metadata: {name: search}
spec:
  owner: search
  objectives: [{name: a, sli: {bad: {status: 5xx}}, target: 99%, window: 30d}]
  segments:
    beta: {tenant: [acme, globex]}
    phones: {device: [ios, android], appVersion: ">=2.3.0"}
  controls:
    flags:
      new-index: {variants: {on: true, off: false}, default: on, off: off, owner: search, expires: 2027-03-31}
      ranking:
        variants: {new: v2, old: v1}
        default: new
        off: old
        expires: 2027-03-31
        percentage: 20%
        by: region
        requires: {new-index: on}
        rules:
          - {when: {segment: beta}, serve: new}
          - {when: {region: eu, appVersion: "<2.0"}, serve: old}
          - {when: {segment: phones, not: [{segment: beta}, {email: "*@test.com"}]}, serve: {new: 50%, old: 50%}}
        schedule:
          - {from: 2026-12-01T08:00:00Z, percentage: 50%}
          - {from: "2026-12-08T09:00:00+01:00", percentage: 100%}
---
{apiVersion: focusplane/v1, kind: Team, metadata: {name: search}, spec: {members: [ana], channels: {}}}
"""
BETA = Crowd(Clause((Trait("tenant", ("acme", "globex")),)))


def read(text: str = TEXT) -> Loaded:
    return load({"focus.yaml": text}, today="2026-11-26")


def changed(old: str, new: str) -> list[tuple[str, str]]:
    assert old in TEXT
    return [(one.severity.name, one.code) for one in read(TEXT.replace(old, new)).problems]


def test_a_flag_with_everything_is_read_without_a_problem_and_segments_are_spelt_out() -> None:
    loaded = read()
    assert loaded.problems == ()
    flag = loaded.policies.focuses["search"].controls.flags["ranking"]
    assert (flag.by, flag.requires, flag.percentage) == ("region", {"new-index": ("on",)}, Fraction(1, 5))
    first, second, third = flag.rules
    assert first.when == When(segments=(Segment("beta", BETA),))
    assert second.when.crowd.all.tests == (Trait("region", ("eu",)), Trait("appVersion", ("<2.0",)))
    assert third.when.outside == (Segment("beta", BETA),)
    assert third.serve == {"new": Fraction(1, 2), "old": Fraction(1, 2)}
    assert flag.schedule[0] == Timed(1_796_112_000_000, Fraction(1, 2), "2026-12-01T08:00:00Z")
    assert flag.schedule[1].at - flag.schedule[0].at == 7 * 86_400_000


def test_a_changed_segment_is_a_changed_policy_and_says_what_it_means_now() -> None:
    before, after = read().policies, read(TEXT.replace("[acme, globex]", "[acme]")).policies
    assert before.digest != after.digest
    assert "search segments.beta" in str(diff(before, after)[-1])


def test_a_flag_of_before_keeps_its_digest() -> None:
    plain = "apiVersion: focusplane/v1\nkind: Focus\nmetadata: {name: x}\nspec: {owner: t, objectives: [], controls: {flags: {a: {variants: {on: 1}, default: on, off: on}}}}"
    digest = load({"x": plain}).policies.focuses["x"].digest
    assert digest == "e6529dad1f4ea0eb0ab34e34a4ca0da59233264cc6efdc225f85fd87dc9f3e34"


@pytest.mark.parametrize(
    ("old", "new", "severity", "code"),
    [
        ("percentage: 20%", "percentage: 120%", "ERROR", "D012"),
        ("percentage: 20%", "percentage: -1%", "ERROR", "D012"),
        ("{new: 50%, old: 50%}", "{new: 50%, old: 40%}", "ERROR", "D351"),
        ("{new: 50%, old: 50%}", "{new: 50%, olt: 50%}", "ERROR", "D107"),
        ("segment: beta}, serve", "segment: betta}, serve", "ERROR", "D102"),
        ("segment: beta}, serve", "region: eu}, serve", "ERROR", "D357"),
        ('appVersion: "<2.0"', 'appVersion: "<two"', "ERROR", "D012"),
        ('appVersion: "<2.0"', 'appversion: "<2.0"', "WARNING", "D353"),
        ("tenant: [acme, globex]", "tenantId: [acme, globex]", "WARNING", "D353"),
        ("{segment: beta}, serve", "{not: {region: us}}, serve", "WARNING", "D358"),
        ("{segment: beta}, serve", "{}, serve", "ERROR", "D350"),
        ("{segment: beta}, serve", "{any: [{not: {region: us}}]}, serve", "ERROR", "D350"),
        ("beta: {tenant: [acme, globex]}", "beta: {segment: phones}", "ERROR", "D350"),
        ("requires: {new-index: on}", "requires: {new-index: onn}", "ERROR", "D107"),
        ("requires: {new-index: on}", "requires: {new-idx: on}", "ERROR", "D354"),
        ("requires: {new-index: on}", "requires: {ranking: new}", "ERROR", "D354"),
        ("2026-12-01T08:00:00Z", "2026-12-01T08:00:00", "ERROR", "D012"),
        ("2026-12-01T08:00:00Z", "2026-12-09T08:00:00Z", "ERROR", "D359"),
        ("        expires: 2027-03-31\n", "", "ERROR", "D355"),
        ("        expires: 2027-03-31\n", "        expires: 2026-11-25\n", "ERROR", "D109"),
        ("by: region", "by: tenantId", "WARNING", "D353"),
        ("segment: phones, not", "plan: gold, not", "NOTICE", "D361"),
        ("percentage: 20%", "percentage: 0.001%", "ERROR", "D362"),
        ("{new: 50%, old: 50%}", "{new: 99.999%, old: 0.001%}", "ERROR", "D362"),
        (
            "        rules:\n",
            "        rules:\n" + 48 * "          - {when: {a: b}, serve: new}\n",
            "ERROR",
            "D362",
        ),
        ("variants: {new: v2, old: v1}", "variants: {new: v2, old: v1, idle: v0}", "WARNING", "D360"),
        ("variants: {new: v2, old: v1}", "variants: {new: v2, old: 1}", "ERROR", "D356"),
    ],
)
def test_each_mistake_has_its_code(old: str, new: str, severity: str, code: str) -> None:
    assert (severity, code) in changed(old, new)


def test_a_ring_of_prerequisites_is_shown_and_no_other_flag_is_blamed() -> None:
    text = TEXT.replace(
        "owner: search, expires: 2027-03-31}", "expires: 2027-03-31, requires: {ranking: new}}"
    )
    rings = [one for one in read(text).problems if one.code == "D354"]
    assert [one.line for one in rings] == [13, 21]
    assert rings[0].what.endswith("search/new-index -> search/ranking -> search/new-index")


def test_a_flag_that_stays_says_why() -> None:
    loaded = read(TEXT.replace("expires: 2027-03-31}", 'expires: {never: "stops the crawler"}}'))
    assert loaded.problems == ()
    assert loaded.policies.focuses["search"].controls.flags["new-index"].permanent == "stops the crawler"


def test_a_plain_flag_without_an_expiry_still_loads_with_a_warning() -> None:
    found = [
        one for one in read(TEXT.replace("owner: search, expires: 2027-03-31}", "owner: search}")).problems
    ]
    assert [(one.severity, one.code) for one in found] == [(Severity.WARNING, "D355")]


def test_prerequisites_that_cannot_be_spelt_out_are_refused() -> None:
    line = "      f{0}: {{variants: {{on: true, off: false}}, default: on, off: off, expires: 2027-03-31, requires: {{{1}}}}}\n"
    wide = "".join(
        line.format(at, f"f{at - 1}: on, g{at - 1}: on")
        + line.format(at, f"f{at - 1}: on").replace("f" + str(at) + ":", f"g{at}:", 1)
        for at in range(1, 7)
    )
    base = line.format(0, "").replace(", requires: {}", "")
    text = TEXT.replace("      ranking:\n", base + base.replace("f0", "g0") + wide + "      ranking:\n")
    assert "D354" in {one.code for one in read(text).problems}


def test_the_example_has_no_problem_at_all() -> None:
    text = (Path(__file__).parents[2] / "examples/flags/focus.yaml").read_text()
    assert load({"focus.yaml": text}, today="2026-11-26").problems == ()


def test_segments_of_the_defaults_are_for_whichever_focus_names_them() -> None:
    shared = TEXT.replace(
        "  segments:\n    beta: {tenant: [acme, globex]}\n    phones: {", "  segments:\n    phones: {"
    )
    shared += "---\n{apiVersion: focusplane/v1, kind: Defaults, spec: {segments: {beta: {tenant: acme}, idle: {a: b}}}}\n"
    other = shared.partition("---")[0].replace("name: search", "name: find").partition("      ranking:")[0]
    assert [(one.code, one.what) for one in read(shared + "---" + other).problems] == [
        ("D361", "no rule names the segment 'idle'"),
        ("D361", "no rule names the segment 'phones'"),
    ]


words = st.sampled_from(
    [
        "region",
        "tenant",
        "segment",
        "not",
        "any",
        "beta",
        "eu",
        ">=2.3",
        "<",
        "*x*",
        "*",
        "",
        "new",
        "old",
        "50%",
        "on",
    ]
)
nodes = st.recursive(
    words | st.integers(-3, 10**20) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
rules = st.lists(
    st.fixed_dictionaries(
        {
            "when": st.dictionaries(words, nodes, min_size=1, max_size=3),
            "serve": st.sampled_from(["new", "old"]),
        }
    ),
    max_size=3,
)


@given(rules | nodes, nodes, nodes, nodes)
def test_whatever_stands_there_is_told_or_served_and_never_an_exception(rules, requires, schedule, segment):  # type: ignore[no-untyped-def]
    flag = {
        "variants": {"new": 1, "old": 0},
        "default": "new",
        "off": "old",
        "expires": "2099-01-01",
        "rules": rules,
    }
    extra = {"requires": requires, "schedule": schedule}
    for added in ({}, extra):
        spec = {
            "owner": "search",
            "objectives": [
                {"name": "a", "sli": {"bad": {"status": "5xx"}}, "target": "99%", "window": "30d"}
            ],
            "segments": {"beta": segment if added else {"tenant": "acme"}},
            "controls": {"flags": {"x": {**flag, **added}}},
        }
        head = {"apiVersion": "focusplane/v1", "kind": "Focus", "metadata": {"name": "search"}, "spec": spec}
        loaded = load({"p.yaml": json.dumps(head) + TEXT[TEXT.index("\n---") :]})
        for focus in loaded.policies.focuses.values() if not loaded.refused else ():
            lamps = Lamps.of(declared_of({focus.name: focus}), Board())
            assert lamps.ruleset.faults == {}
            for context in ({}, {"targetingKey": "acme", "region": "eu", "tenant": "acme"}):
                assert lamps.lamps["search"]["x"].evaluate(context, 0).variant in ("new", "old")


def test_whom_a_flag_is_for_survives_the_snapshot_of_a_plane() -> None:
    policies = read().policies
    assert codec.decode(codec.encode(policies, PolicySet), PolicySet) == policies
