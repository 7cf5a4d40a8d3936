"""Rules of flags in an application: they see the tenant, what was marked, and what is said with the question."""

from dataclasses import replace
from fractions import Fraction

import pytest
from tests.sdk.conftest import PART, Plane, declared, eventually

from focusplane.control.board import declare
from focusplane.control.command import ControlId
from focusplane.control.snapshot import Snapshot
from focusplane.control.state import FlagState
from focusplane.define.controls import Flag
from focusplane.define.targeting import Clause, Crowd, Rule, Timed, Trait, When
from focusplane.sdk import Client
from focusplane.wire.board_json import decode, encode_snapshot

RULES = (
    Rule(When(Crowd(Clause((Trait("region", ("eu",)),)))), {"new": Fraction(1)}),
    Rule(
        When(Crowd(Clause((Trait("client.id", ("ios",)), Trait("appVersion", (">=2.3.0",)))))),
        {"new": Fraction(1)},
    ),
)
RANKING = Flag(
    "ranking", {"new": "v2", "old": "v1"}, "new", "old", "search", percentage=Fraction(0), rules=RULES
)
LONG_AGO = Flag(
    "soon",
    {"on": True, "off": False},
    "on",
    "off",
    "x",
    percentage=Fraction(0),
    schedule=(Timed(1_000, Fraction(1), "1970"),),
)


@pytest.fixture
def search(plane: Plane, shop: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    part = replace(PART, flags={**PART.flags, "ranking": RANKING, "soon": LONG_AGO})
    monkeypatch.setattr(
        "tests.sdk.conftest.encode_snapshot",
        lambda snapshot: encode_snapshot(Snapshot(snapshot.board, {"checkout": part})),
    )
    board = declare(declared(), ControlId("checkout", "flag.ranking"), FlagState("new", Fraction(0)))
    plane.publish(board)
    eventually(lambda: shop.health().board == board.etag)
    return shop


def test_rules_see_what_is_said_with_the_question(search: Client) -> None:
    assert search.flag("ranking", "acme") == "v1"
    assert search.flag("ranking", "acme", context={"region": "eu"}) == "v2"
    told = search.evaluate("ranking", "acme", context={"region": "eu"})
    assert (told.reason, told.why) == ("TARGETING_MATCH", "rule 1: region eu")


def test_rules_see_what_was_marked_and_the_meter_does_not(plane: Plane, search: Client) -> None:
    with search.request("checkout", "acme") as request:
        assert request.flag("ranking") == "v1"
        request.mark({"client.id": "ios", "appVersion": "2.10.0", "nobody-asks": "x"})
        assert request.flag("ranking") == "v2"
        assert request.said == {"client.id": "ios", "appVersion": "2.10.0"}
        with search.request("checkout", "acme") as inner:
            assert inner.flag("ranking") == "v2"
        assert search.flag("ranking", request, context={"appVersion": "1.0"}) == "v1"
    assert search.flush(5)
    assert all("appVersion" not in row for row in plane.taken())


def test_a_schedule_that_has_begun_is_in_force(search: Client) -> None:
    assert search.flag("soon", "acme") is True
    with search.request("checkout") as request:
        assert request.flag("soon") is True
        assert request.flag("nobody-declares-it", default=7) == 7


def test_what_a_flag_is_for_survives_the_way_to_the_application() -> None:
    flag = replace(
        RANKING, by="region", requires={"new-pricing": ("on",)}, permanent="ops", schedule=LONG_AGO.schedule
    )
    part = replace(PART, flags={"ranking": flag})
    snapshot = Snapshot(declared(), {"checkout": part})
    assert decode(encode_snapshot(snapshot)).focuses["checkout"].flags == {"ranking": flag}
