"""Who is looked at first when much fails at once."""

from tests.plane.night import FOCUS, TEAMS

from focusplane.plane.arrows.hush import causes_first
from focusplane.plane.draft import Draft
from focusplane.testing.rig import Rig


def needing(*needs: tuple[str, str]) -> Draft:
    it = Rig({"team.yaml": TEAMS, **{f"{name}.yaml": FOCUS % (name, other, "") for name, other in needs}})
    assert not it.world.policies.refused
    return Draft(it.world, it.world.tick)


def test_a_chain_as_long_as_a_large_set_is_looked_at_from_its_end() -> None:
    """A walk that calls itself for each of them would end the turn."""
    last = 1_100
    draft = needing(*((f"f{n}", f"f{n + 1}" if n < last else "") for n in range(last + 1)))
    assert causes_first(draft, [f"f{n}" for n in range(last + 1)]) == [f"f{n}" for n in range(last, -1, -1)]


def test_where_two_need_each_other_both_come_behind_what_they_need_and_before_who_needs_them() -> None:
    draft = needing(("web", "a"), ("a", "b"), ("b", "a, db"), ("db", ""))
    assert causes_first(draft, ["web", "a", "b", "db"]) == ["db", "a", "b", "web"]
