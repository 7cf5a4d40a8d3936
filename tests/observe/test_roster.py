"""Who was here and who was hurt: exact while there is room, bounded and honest beyond it."""

from hypothesis import given
from hypothesis import strategies as st

from focusplane.kernel.tick import DAY, HOUR, SECOND
from focusplane.observe.roster import MOST_TENANTS, Roster, Tenants

T0 = 1_700_000_000_000 // DAY * DAY
notes = st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 23 * 3600), st.booleans()), max_size=60)


@given(notes, st.integers(0, 23 * 3600))
def test_active_and_hurt_are_those_of_a_brute_force_also_of_who_came_or_left(
    said: list[tuple[str, int, bool]], ago_s: int
) -> None:
    roster, since = Roster(), T0 + ago_s * SECOND
    for tenant, at, failed in sorted(said, key=lambda one: one[1]):
        roster.note(tenant, T0 + at * SECOND, 3, int(failed))
    late = [(tenant, failed) for tenant, at, failed in said if T0 + at * SECOND > since]
    assert roster.over(since) == Tenants(len({t for t, bad in late if bad}), len({t for t, _ in late}))
    again = Roster.restored(roster.state())
    assert again == roster


def test_a_million_tenants_take_bounded_memory_and_what_is_not_known_is_said() -> None:
    roster, extra = Roster(), 1_000_000 - MOST_TENANTS
    for number in range(1_000_000):
        roster.note(f"t{number}", T0 + HOUR, 1, number % 10 == 0)
    roster.note("", T0 + HOUR, 5, 1)
    assert len(roster.last) == MOST_TENANTS
    assert roster.over(T0) == Tenants(MOST_TENANTS // 10, MOST_TENANTS, extra, extra // 10, 5)


def test_places_of_who_has_not_been_here_for_a_day_go_to_others() -> None:
    roster = Roster()
    for number in range(MOST_TENANTS):
        roster.note(f"old{number}", T0, 1, 0)
    roster.note("new", T0 + DAY + HOUR, 1, 1)
    assert roster.over(T0 + DAY) == Tenants(1, 1)
    assert list(roster.last) == ["new"]
