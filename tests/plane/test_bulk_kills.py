"""Much at once: a set that stops many flags is held and pages; many kills by one caller wait for a second word."""

from focusplane.act.fact import Kind
from focusplane.act.request import ClearControl, Done, Refused, SetControl
from focusplane.control.state import FlagState
from focusplane.plane.arrival import PolicyRead
from focusplane.testing.rig import Rig

ON = "{variants: {on: true, off: false}, default: on, off: off, expires: {never: tests}}"


def policy(off: int = 0, many: int = 25) -> str:
    said = {f"k{number}": ON for number in range(many)}
    said |= {f"k{number}": ON.replace("default: on", "default: off") for number in range(off)}
    flags = "".join(f"      {key}: {text}\n" for key, text in said.items())
    return (
        "apiVersion: focusplane/v1\nkind: Focus\nmetadata: {name: shop}\nspec:\n  owner: crew\n"
        "  boundary: [{service: shop}]\n"
        "  objectives: [{name: up, target: 99%, window: 30d, sli: {bad: {status: 5xx}}}]\n"
        f"  controls:\n    flags:\n{flags}  alerts: {{page: [pager]}}\n"
        "---\napiVersion: focusplane/v1\nkind: Team\nmetadata: {name: crew}\n"
        'spec: {members: [ana], channels: {pager: {url: "env:PAGER_URL"}}}\n'
    )


def kill(it: Rig, number: int, force: bool = False, by: str = "ana") -> Done | Refused:
    state = {"variant": "off", **({"force": True} if force else {})}
    answer = it.ask(SetControl("shop", f"flag.k{number}", state, "night"), by)
    assert isinstance(answer, Done | Refused)
    return answer


def served(it: Rig) -> int:
    states = [entry.state for entry in it.world.board.entries.values()]
    return sum(isinstance(state, FlagState) and state.variant == "on" for state in states)


def test_a_set_that_stops_most_flags_is_held_pages_and_is_told() -> None:
    it = Rig({"shop.yaml": policy()})
    it.turn()
    it.turn(PolicyRead({"shop.yaml": policy(20)}, "2026-01-01"))
    it.seconds(2)
    assert served(it) == 25
    (held,) = it.said(Kind.POLICY_HELD)
    assert "would stop serving 20 of 25 flags at once" in held.reason
    assert any("20 of 25 flags" in page.title + page.body for page in it.sent)
    assert [one.code for one in it.world.policies.notices] == ["D373"]
    it.turn(PolicyRead({"shop.yaml": policy(4)}, "2026-01-01"))
    it.seconds(2)
    assert served(it) == 21
    assert it.world.policies.notices == ()


def test_the_sixth_kill_of_25_within_a_minute_waits_for_a_second_word() -> None:
    it = Rig({"shop.yaml": policy()})
    it.turn()
    for number in range(5):
        assert isinstance(kill(it, number), Done)
    answer = kill(it, 5)
    assert isinstance(answer, Refused)
    assert "ana has killed 5 of 25 flags within a minute" in answer.reason
    assert "force" in answer.hint
    assert isinstance(kill(it, 4), Done), "the same one again is no further one"
    assert isinstance(kill(it, 5, by="ben"), Done)
    assert isinstance(kill(it, 6, force=True), Done)
    it.seconds(61)
    assert isinstance(kill(it, 7), Done)


def test_three_kills_are_free_however_few_flags_there_are() -> None:
    it = Rig({"shop.yaml": policy(many=4)})
    it.turn()
    assert [type(kill(it, number)) for number in range(4)] == [Done, Done, Done, Refused]


def test_what_was_killed_in_bulk_is_back_with_the_turn_that_clears_it() -> None:
    it = Rig({"shop.yaml": policy()})
    it.turn()
    for number in range(25):
        kill(it, number, force=True)
    assert served(it) == 0
    before = it.world.tick.number
    for number in range(25):
        it.ask(ClearControl("shop", f"flag.k{number}"))
    assert served(it) == 25
    assert it.world.tick.number - before <= 25
