"""An objective that counts what the plane itself sees of a URL."""

from fractions import Fraction

import pytest

from focusplane.act.effect import Visit
from focusplane.define.load import load
from focusplane.instrument.signal import Source
from focusplane.kernel.tick import MINUTE, SECOND
from focusplane.observe.health import State
from focusplane.observe.reading import Measured
from focusplane.observe.tries import Saw, Tried
from focusplane.plane.arrival import PolicyRead, Visited
from focusplane.plane.snapshot import preserve, revive
from focusplane.testing.rig import Load, Rig

URL = "https://shop.example/healthz"
PROBE = f'{{probe: {{url: "{URL}", every: 10s, timeout: 2s, body: ok}}}}'
POLICY = f"""
apiVersion: focusplane/v1
kind: Focus
metadata: {{name: shop}}
spec:
  owner: payments
  boundary: [{{service: payment}}]
  objectives:
    - {{name: answered, target: 90%, window: 1d, sli: {{bad: {{status: 5xx}}}}}}
    - {{name: up, target: 90%, window: 1d, sli: {PROBE}}}
---
apiVersion: focusplane/v1
kind: Team
metadata: {{name: payments}}
spec: {{members: [ana@example.org]}}
"""
DOWN = Tried(Saw.BAD, "status 503, expected was 2xx")


def rig() -> Rig:
    it = Rig({"shop.yaml": POLICY})
    assert not it.world.policies.refused
    return it


def tries(it: Rig, window_ms: int = 10 * MINUTE) -> Measured:
    mark = it.world.counters.lanes["shop"].mark("up")
    assert mark is not None
    found = it.world.counters.over("shop", "up", window_ms, mark)
    assert isinstance(found, Measured), found
    return found


def test_each_try_is_one_unit_of_its_own_objective_and_disturbs_no_other() -> None:
    it = rig()
    it.loads.append(Load("shop", per_second=10, tenants=2, source=Source.APP))
    it.seconds(60)
    it.pages[URL] = DOWN
    it.seconds(60)
    found = tries(it)
    assert 12 <= found.total <= 13
    assert 6 <= found.bad <= 7
    lane = it.world.counters.lanes["shop"]
    assert lane.sources.active is Source.APP
    assert set(lane.sources.reporters) == {(Source.APP, "edge-1")}
    assert it.world.health["shop/answered"].state is State.OK
    assert it.world.health["shop/up"].state in (State.BURNING, State.EXHAUSTED)
    assert "status 503" in it.world.health["shop/up"].reason


def test_trap_21_while_the_plane_was_away_nothing_was_seen_and_that_is_not_good() -> None:
    it = rig()
    it.seconds(60)
    it.turn(after_ms=10 * MINUTE)
    it.seconds(30)
    found = tries(it, 12 * MINUTE)
    assert found.bad == 0
    assert found.total < 15
    assert found.covered < Fraction(1, 4)


def test_a_try_that_the_plane_could_not_make_is_neither_good_nor_bad_and_two_of_them_are_blindness() -> None:
    it = rig()
    it.seconds(60)
    before = tries(it)
    it.pages[URL] = Tried(Saw.UNKNOWN, "no connection: Network is unreachable")
    it.seconds(60)
    after = tries(it)
    assert (after.total, after.bad) == (before.total, before.bad)
    assert it.world.health["shop/up"].state is State.BLIND
    assert "Network is unreachable" in it.world.health["shop/up"].reason
    del it.pages[URL]
    it.seconds(21)
    assert it.world.health["shop/up"].state is State.OK


def test_a_url_is_asked_once_at_a_time_and_again_after_its_answer() -> None:
    it = rig()
    it.seconds(5)
    it._next.clear()
    asked = [effect for effect in it.world.outbox.values() if isinstance(effect, Visit)]
    made = [it.turn(after_ms=SECOND).effects for _ in range(30)]
    if not asked:
        asked = [effect for effects in made for effect in effects if isinstance(effect, Visit)][:1]
    assert len([one for one in it.world.outbox.values() if isinstance(one, Visit)]) <= 1
    assert asked


def test_the_answer_to_what_is_asked_no_more_counts_nowhere() -> None:
    it = rig()
    it.seconds(60)
    key = next(
        iter(
            key for turn in it.turns for one in turn.arrivals if isinstance(one, Visited) for key in [one.key]
        )
    )
    edited = POLICY.replace(URL, URL + "2")
    it.turn(PolicyRead({"shop.yaml": edited}, "2026-01-01"))
    it._next.clear()
    it.turn(Visited(key, "shop", "up", DOWN))
    assert it.world.counters.lanes["shop"].mark("up") is None


def test_tries_survive_a_snapshot() -> None:
    it = rig()
    it.seconds(45)
    copy = rig()
    copy.world = revive(preserve(it.world))
    copy._next = list(it._next)
    for one in (it, copy):
        one.seconds(45)
    assert tries(it) == tries(copy)
    assert it.world.health == copy.world.health


@pytest.mark.parametrize(
    ("probe", "code"),
    [
        ('{url: "ftp://shop.example/"}', "D012"),
        ('{url: "https://ana:secret@shop.example/"}', "D012"),
        ('{url: "http://169.254.169.254/latest/meta-data"}', "D012"),
        ('{url: "http://[fe80::1]/"}', "D012"),
        ('{url: "https://shop.example/", every: 1s}', "D224"),
        ('{url: "https://shop.example/", every: 10s, timeout: 10s}', "D224"),
        ('{url: "https://shop.example/"}, bad: {status: 5xx}', "D220"),
        ('{url: "https://shop.example/"}, latency: {under: 1s}', "D220"),
    ],
)
def test_what_cannot_be_asked_is_refused_at_the_door(probe: str, code: str) -> None:
    text = POLICY.replace(PROBE, f"{{probe: {probe}}}")
    found = [one for one in load({"shop.yaml": text}).problems if one.code == code]
    assert found
    assert "secret" not in str(found)


def test_the_keys_of_questions_are_worked_out_once_for_each_policy() -> None:
    it = rig()
    first = it.world.counters.probes()
    it.seconds(30)
    assert it.world.counters.probes() is first
    it.turn(PolicyRead({**it.files, "more.yaml": ""}, "2026-01-01"))
    assert it.world.counters.probes().keys() == first.keys()
