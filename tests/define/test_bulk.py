"""A valid set that takes much away at once is held as a whole, until somebody says that just this is meant."""

import re

import pytest

from focusplane.define.focus import PolicySet
from focusplane.define.load import load
from focusplane.define.merge import Merged, merge

TEAM = "---\napiVersion: focusplane/v1\nkind: Team\nmetadata: {name: crew}\nspec: {members: [ana], channels: {}}\n"


def focus(number: int, region: str, flags: dict[str, str], routes: int = 1) -> str:
    declared = "".join(f"      {key}: {said}\n" for key, said in flags.items())
    paths = ", ".join(f'"/f{number}/{route}"' for route in range(routes))
    return (
        f"---\napiVersion: focusplane/v1\nkind: Focus\nmetadata: {{name: f{number}, labels: {{region: {region}}}}}\n"
        f"spec:\n  owner: crew\n  boundary: [{{service: s{number}, routes: [{paths}]}}]\n"
        "  objectives: [{name: up, target: 99%, window: 30d, sli: {bad: {status: 5xx}}}]\n"
        + (f"  controls:\n    flags:\n{declared}" if flags else "")
    )


ON = "{variants: {on: true, off: false}, default: on, off: off, expires: {never: tests}}"
OFF = ON.replace("default: on", "default: off")
NOBODY = ON.replace("off: off", "off: off, percentage: 0%")


def tombstone(name: str) -> str:
    return f"---\napiVersion: focusplane/v1\nkind: Removed\nmetadata: {{name: {name}}}\n"


def sets(killed: int, said: str = OFF, flags: int = 20, region: str = "eu") -> PolicySet:
    """Focuses of two regions with many flags; so many of those in `region` are `said` to be otherwise."""
    texts = [TEAM]
    for number, where in enumerate(("eu", "us")):
        declared = {f"k{key}": ON for key in range(flags)}
        if where == region:
            declared |= {f"k{key}": said for key in range(killed)}
        texts.append(focus(number, where, declared, routes=20))
    return load({"all.yaml": "".join(texts)}).policies


def change(old: PolicySet, *texts: str) -> Merged:
    loaded = load({"all.yaml": "".join(texts)})
    assert [str(one) for one in loaded.problems if one.severity.name == "ERROR"] == []
    return merge(old, loaded.policies)


@pytest.mark.parametrize("said", [OFF, NOBODY])
def test_edits_that_stop_more_than_a_fifth_of_a_regions_flags_are_held_and_page(said: str) -> None:
    old = sets(0)
    merged = merge(old, sets(5, said))
    assert merged.policies == old
    (alarm,) = merged.alarms
    assert alarm == merged.refused
    assert "would stop serving 5 of 20 flags of region eu at once (f0/flag.k0" in alarm
    assert merge(old, sets(4, said)).alarms == ()
    assert merge(old, sets(4, said)).policies == sets(4, said)


def test_few_flags_are_never_many() -> None:
    assert merge(sets(0, flags=4), sets(4, flags=4)).alarms == ()


def test_what_is_confirmed_by_its_name_is_obeyed_and_nothing_else() -> None:
    old, new = sets(0), sets(20)
    name = re.findall(r"bulk-[0-9a-f]{10}", merge(old, new).refused)[0]
    text = "".join(
        [TEAM, focus(0, "eu", {f"k{key}": OFF for key in range(20)}, 20), focus(1, "us", {f"k{key}": ON for key in range(20)}, 20)]
    )  # fmt: skip
    assert merge(old, change(old, text, tombstone(name)).policies).alarms == ()
    assert change(old, text, tombstone(name)).policies.focuses["f0"].controls.flags["k0"].default == "off"
    other = text.replace("      k19: " + OFF, "      k19: " + ON, 1)
    assert "19 of 20" in change(old, other, tombstone(name)).refused


def test_many_tombstones_at_once_are_held_too() -> None:
    old = sets(0)
    text = TEAM + focus(0, "eu", {f"k{key}": ON for key in range(10)}, 20)
    text += focus(1, "us", {f"k{key}": ON for key in range(20)}, 20)
    buried = "".join(tombstone(f"f0/flag.k{key}") for key in range(10, 20))
    assert "stop serving 10 of 20 flags of region eu" in change(old, text, buried).refused
    assert change(old, text).policies.focuses["f0"].controls.flags.keys() == {f"k{n}" for n in range(20)}


def test_routes_of_a_region_are_flags_like_any_and_one_that_moves_is_not_gone() -> None:
    old = sets(0)
    flags = {f"k{key}": ON for key in range(20)}
    less = TEAM + focus(0, "eu", flags, 10) + focus(1, "us", flags, 20)
    assert "take away 10 of 20 routes of region eu" in change(old, less).refused
    moved = less + (
        "---\napiVersion: focusplane/v1\nkind: Focus\nmetadata: {name: heir}\nspec:\n  owner: crew\n  boundary:\n"
        "  - service: s0\n    routes: [" + ", ".join(f'"/f0/{n}"' for n in range(10, 20)) + "]\n"
        "  objectives: [{name: up, target: 99%, window: 30d, sli: {bad: {status: 5xx}}}]\n"
    )
    assert change(old, moved).alarms == ()
